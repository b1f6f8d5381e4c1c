"""Measure a command without the library, as long as it is short.

Importing the library takes longer than many a command. So the command is started at once;
when it goes on for :data:`LIBRARY_AFTER`, the library is imported beside it and takes the
recording over, see :mod:`multimeter.processes.take_over`. One that has ended before is
stored and reported here, where its run goes to a file in the home folder.
"""

from __future__ import annotations

import _thread
import os
import sys
import time

from multimeter.errors import MultimeterError
from multimeter.processes.child import CommandError, outliving_signals
from multimeter.processes.options import parse_run
from multimeter.processes.recording import LONGEST_CYCLE, Recording, Schedule

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from multimeter.processes.take_over import TakeOver

__all__ = ["LIBRARY_AFTER", "run_quickly"]

LIBRARY_AFTER = 0.2
"""The age of a run, in s, from which on it is worth importing the library."""

_OWN_FAILURE = 125
_OPTIONS = {"command", "quiet", "wait_all"}


def run_quickly(words: list[str]) -> int | None:
    """Run a command, measure it, and return the exit code of ``multimeter run``.

    Args:
        words: What follows ``run`` on the command line.

    Returns:
        The exit code; None where the library has to do it from the start: for options
        that are checked before the command is started, and on other systems than Linux.
    """
    options = parse_run(words)
    if options is None or options.keys() - _OPTIONS or not _is_usual():
        return None
    try:
        recording = Recording(options["command"])
    except CommandError as error:
        _print([f"multimeter: {error}"])
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - it has not been started
        what = str(error) if isinstance(error, MultimeterError) else repr(error)
        _print([f"multimeter: {what}"])
        return _OWN_FAILURE
    quiet, wait_all = bool(options.get("quiet")), bool(options.get("wait_all"))
    return _QuickRun(recording, quiet=quiet, wait_all=wait_all).run()


def _is_usual() -> bool:
    """Return whether this is Linux with its files of processes and open streams."""
    try:
        for number in range(3):
            os.fstat(number)
    except OSError:
        return False
    return sys.platform == "linux" and os.path.exists("/proc/self/stat")  # noqa: PTH110


class _QuickRun:
    """A command that was started, and the library as soon as it is worth it."""

    def __init__(self, recording: Recording, *, quiet: bool, wait_all: bool) -> None:
        self._recording = recording
        self._quiet = quiet
        self._wait_all = wait_all
        self._schedule = Schedule(recording.sample, recording.glance, None)
        self._take_over: TakeOver | None = None
        self._is_imported = False
        self._importing = _thread.allocate_lock()
        self._has_begun = False

    def run(self) -> int:
        """Wait for the command, store and report its run, and return its exit code."""
        recording = self._recording
        with outliving_signals():
            try:
                exit_code = recording.finish(self._look, wait_all=self._wait_all)
                ended_ns = recording.time_ns()
            finally:
                recording.child.release()
            try:
                self._report(exit_code, ended_ns)
            except KeyboardInterrupt:
                pass
            except Exception as error:  # noqa: BLE001 - the command has its own exit code
                _print([f"multimeter: The run was not measured or stored: {error!r}"])
        return exit_code

    def _look(self) -> float:
        try:
            if self._schedule.age > LIBRARY_AFTER:
                self._use_library()
            return self._schedule.look()
        except Exception:  # noqa: BLE001 - the command must not be affected
            return LONGEST_CYCLE

    def _use_library(self) -> None:
        """Import the library beside the command, and let it take over once it is there."""
        if not self._has_begun:
            self._has_begun = True
            self._importing.acquire()
            _thread.start_new_thread(self._import, ())
        elif self._is_imported and self._take_over is not None:
            self._is_imported = False
            sample = self._take_over.begin()
            if sample is not None:
                self._schedule.sample = sample

    def _import(self) -> None:
        try:
            self._take_over = self._new_take_over()
            self._is_imported = True
        finally:
            self._importing.release()

    def _new_take_over(self) -> TakeOver:
        from multimeter.processes.take_over import TakeOver

        return TakeOver(self._recording, quiet=self._quiet, wait_all=self._wait_all)

    def _report(self, exit_code: int, ended_ns: int) -> None:
        self._importing.acquire()  # until it is imported, if it is being imported
        self._recording.meta_data.update(self._schedule.meta_data())
        if not self._has_begun:
            from multimeter.processes.quick_store import store

            # The last look was at the end: it is the last point.
            lines = store(self._recording, exit_code, ended_ns)
            if lines is not None:
                _print([] if self._quiet else lines)
                return
        take_over = self._take_over or self._new_take_over()
        take_over.end(exit_code, ended_ns, self._schedule)


def _print(lines: list[str]) -> None:
    """Write lines to the error output; what cannot be written is lost."""
    text = "".join(f"{line}\n" for line in lines)
    data = text.encode(sys.stderr.encoding if sys.stderr else "utf-8", "backslashreplace")
    deadline = time.monotonic() + 10.0
    while data and time.monotonic() < deadline:
        try:
            data = data[os.write(2, data) :]
        except BlockingIOError:  # another program has made it so
            time.sleep(0.01)
        except OSError:
            return
