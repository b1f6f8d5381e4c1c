"""The server process of an embedded stack, in the background."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import psutil

from multimeter.system.interpreter import python_command
from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.errors import StoreFullError, VisualizationError

__all__ = ["ServerProcess", "wait_for_end"]

_PROGRAM = "from multimeter.visualization.embedded.launch import main; main()"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.01
_COLLECT_SECONDS = 1.0
_ROOM_BYTES = 4096


class ServerProcess:
    """The server process of one embedded stack.

    Args:
        folder: The folder of the stack.
        config_file: Its configuration. Only its path is on the command line, so that the
            list of processes shows no secret.
    """

    def __init__(self, folder: DataFolder, config_file: pathlib.Path) -> None:
        self._folder = folder
        self._config_file = config_file

    def find(self) -> psutil.Process | None:
        """Return the running server, or None; never another process."""
        return self._folder.server()

    def start(self) -> None:
        """Start the server, and wait until it listens.

        Raises:
            VisualizationError: It ended, or is not ready after one minute.
        """
        process = None
        try:
            with deferred_signals():
                process = self._spawn()
            failure = self._wait_until_ready(process)
        except BaseException:
            if process:
                _end(process)
            raise
        if failure:
            _end(process)
            raise self._not_started(failure)
        # The server outlives this process: no ResourceWarning for not waiting.
        process.returncode = 0

    def _not_started(self, failure: str) -> VisualizationError:
        folder = self._folder
        # On a full disk, the log lacks its last lines.
        if shutil.disk_usage(folder.path).free < _ROOM_BYTES:
            return StoreFullError(
                f"The server {failure}: the disk of {folder.path} is full.",
                cause=f"There is no room, not even for its log {folder.log}.",
                next_step=f"Free some space (df -h '{folder.path}'),"
                " then: multimeter-visu start",
            )
        return VisualizationError(
            f"The server {failure}. The end of its log:\n{folder.last_log_lines(5)}",
            next_step=f"multimeter-visu doctor; the whole log is {folder.log}",
        )

    def _spawn(self) -> subprocess.Popen[bytes]:
        log = self._folder.open_log()
        try:
            return subprocess.Popen(  # noqa: S603 - our module
                python_command(
                    _PROGRAM, str(self._config_file.absolute()), str(os.getpid())
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self._folder.path,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        finally:
            os.close(log)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> str:
        """Wait until the server listens; return why it does not, or an empty string."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready(process.pid):
            if process.poll() is not None:
                return f"ended with code {process.returncode}"
            if time.monotonic() > deadline:
                return f"is not ready after {_START_SECONDS:.0f} s"
            time.sleep(_POLL_SECONDS)
        return ""

    def _is_ready(self, pid: int) -> bool:
        server = self._folder.ready_server()
        return server is not None and server.pid == pid

    def stop(self) -> None:
        """Stop the server, and wait until it has ended.

        Raises:
            VisualizationError: It belongs to another user.
        """
        process = self.find()
        if process is None:
            return
        try:
            process.terminate()
            if not wait_for_end(process, _STOP_SECONDS):
                process.kill()
                wait_for_end(process, _STOP_SECONDS)
        except psutil.NoSuchProcess:
            return
        except psutil.AccessDenied as error:
            raise VisualizationError(
                f"The server (pid {process.pid}) cannot be stopped.",
                cause="It was started by another user.",
                next_step="Stop it as that user: multimeter-visu stop",
            ) from error


def wait_for_end(process: psutil.Process, seconds: float) -> bool:
    """Wait until a process has ended; return whether it did.

    A zombie has ended too: its parent does not collect it, as happens in a container
    without an init process.
    """
    latest = time.monotonic() + seconds
    while process.is_running():
        is_zombie = _status(process) == psutil.STATUS_ZOMBIE
        if is_zombie:
            latest = min(latest, time.monotonic() + _COLLECT_SECONDS)
        if time.monotonic() > latest:
            return is_zombie
        time.sleep(_POLL_SECONDS)
    return True


def _status(process: psutil.Process) -> str:
    try:
        return process.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextlib.contextmanager
def deferred_signals() -> Iterator[None]:
    """Defer SIGINT and SIGTERM until the end of the context.

    A signal during the start of a process would leave that process unmanaged.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread handles signals
        return
    arrived: list[int] = []
    before = {
        number: signal.signal(number, lambda each, _frame: arrived.append(each))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in arrived:
            signal.raise_signal(each)
