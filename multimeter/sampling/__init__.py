"""Sampling: in a thread of the measured process, or in a helper process.

An extension that holds the interpreter lock for seconds stops every thread of its
process, and a crash ends them. A helper process continues::

    the measured process                            the helper process
    HelperSampler (process_sampler.py) -- job ----> Helper (helper.py)
                                       -- marks --> |  Sampler -> probes, from outside
                                       <- points -- |
                                       -- end ----> last sample, then it ends

If the measured process dies, the helper stores the run itself.
"""
