"""The helper process: it samples a process from outside.

An extension that holds the interpreter lock for seconds stops every thread of its
process, and a crash ends them. A process of its own goes on::

    the measured process                    the helper process
    HelperSampler (sampler.py) -- job ----> Helper (process.py)
                               -- marks --> |  Sampler -> probes, from outside
                               <- points -- |
                               -- end ----> last sample, then it ends

When the measured process ends without a word, the helper stores what it has itself.
"""
