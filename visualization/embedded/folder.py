"""The folder of an embedded stack: which of its files are ours."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator

import psutil

from multimeter.visualization.config import make_private_folder, open_private
from multimeter.visualization.errors import VisualizationError

__all__ = ["DataFolder"]

_MOST_LOG_BYTES = 1_000_000


class DataFolder:
    """The files of one embedded stack.

    Only these are ever removed: whatever else someone keeps in the folder stays.

    Args:
        path: The folder; it need not exist.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.store = path / "store.duckdb"
        self.log = path / "server.log"
        self._old_log = path / "server.log.1"
        self._pid_file = path / "server.pid"
        self._pid_draft = path / "server.pid.draft"

    def is_there(self) -> bool:
        """Whether anything of ours is there, be it from before."""
        return bool(self._files())

    def size_bytes(self) -> int:
        """What the store takes on the disk."""
        return sum(each.stat().st_size for each in self._store_files())

    def create(self) -> None:
        """Make the folder, for its owner only.

        Raises:
            VisualizationError: There is no permission, or it is no folder.
        """
        try:
            make_private_folder(self.path)
            # Whether it can be written to is better known now than by the server.
            with open_private(self.log):
                pass
        except OSError as error:
            raise VisualizationError(
                f"The folder {self.path} cannot be used: {error.strerror}",
                cause="It belongs to another user, is no folder, or the disk is full.",
                next_step="Choose another one: multimeter-visu install -d DIR",
            ) from error

    def remove(self) -> None:
        """Remove our files, and the folder where nothing else is in it."""
        for each in self._files():
            each.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def _store_files(self) -> list[pathlib.Path]:
        # Beside the store its log, and what is left of a store that was being made.
        return list(self.path.glob(f"{self.store.name}*"))

    def _files(self) -> list[pathlib.Path]:
        others = (self.log, self._old_log, self._pid_file, self._pid_draft)
        return [*self._store_files(), *(each for each in others if each.exists())]

    def open_log(self) -> int:
        """Return a descriptor that appends to the log; a long one is put aside."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _MOST_LOG_BYTES:
                self.log.replace(self._old_log)
        return os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def last_log_lines(self, number: int) -> str:
        """Return the end of the log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-number:])

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Say that this process is the server, as long as it is.

        Raises:
            VisualizationError: Another process is.
        """
        other = self.server()
        if other is not None and other.pid != os.getpid():
            raise VisualizationError(
                f"The server of {self.path} runs already (pid {other.pid}).",
                next_step="multimeter-visu stop",
            )
        self._say(ready=False)
        try:
            yield
        finally:
            self._pid_file.unlink(missing_ok=True)

    def say_ready(self) -> None:
        """Say that this process, the server, listens."""
        self._say(ready=True)

    def _say(self, *, ready: bool) -> None:
        me = psutil.Process()
        said = {"pid": me.pid, "created": me.create_time(), "ready": ready}
        # All of it or nothing: others read it at any moment.
        with open_private(self._pid_draft) as stream:
            json.dump(said, stream)
        self._pid_draft.replace(self._pid_file)

    @property
    def has_ended_in_order(self) -> bool:
        """Whether no server has left its file behind, as one that is killed does."""
        return not self._pid_file.exists()

    def server(self) -> psutil.Process | None:
        """Return the process that says it is the server, if it lives.

        A pid is used again after its process has ended, so the time at which the
        process began must be the same too: a foreign process is never returned.
        """
        return self._find()[0]

    def ready_server(self) -> psutil.Process | None:
        """Return the server, if it listens already."""
        process, ready = self._find()
        return process if ready else None

    def _find(self) -> tuple[psutil.Process | None, bool]:
        try:
            said = json.loads(self._pid_file.read_text(encoding="utf-8"))
            process = psutil.Process(int(said["pid"]))
            same = abs(process.create_time() - float(said["created"])) < 1.0
            alive = process.status() != psutil.STATUS_ZOMBIE
            ready = bool(said.get("ready"))
        except (OSError, ValueError, OverflowError, TypeError, KeyError, psutil.Error):
            return None, False
        return (process, ready) if same and alive else (None, False)
