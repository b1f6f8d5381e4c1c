"""The data folder of an embedded stack: its files, and the record of its server."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import stat
from collections.abc import Iterator, Sequence

import psutil

from multimeter.errors import ConfigurationError
from multimeter.system.durable import PRIVATE_FILE, is_draft, is_regular
from multimeter.system.private import require_own_folder
from multimeter.visualization.config import (
    StackConfig,
    make_private_folder,
    open_private,
    remove_empty,
)
from multimeter.visualization.embedded.store_files import (
    remove_store,
    store_files,
    store_names,
)
from multimeter.visualization.errors import StoreFullError, VisualizationError

__all__ = ["DataFolder"]

_MOST_LOG_BYTES = 1_000_000
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
_PID_BYTES = 256
_NO_SERVER = "{}"


class DataFolder:
    """The files of one embedded stack.

    Only these are ever removed: any other file in the folder stays.

    Args:
        path: The folder; it need not exist.
        made: The folders that were made for this stack, innermost first. They are removed
            with it if they are empty; by default this is the folder itself.
    """

    def __init__(
        self, path: pathlib.Path, made: Sequence[pathlib.Path] | None = None
    ) -> None:
        self.path = path
        self._made = [path] if made is None else made
        self.store = path / "store.duckdb"
        self.log = path / "server.log"
        self.sessions = path / "sessions.json"
        self._old_log = path / "server.log.1"
        self._pid_file = path / "server.pid"

    @classmethod
    def of(cls, config: StackConfig) -> DataFolder:
        """Return the folder of an installed stack.

        Raises:
            KeyError: The configuration names no folder.
        """
        directory = config.spec.directory
        if not directory:
            raise KeyError("directory")
        made = config.engine_state.get("made_folders", [directory])
        return cls(pathlib.Path(directory), [pathlib.Path(each) for each in made])

    def is_there(self) -> bool:
        """Whether any of our files exists, even from an earlier stack."""
        return bool(self._files())

    def size_bytes(self) -> int:
        """Return the size of the store on disk."""
        return sum(each.stat().st_size for each in store_files(self.store))

    def require_ours(self) -> None:
        """Check that no other user can access our files, or has replaced them.

        Raises:
            ConfigurationError: Other users own the folder or may write to it, or one of
                our files is a link or belongs to another user.
        """
        if not self.path.is_dir():
            return
        require_own_folder(self.path)
        owner = self.path.stat().st_uid
        for each in self._names():
            status = each.lstat()
            if stat.S_ISLNK(status.st_mode) or status.st_uid != owner:
                raise ConfigurationError(
                    f"{each} is a link, or belongs to another user.",
                    cause="Another user put it there to redirect our data, or the"
                    " folder was moved by hand.",
                    next_step="Remove it, or choose another folder: multimeter-visu "
                    "install -d DIR",
                )

    def create(self) -> None:
        """Create the folder, accessible only to its owner.

        Raises:
            VisualizationError: There is no permission, or the path is not a folder.
            ConfigurationError: Other users own it, may write to it, or have put a file
                with one of our names into it.
        """
        self.require_ours()
        try:
            make_private_folder(self.path)
            # Fail now if the folder is not writable, not when the server starts.
            with open_private(self.log):
                pass
        except OSError as error:
            raise VisualizationError(
                f"The folder {self.path} cannot be used: {error.strerror}",
                cause="It belongs to another user, is not a folder, or the disk is full.",
                next_step="Choose another one: multimeter-visu install -d DIR",
            ) from error

    def remove(self) -> None:
        """Remove our files, and the folders that were made for them if they are empty."""
        remove_store(self.store)
        for each in self._files():
            each.unlink(missing_ok=True)
        remove_empty(self._made)

    def left(self) -> list[pathlib.Path]:
        """Return the files in the folder that are not ours."""
        ours = set(self._files())
        try:
            return sorted(each for each in self.path.iterdir() if each not in ours)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _names(self) -> list[pathlib.Path]:
        """Return the existing paths with our names, ours or not."""
        others = (self.log, self._old_log, self._pid_file, self.sessions)
        return [*store_names(self.store), *filter(os.path.lexists, others)]

    def _files(self) -> list[pathlib.Path]:
        beside = list(self.path.iterdir()) if self.path.is_dir() else []
        return [*filter(is_regular, self._names()), *filter(is_draft, beside)]

    def open_log(self) -> int:
        """Return a descriptor that appends to the log; a long log is rotated first.

        Raises:
            StoreFullError: There is no room.
            VisualizationError: There is no permission, or it is a link.
            ConfigurationError: Other users own the folder or may write to it.
        """
        self.require_ours()
        try:
            if is_regular(self.log) and self.log.stat().st_size > _MOST_LOG_BYTES:
                self._rotate_log()
            return os.open(self.log, _APPEND, PRIVATE_FILE)
        except OSError as error:
            raise _cannot_write(self.log, error) from error

    def _rotate_log(self) -> None:
        # A file that is not ours is not replaced; then the log keeps growing.
        if is_regular(self._old_log) or not os.path.lexists(self._old_log):
            self.log.replace(self._old_log)

    def last_log_lines(self, number: int) -> str:
        """Return the last lines of the log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-number:])

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Record this process as the running server, until the context ends.

        Raises:
            VisualizationError: Another process is the running server.
            ConfigurationError: Other users own the folder or may write to it.
        """
        self.require_ours()
        other = self.server()
        if other is not None and other.pid != os.getpid():
            raise VisualizationError(
                f"The server of {self.path} is running already (pid {other.pid}).",
                next_step="multimeter-visu stop",
            )
        try:
            self._record(ready=False)
        except OSError as error:
            raise _cannot_write(self._pid_file, error) from error
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                self._write_pid(_NO_SERVER, os.O_WRONLY)

    def record_ready(self) -> None:
        """Record that the server, this process, listens."""
        self._record(ready=True)

    def _record(self, *, ready: bool) -> None:
        me = psutil.Process()
        entry = {"pid": me.pid, "created": me.create_time(), "ready": ready}
        self._write_pid(json.dumps(entry), os.O_WRONLY | os.O_CREAT)

    def _write_pid(self, text: str, flags: int) -> None:
        """Write to the file that records the server process.

        Other processes read it at any moment, so it is written in one step and keeps its
        size. It stays when the server stops, so that a server can start on a full disk.
        """
        flags |= getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self._pid_file, flags, PRIVATE_FILE)
        try:
            os.write(descriptor, text.encode().ljust(_PID_BYTES))
            os.ftruncate(descriptor, _PID_BYTES)
        finally:
            os.close(descriptor)

    @property
    def has_ended_in_order(self) -> bool:
        """Whether the last server, if any, cleared its record when it stopped."""
        try:
            return self._pid_file.read_text(encoding="utf-8").strip() == _NO_SERVER
        except FileNotFoundError:
            return True
        except (OSError, UnicodeDecodeError):
            return False

    def server(self) -> psutil.Process | None:
        """Return the process that is recorded as the server, if it is alive.

        The system reuses pids, so the start time of the process must match too: another
        process is never returned.
        """
        return self._find()[0]

    def ready_server(self) -> psutil.Process | None:
        """Return the server if it listens already."""
        process, ready = self._find()
        return process if ready else None

    def _find(self) -> tuple[psutil.Process | None, bool]:
        try:
            entry = json.loads(self._pid_file.read_text(encoding="utf-8"))
            process = psutil.Process(int(entry["pid"]))
            same = abs(process.create_time() - float(entry["created"])) < 1.0
            alive = process.status() != psutil.STATUS_ZOMBIE
            ready = bool(entry.get("ready"))
        except (OSError, ValueError, OverflowError, TypeError, KeyError, psutil.Error):
            return None, False
        return (process, ready) if same and alive else (None, False)


def _cannot_write(path: pathlib.Path, error: OSError) -> VisualizationError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFullError(
            f"The disk of {path.parent} is full; the server cannot start.",
            cause=f"There is no room for {path.name}: {error.strerror}",
            next_step=f"Free some space (df -h '{path.parent}'),"
            " then: multimeter-visu start",
        )
    return VisualizationError(
        f"{path} cannot be written: {error.strerror}",
        cause="It is a link, or it belongs to another user.",
        next_step=f"ls -l '{path}'",
    )
