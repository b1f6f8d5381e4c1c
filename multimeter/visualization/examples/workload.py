"""Units of work for the example and the demonstration.

All data is generated from seeds, so every run gives the same.
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
    """Return incompressible bytes, the same for each number."""
    return random.Random(number).randbytes(size)  # noqa: S311 - not for security


def write_blocks(file: pathlib.Path, blocks: Iterable[bytes]) -> None:
    """Write blocks to a file, and sync it to the disk every few blocks."""
    with file.open("wb", buffering=0) as stream:
        for number, block in enumerate(blocks):
            stream.write(block)
            if number % _BLOCKS_OF_SYNC == 0:
                os.fsync(stream.fileno())


def read_back(file: pathlib.Path, size: int = MIB) -> Generator[bytes, None, None]:
    """Yield the parts of a file, past the page cache where the system allows that."""
    with file.open("rb", buffering=0) as stream:
        if hasattr(os, "posix_fadvise"):
            # Pages in the kernel's cache would not be read from the disk.
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while part := stream.read(size):
            yield part


def compress_in_child(size: int) -> None:
    """Compress this many numbers in a child process, and wait for it."""
    command = python_command(_CHILD, str(size))
    # Its traceback at an interrupt would only clutter the output.
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # noqa: S603
