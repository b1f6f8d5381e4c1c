"""The kernel's records of processes at their end: taskstats over generic netlink.

Only root (CAP_NET_ADMIN) gets them. They are the totals of each thread when it exits, of
processes that no other one waits for as well:
https://docs.kernel.org/accounting/taskstats.html
"""

from __future__ import annotations

import _socket
import os
import struct
import time

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ExitRecords", "open_exit_records"]

_NETLINK_GENERIC = 16
_SO_RCVBUFFORCE = 33
_BUFFER = 1 << 22
_CHUNK = 1 << 16

# Of generic netlink: the controller, which knows the number of each family.
_CONTROLLER, _GET_FAMILY, _FAMILY_ID, _FAMILY_NAME = 16, 3, 1, 2
_NLMSG_ERROR = 2
_REQUEST, _ACKNOWLEDGE = 1, 4
_GET, _REGISTER_CPUS = 1, 3
_OF_THREAD, _STATS = 4, 3
_HEADERS = 20

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
# struct taskstats: CPU time in ns at 72; ids at 128; page faults at 168; the mark of
# resident memory in kB at 200; bytes of disks at 248; context switches at 272.
_CPU = struct.Struct("=Q")
_IDS = struct.Struct("=II")
_PAIR = struct.Struct("=QQ")
_SHORTEST = 288

_MOST_WAITING = 1 << 15
_FORGET_AFTER = 10.0

_Record = tuple[int, int, int, int, int, int, int, int]


def open_exit_records() -> ExitRecords | None:
    """Begin to receive the records; None where that is not possible or permitted."""
    try:
        return ExitRecords()
    except OSError:
        return None


class ExitRecords:
    """Adds up the records of the processes of one family.

    Attributes:
        cpu_time: CPU time, in s.
        page_faults: Page faults, with and without I/O.
        peak: The largest mark of resident memory of one process, in bytes.
        read: Bytes fetched from storage.
        written: Bytes sent to storage.
        context_switches: Context switches, voluntary and involuntary.
        incomplete: Whether the kernel has dropped records.

    Raises:
        OSError: The kernel has no such records, or does not permit them.
    """

    def __init__(self) -> None:
        self.cpu_time = 0.0
        self.page_faults = self.peak = self.read = self.written = 0
        self.context_switches = 0
        self.incomplete = False
        self._family: set[int] = set()
        self._ended: set[int] = set()
        self._ended_before: set[int] = set()
        self._forgotten = time.monotonic()
        # Those of other programs, and of children whose parent is not known yet.
        self._waiting: list[_Record] = []
        self._old = 0
        self._socket = _socket.socket(
            _socket.AF_NETLINK, _socket.SOCK_RAW, _NETLINK_GENERIC
        )
        try:
            self._socket.bind((0, 0))
            self._port = self._socket.getsockname()[0]
            self._type = self._number_of_family()
            self._socket.setsockopt(_socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            cpus = _possible_cpus()
            self._request(self._type, _GET, _attribute(_REGISTER_CPUS, cpus), _ACKNOWLEDGE)
            self._check(self._socket.recv(_CHUNK))
            self._socket.setblocking(False)
        except BaseException:
            self._socket.close()
            raise

    def _number_of_family(self) -> int:
        name = _attribute(_FAMILY_NAME, b"TASKSTATS\0")
        self._request(_CONTROLLER, _GET_FAMILY, name, 0)
        answer = self._socket.recv(_CHUNK)
        self._check(answer)
        for kind, value in _attributes(answer[_HEADERS:]):
            if kind == _FAMILY_ID:
                return int.from_bytes(value[:2], "little" if _is_little() else "big")
        raise OSError("There is no family of taskstats.")

    def _request(self, kind: int, command: int, attribute: bytes, flags: int) -> None:
        body = struct.pack("=BBH", command, 1, 0) + attribute
        size = _HEADER.size + len(body)
        head = _HEADER.pack(size, kind, _REQUEST | flags, 1, self._port)
        self._socket.send(head + body)

    @staticmethod
    def _check(answer: bytes) -> None:
        _, kind, *_ = _HEADER.unpack_from(answer)
        if kind == _NLMSG_ERROR:
            (error,) = struct.unpack_from("=i", answer, _HEADER.size)
            if error:
                raise OSError(-error, os.strerror(-error))

    def collect(self, family: Iterable[int]) -> None:
        """Receive the records that have come, and add those of a family.

        Args:
            family: Ids of processes that belong to it, from what is known so far. What
                descends from them belongs to it as well.
        """
        self._family.update(family)
        waiting = [*self._waiting, *self._received()]
        while True:
            others = [each for each in waiting if not self._belongs(each)]
            if len(others) == len(waiting):
                break
            waiting = others
        self._waiting = others[-_MOST_WAITING:]
        self._forget()

    def _received(self) -> Iterator[_Record]:
        while True:
            try:
                data = self._socket.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: they came faster than they were received
                self.incomplete = True
                continue
            yield from self._records(data)

    def _records(self, data: bytes) -> Iterator[_Record]:
        place = 0
        while place + _HEADERS <= len(data):
            size, kind, *_ = _HEADER.unpack_from(data, place)
            if kind == self._type:
                for name, value in _attributes(data[place + _HEADERS : place + size]):
                    if name == _OF_THREAD:
                        yield from map(_record, _stats(value))
            place += max((size + 3) & ~3, _HEADERS)

    def _belongs(self, record: _Record) -> bool:
        """Add a record if it is of the family, and return whether it is.

        The process itself takes over orphans: not all of its children are of the family.
        """
        pid, parent, cpu, faults, peak, read, written, switches = record
        if pid not in self._family and (
            parent not in self._family or parent == os.getpid()
        ):
            return False
        self._family.add(pid)
        self._ended.add(pid)
        self.cpu_time += cpu / 1e9
        self.page_faults += faults
        self.peak = max(self.peak, peak * 1024)
        self.read += read
        self.written += written
        self.context_switches += switches
        return True

    def _forget(self) -> None:
        """Forget what ended long ago: ids of processes may be used again."""
        now = time.monotonic()
        if now - self._forgotten < _FORGET_AFTER:
            return
        self._forgotten = now
        self._family -= self._ended_before
        self._ended_before, self._ended = self._ended, set()
        del self._waiting[: self._old]
        self._old = len(self._waiting)

    def has(self, pid: int) -> bool:
        """Return whether a process that has ended is in the sums."""
        return pid in self._ended or pid in self._ended_before

    def close(self) -> None:
        """Receive no more records."""
        self._socket.close()


def _is_little() -> bool:
    return struct.pack("=H", 1) == b"\1\0"


def _possible_cpus() -> bytes:
    with open("/sys/devices/system/cpu/possible", "rb") as file:  # noqa: PTH123 - slower
        return file.read().strip() + b"\0"


def _attribute(kind: int, value: bytes) -> bytes:
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + b"\0" * (-size % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, place)
        if size < _ATTRIBUTE.size:
            return
        yield kind, data[place + _ATTRIBUTE.size : place + size]
        place += (size + 3) & ~3


def _stats(data: bytes) -> Iterator[bytes]:
    """Yield the struct taskstats among attributes."""
    for kind, value in _attributes(data):
        if kind == _STATS and len(value) >= _SHORTEST:
            yield value


def _record(stats: bytes) -> _Record:
    """Return ids, CPU time in ns, page faults, mark in kB, bytes, context switches."""
    pid, parent = _IDS.unpack_from(stats, 128)
    (cpu,) = _CPU.unpack_from(stats, 72)
    minor, major = _PAIR.unpack_from(stats, 168)
    (peak,) = _CPU.unpack_from(stats, 200)
    read, written = _PAIR.unpack_from(stats, 248)
    vol, invol = _PAIR.unpack_from(stats, 272)
    return pid, parent, cpu, minor + major, peak, read, written, vol + invol
