"""Recorder: writes down every call of a program that changes a folder.

It stands before the functions of ``os``, so it sees what goes through them, and no more.
"""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import pathlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest

__all__ = ["Fault", "Names", "Note", "Operation", "Recorder", "Sync", "Truncate", "Write"]

SHORT = "short"
"""A write that takes half of the bytes, as on a disk that fills up."""


@dataclass(frozen=True)
class Names:
    """Entries of folders change, at once: (folder, name, what it names now or None)."""

    entries: tuple[tuple[int, str, int | None], ...]


@dataclass(frozen=True)
class Write:
    """Bytes are written to a file."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    """A file gets another size."""

    file: int
    size: int


@dataclass(frozen=True)
class Sync:
    """A file or a folder is synced, or that fails."""

    file: int
    failed: bool = False


@dataclass(frozen=True)
class Note:
    """The program says what it has promised, or was told."""

    what: Any


Operation = Names | Write | Truncate | Sync | Note


@dataclass(frozen=True)
class Fault:
    """A call that fails.

    Attributes:
        call: Which call: ``create``, ``write``, ``sync``, ``sync folder`` ...
        number: The how manyth of them, from 0.
        how: An error number, or ``SHORT``.
        for_good: Whether all that follow fail, too.
    """

    call: str
    number: int
    how: int | Literal["short"]
    for_good: bool

    def __str__(self) -> str:
        how = self.how if self.how == SHORT else errno.errorcode[self.how]
        return f"{self.call} {self.number} {how}{' for good' if self.for_good else ''}"

    def hits(self, call: str, number: int) -> int | Literal["short"] | None:
        """Return how a call fails, or None where it does not."""
        if self.how == SHORT and self.for_good and call == "truncate":
            return errno.EIO
        if call != self.call or number < self.number:
            return None
        if number == self.number:
            return self.how
        if not self.for_good:
            return None
        return errno.ENOSPC if self.how == SHORT else self.how


class Recorder:
    """Records what is done below a folder.

    Args:
        root: The folder; what is in it already is on the disk for good.
        fault: The call that fails.

    Attributes:
        operations: What was done, in order.
        folders: Which of the files are folders; 0 is the root.
        calls: How often each call was made.
        start: What was in the folder at the beginning: the operations that make it.
    """

    def __init__(self, root: pathlib.Path, fault: Fault | None = None) -> None:
        self.root = root
        self.operations: list[Operation] = []
        self.folders = {0}
        self.calls: Counter[str] = Counter()
        self._fault = fault
        self._entries: dict[tuple[int, str], int] = {}
        self._last = 0
        self._open: dict[int, tuple[int, int]] = {}  # descriptor to file and flags
        self._real: dict[str, Any] = {name: getattr(os, name) for name in _CALLS}
        self._read_start(root, 0)
        self.start = tuple(self.operations)
        self.operations.clear()

    def _read_start(self, path: pathlib.Path, folder: int) -> None:
        for each in sorted(path.iterdir()):
            number = self._new(folder, each.name, is_folder=each.is_dir())
            if each.is_dir():
                self._read_start(each, number)
            else:
                self.operations.append(Write(number, 0, each.read_bytes()))

    def note(self, what: Any) -> None:
        """Write down what the program says."""
        self.operations.append(Note(what))

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Record what is done meanwhile; random names are the same each time."""
        # Another program, after a crash, has other names.
        life = len(self.start)
        timing = random.Random(life)
        clock = itertools.count(10**18 + life * 10**15, 10**9)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "urandom", timing.randbytes)
            patch.setattr(os, "getpid", lambda: 1)
            patch.setattr(time, "time_ns", lambda: next(clock))
            for name in self._real:
                patch.setattr(os, name, getattr(self, name))
            yield

    @property
    def left_open(self) -> int:
        """How many descriptors are open."""
        return len(self._open)

    def close_all(self) -> None:
        """Close what the program has left open, as the system does when it dies."""
        for descriptor in list(self._open):
            self.close(descriptor)

    # Where things are.

    def _new(self, folder: int, name: str, *, is_folder: bool) -> int:
        self._last += 1
        self._entries[folder, name] = self._last
        if is_folder:
            self.folders.add(self._last)
        self.operations.append(Names(((folder, name, self._last),)))
        return self._last

    def _place(self, path: Any, dir_fd: int | None = None) -> tuple[int, str] | None:
        """Return the folder and the name of a path, or None where it is not below."""
        if dir_fd is not None:
            return (self._open[dir_fd][0], path) if dir_fd in self._open else None
        with contextlib.suppress(ValueError, TypeError, KeyError):
            *above, name = pathlib.Path(path).relative_to(self.root).parts or ("",)
            folder = 0
            for part in above:
                folder = self._entries[folder, part]
            return folder, name
        return None

    def _call(self, call: str) -> int | Literal["short"] | None:
        number = self.calls[call]
        self.calls[call] += 1
        how = self._fault.hits(call, number) if self._fault else None
        if isinstance(how, int):
            raise OSError(how, os.strerror(how))
        return how

    # The calls.

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: Any = None) -> int:
        place = self._place(path, dir_fd)
        is_new = bool(place and place[1] and flags & os.O_CREAT) and (
            place not in self._entries
        )
        if is_new:
            self._call("create")
        descriptor: int = self._real["open"](path, flags, mode, dir_fd=dir_fd)
        if place is None:
            return descriptor
        if is_new:
            self._new(*place, is_folder=False)
        number = self._entries[place] if place[1] else 0
        if flags & os.O_TRUNC and not is_new:
            self.operations.append(Truncate(number, 0))
        self._open[descriptor] = number, flags
        return descriptor

    def close(self, descriptor: int) -> None:
        self._open.pop(descriptor, None)
        self._real["close"](descriptor)

    def write(self, descriptor: int, data: Any) -> int:
        if descriptor not in self._open:
            return int(self._real["write"](descriptor, data))
        number, flags = self._open[descriptor]
        data = bytes(data)
        if self._call("write") == SHORT:
            data = data[: len(data) // 2]
        if flags & os.O_APPEND:
            offset = os.fstat(descriptor).st_size
        else:
            offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        written: int = self._real["write"](descriptor, data)
        self.operations.append(Write(number, offset, data[:written]))
        return written

    def ftruncate(self, descriptor: int, size: int) -> None:
        if descriptor in self._open:
            self._call("truncate")
            self.operations.append(Truncate(self._open[descriptor][0], size))
        self._real["ftruncate"](descriptor, size)

    def fsync(self, descriptor: int) -> None:
        if descriptor not in self._open:
            return
        number = self._open[descriptor][0]
        try:
            self._call("sync folder" if number in self.folders else "sync")
        except OSError:
            self.operations.append(Sync(number, failed=True))
            raise
        self.operations.append(Sync(number))

    def fdopen(self, descriptor: int, mode: str = "r", *args: Any, **more: Any) -> Any:
        if descriptor not in self._open or "r" in mode:
            return self._real["fdopen"](descriptor, mode, *args, **more)
        stream = io.BufferedWriter(_Raw(self, descriptor, mode.replace("b", "")))
        return stream if "b" in mode else io.TextIOWrapper(stream, **more)

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: Any = None) -> None:
        place = self._place(path, dir_fd)
        if place and place not in self._entries:
            self._call("mkdir")
        self._real["mkdir"](path, mode, dir_fd=dir_fd)
        if place:
            self._new(*place, is_folder=True)

    def rename(self, source: Any, target: Any, **more: Any) -> None:
        old, new = self._place(source), self._place(target)
        if old is None or new is None:
            self._real["rename"](source, target, **more)
            return
        self._call("rename")
        self._real["rename"](source, target, **more)
        self._entries[new] = self._entries.pop(old)
        self.operations.append(Names(((*new, self._entries[new]), (*old, None))))

    replace = rename

    def link(self, source: Any, target: Any, **more: Any) -> None:
        old, new = self._place(source), self._place(target)
        if old is None or new is None:
            self._real["link"](source, target, **more)
            return
        self._call("link")
        self._real["link"](source, target, **more)
        self._entries[new] = self._entries[old]
        self.operations.append(Names(((*new, self._entries[new]),)))

    def unlink(self, path: Any, *, dir_fd: Any = None) -> None:
        place = self._place(path, dir_fd)
        if place and place in self._entries:
            self._call("unlink")
        self._real["unlink"](path, dir_fd=dir_fd)
        self._gone(place)

    remove = unlink

    def rmdir(self, path: Any, *, dir_fd: Any = None) -> None:
        place = self._place(path, dir_fd)
        self._real["rmdir"](path, dir_fd=dir_fd)
        self._gone(place)

    def _gone(self, place: tuple[int, str] | None) -> None:
        if place:
            del self._entries[place]
            self.operations.append(Names(((*place, None),)))


_CALLS: set[str] = {
    *("open", "close", "write", "ftruncate", "fsync", "fdopen"),
    *("mkdir", "rename", "replace", "link", "unlink", "remove", "rmdir"),
}


class _Raw(io.FileIO):
    """A file whose bytes are written, and whose end is noticed, by a recorder."""

    def __init__(self, recorder: Recorder, descriptor: int, mode: str) -> None:
        super().__init__(descriptor, mode, closefd=False)
        self._recorder = recorder
        self._descriptor = descriptor

    def write(self, data: Any) -> int:
        return self._recorder.write(self._descriptor, data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._recorder.close(self._descriptor)
