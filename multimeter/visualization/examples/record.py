"""Record the example: measure a small pipeline that does a bit of everything.

``python -m multimeter.visualization.examples.record`` rewrites ``example.line``. The
work is done in the process, in threads and in child processes, so that no curve is flat.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import sys
import tempfile
import threading
import time
import zlib

from multimeter import FileStorage, LineFormat, Measurement, Multimeter, ResourceProbe
from multimeter.visualization.examples import EXAMPLE
from multimeter.visualization.examples.simulation import (
    compress_in_child,
    make_block,
    read_back,
    write_blocks,
)

_CYCLE_SECONDS = 0.1


def main() -> None:
    """Measure the pipeline and write the run as line protocol beside this file."""
    folder = pathlib.Path(__file__).parent
    storage = FileStorage(folder, LineFormat())
    meter = Multimeter(ResourceProbe(), cycle_time=_CYCLE_SECONDS, storage=storage)
    measurement = meter.measure(EXAMPLE, pipeline="demo")
    with tempfile.TemporaryDirectory() as scratch, measurement as result:
        result.add_meta_data(
            python=sys.version.split()[0], platform=sys.platform, cores=str(os.cpu_count())
        )
        _run(measurement, pathlib.Path(scratch) / "data.bin")


def _run(measurement: Measurement, file: pathlib.Path) -> None:
    time.sleep(1.0)
    measurement.add_mark("load")
    blocks = _load(file)
    measurement.add_mark("hash")
    for _ in range(64):
        for block in blocks:
            hashlib.sha256(block).digest()
    measurement.add_mark("compress in threads")
    _compress(blocks * 2)
    measurement.add_mark("children")
    for number in range(24):
        # Short ones: the usage of a child is reported all at once, when it has ended.
        compress_in_child(20_000 + 12_000 * (number * 7 % 11))
    measurement.add_mark("write")
    write_blocks(file, blocks)
    del blocks
    measurement.add_mark("wait")
    time.sleep(2.0)


def _load(file: pathlib.Path) -> list[bytes]:
    """Make some data, and read it back from the disk a few times."""
    blocks = []
    for number in range(96):
        blocks.append(make_block(number))
        time.sleep(0.03)
    write_blocks(file, blocks)
    for _ in range(3):
        for _part in read_back(file):
            time.sleep(0.002)
    return blocks


def _compress(blocks: list[bytes]) -> None:
    half = len(blocks) // 2
    parts = (blocks[:half], blocks[half:])
    threads = [threading.Thread(target=_compress_all, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _compress_all(blocks: list[bytes]) -> None:
    for block in blocks:
        zlib.compress(block)


if __name__ == "__main__":
    main()
