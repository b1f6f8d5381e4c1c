"""Standard streams that a command line tool can rely on, whatever they lead to.

A closed, full or broken output must neither show a traceback nor change what a tool does:

- what cannot be written to the error output is lost, and raises nothing;
- the first time that the output cannot be written raises :class:`OutputError`; what comes
  after it is lost, and the tool fails at its end.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

__all__ = ["OutputError", "reliable_streams", "run_tool"]

_PATIENCE_MS = 10_000


class OutputError(Exception):
    """The output cannot be written.

    Args:
        error: Why.

    Attributes:
        is_quiet: Whether the reader has gone, as ``head`` does when it has enough.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"The output cannot be written: {error.strerror or error}.")
        self.is_quiet = error.errno == errno.EPIPE


class _Raw(io.RawIOBase):
    """Writes to a descriptor, also to one that is closed, or does not block.

    Args:
        number: The descriptor; None for one that was closed when the program started.
        is_lossy: Whether errors are kept silent.
    """

    def __init__(self, number: int | None, *, is_lossy: bool) -> None:
        self.error: OutputError | None = None
        self._number = number
        self._is_lossy = is_lossy

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._number is None:
            raise io.UnsupportedOperation("The stream is closed.")
        return self._number

    def isatty(self) -> bool:
        return self._number is not None and os.isatty(self._number)

    def write(self, data: Any) -> int:
        if self.error is None or self._is_lossy:
            try:
                return self._write(data)
            except OSError as error:
                is_first, self.error = self.error is None, OutputError(error)
                if is_first and not self._is_lossy:
                    raise self.error from error
        return memoryview(data).nbytes

    def _write(self, data: Any) -> int:
        if self._number is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        while True:
            try:
                return os.write(self._number, data)
            except BlockingIOError:  # another program has made it so
                poll = select.poll()
                poll.register(self._number, select.POLLOUT)
                if not poll.poll(_PATIENCE_MS):
                    raise


@contextlib.contextmanager
def reliable_streams() -> Iterator[_Raw]:
    """Put such streams in the place of ``sys.stdout`` and ``sys.stderr`` meanwhile.

    An input that was closed is empty.

    Streams that are not those of the process, such as those of a test, are left alone.

    Returns:
        The output, which keeps its first error.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    output = _Raw(_descriptor(sys.stdout), is_lossy=False)
    if _is_of_process(sys.stdout, sys.__stdout__):
        sys.stdout = _text(output, sys.stdout)
    if _is_of_process(sys.stderr, sys.__stderr__):
        sys.stderr = _text(_Raw(_descriptor(sys.stderr), is_lossy=True), sys.stderr)
    _occupy_descriptors()
    if sys.stdin is None:
        sys.stdin = io.StringIO()
    try:
        yield output
    finally:
        for stream in (sys.stdout, sys.stderr):
            # What is left must not be tried again by the interpreter as it ends.
            with contextlib.suppress(OutputError):
                stream.flush()
        sys.stdin, sys.stdout, sys.stderr = before


def _is_of_process(stream: TextIO | None, original: TextIO | None) -> bool:
    # The console of Windows is no file descriptor.
    return stream is None or (stream is original and sys.platform != "win32")


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):
        return None


def _text(raw: _Raw, like: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=like.encoding if like else "utf-8",
        # A name that the output has no letters for is no reason to end.
        errors="backslashreplace"
        if like is None or like.errors == "strict"
        else like.errors,
        line_buffering=like is None or raw.isatty() or bool(like.line_buffering),
    )


def _occupy_descriptors() -> None:
    """Keep a file that is opened later from taking the number of a standard stream.

    A program that is started has them closed all the same.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)


def run_tool(run: Callable[[], object]) -> int:
    """Run a command line tool with such streams, and return its exit code.

    Args:
        run: The tool; it ends as it likes, also by ``sys.exit``.

    Returns:
        Its exit code; 1 where that is 0, but the output could not be written.
    """
    code = 0
    with reliable_streams() as output:
        try:
            run()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        except OutputError:
            pass  # it is kept
        with contextlib.suppress(OutputError):
            sys.stdout.flush()
        if output.error is not None:
            if not output.error.is_quiet:
                sys.stderr.write(f"{output.error}\n")
            code = code or 1
    return code
