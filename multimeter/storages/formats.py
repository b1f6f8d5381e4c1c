"""The base class of file formats."""

from __future__ import annotations

import abc
import codecs
import io
from collections.abc import Iterable, Iterator
from typing import IO

from multimeter.errors import FormatError, StorageError
from multimeter.result import Result

__all__ = ["FileFormat", "Stream", "read_pieces", "read_text", "write_text"]

Stream = IO[bytes] | io.RawIOBase | io.BufferedIOBase
"""A binary stream, raw or buffered."""

_CHUNK = 1 << 16
_READ_AT_ONCE = 1 << 20


class FileFormat(abc.ABC):
    """How a result looks in a file."""

    @property
    @abc.abstractmethod
    def extension(self) -> str:
        """The ending of the file names, with its dot."""

    @abc.abstractmethod
    def save_result_to_stream(self, result: Result, stream: Stream) -> None:
        """Write a result to a binary stream, which stays open.

        Args:
            result: What was measured.
            stream: Where it goes.

        Raises:
            FormatError: The format cannot express the result.
        """

    def load(self, stream: Stream) -> Result:  # noqa: ARG002 - others need it
        """Read a result back.

        Args:
            stream: A binary stream, which stays open.

        Raises:
            FormatError: The stream does not hold a result in this format.
        """
        raise FormatError(
            f"{type(self).__name__} cannot be read back.",
            next_step="Implement its method load, or use JsonFormat.",
        )


def write_text(stream: Stream, texts: Iterable[str]) -> None:
    """Write texts as UTF-8, in pieces that stay in the cache of a CPU.

    A lone surrogate, which UTF-8 lacks, becomes a question mark.
    """
    pending: list[str] = []
    size = 0
    for text in texts:
        pending.append(text)
        size += len(text)
        if size >= _CHUNK:
            write_all(stream, "".join(pending).encode("utf-8", "replace"))
            pending, size = [], 0
    write_all(stream, "".join(pending).encode("utf-8", "replace"))


def write_all(stream: Stream, data: bytes) -> None:
    """Write bytes, all of them.

    Raises:
        StorageError: The stream does not block, and takes nothing.
    """
    # A raw stream may take a part only, and says how much.
    left = memoryview(data)
    while left:
        taken = stream.write(left)
        if taken is None:
            raise StorageError("The stream takes nothing: it does not block.")
        left = left[taken:]


def read_text(stream: Stream) -> str:
    """Read UTF-8 text, which may begin with a byte order mark.

    Raises:
        FormatError: It is not UTF-8.
    """
    data = stream.read()
    try:
        return (data or b"").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(error) from error


def read_pieces(stream: Stream) -> Iterator[str]:
    """Read UTF-8 text piece by piece, so that it is never in memory whole.

    It may begin with a byte order mark, as some editors write it.

    Raises:
        FormatError: It is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while data := stream.read(_READ_AT_ONCE):
            yield decoder.decode(data)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(error) from error


def _not_utf8(error: UnicodeDecodeError) -> FormatError:
    return FormatError(
        "The file is not UTF-8 text: it holds the byte "
        f"0x{error.object[error.start]:02x} where none can be.",
        cause="It was written in another encoding, such as Latin-1 or UTF-16.",
    )
