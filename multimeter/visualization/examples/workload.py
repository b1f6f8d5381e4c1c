"""Pieces of work, of which the example and the demonstration are made.

All data is made from numbers, so each time it is the same.
"""

from __future__ import annotations

import os
import pathlib
import random
import subprocess
from collections.abc import Generator, Iterable

from multimeter.system.interpreter import python_command

__all__ = ["MIB", "compress_in_child", "make_block", "read_back", "write_blocks"]

MIB = 2**20

_BLOCKS_OF_SYNC = 8
_CHILD = """
import zlib
data = b"".join(number.to_bytes(4, "little") for number in range(int(sys.argv[1])))
for level in (1, 6, 9):
    zlib.compress(data, level)
"""


def make_block(number: int, size: int = MIB) -> bytes:
    """Return bytes that do not compress, the same for each number."""
    return random.Random(number).randbytes(size)  # noqa: S311 - just data


def write_blocks(file: pathlib.Path, blocks: Iterable[bytes]) -> None:
    """Write blocks to a file, some of them at a time onto the disk."""
    with file.open("wb", buffering=0) as stream:
        for number, block in enumerate(blocks):
            stream.write(block)
            if number % _BLOCKS_OF_SYNC == 0:
                os.fsync(stream.fileno())


def read_back(file: pathlib.Path, size: int = MIB) -> Generator[bytes, None, None]:
    """Yield the parts of a file, from the disk where the system can be asked for that."""
    with file.open("rb", buffering=0) as stream:
        if hasattr(os, "posix_fadvise"):
            # What stands in the cache of the kernel would be no reading at all.
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while part := stream.read(size):
            yield part


def compress_in_child(size: int) -> None:
    """Compress so many numbers in a process of its own, and wait for it."""
    command = python_command(_CHILD, str(size))
    # What it says when it is interrupted is of no use to anyone.
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # noqa: S603
