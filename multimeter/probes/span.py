"""What this process and its descendants use in a short span, such as one test."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from dataclasses import dataclass

from multimeter.probes import procfs
from multimeter.probes.descendants import DESCENDANTS_MEMORY, DescendantsProbe

try:
    import resource
except ImportError:  # Windows has no getrusage.
    resource = None  # type: ignore[assignment]

__all__ = ["SpanMeter", "SpanUsage"]

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_IS_LINUX = sys.platform == "linux" and os.path.exists("/proc/self/statm")


@dataclass(frozen=True)
class SpanUsage:
    """What was used in a span.

    Attributes:
        duration: In s.
        cpu_time: Of this process, of its children that were waited for, and of the
            descendants that live, in s.
        memory: By how many bytes the memory rose at most: resident memory of this process
            and what its descendants took for themselves.
    """

    duration: float
    cpu_time: float
    memory: float


@dataclass(frozen=True)
class _Held:
    """The memory that is held at one moment, in bytes."""

    own: int
    descendants: float


class SpanMeter:
    """Measures one span after the other, at a cost of some tenths of a ms each.

    A thread, which all spans share, looks each few hundredths of a second at the memory;
    a shorter span is known by what the kernel keeps as the most.

    Args:
        cycle_time: Seconds between two looks.
    """

    def __init__(self, cycle_time: float) -> None:
        self._cycle_time = cycle_time
        self._descendants = DescendantsProbe()
        self._lock = threading.Lock()
        self._is_on = False
        self._most = 0.0
        self._before = _Held(0, 0.0)
        self._peak_before: int | None = None
        self._cpu_before = 0.0
        self._started = 0.0
        self._process = 0

    def start(self) -> None:
        """Begin a span."""
        if self._process != os.getpid():  # a forked child has no such thread
            self._process, self._lock = os.getpid(), threading.Lock()
            threading.Thread(
                target=self._watch, name="multimeter-span", daemon=True
            ).start()
        _reset_peak()
        with self._lock:
            self._before = self._held()
            self._most = self._before.own + self._before.descendants
            self._peak_before = _own_peak()
            self._is_on = True
            self._cpu_before = self._cpu()
            self._started = time.perf_counter()

    def end(self) -> SpanUsage:
        """End the span, and return what was used in it."""
        duration = time.perf_counter() - self._started
        with self._lock:
            cpu_time = self._cpu() - self._cpu_before
            held, peak = self._held(), _own_peak()
            self._is_on = False
        before = self._before
        rises = [self._most, held.own + held.descendants]
        memory = max(rises) - before.own - before.descendants
        # Where the kernel does not forget it, the mark may be from before the span.
        if peak is not None and self._peak_before is not None and peak > self._peak_before:
            memory = max(memory, peak - before.own)
        return SpanUsage(duration, max(0.0, cpu_time), max(0.0, memory))

    def _watch(self) -> None:
        process = self._process
        while self._process == process:
            time.sleep(self._cycle_time)
            with self._lock:
                if self._is_on:
                    held = self._held()
                    self._most = max(self._most, held.own + held.descendants)

    def _held(self) -> _Held:
        if _IS_LINUX and not _children():
            return _Held(_resident(), 0.0)
        values: dict[str, float] = {}
        self._descendants.sample(values, 0.0)
        return _Held(_resident(), values[DESCENDANTS_MEMORY.key])

    def _cpu(self) -> float:
        seconds = time.process_time()
        if resource is not None:
            ended = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds += ended.ru_utime + ended.ru_stime
        if not _IS_LINUX or _children():
            seconds += self._descendants.cpu_time()
        return seconds


def _children() -> bool:
    """Return whether this process has children, by the lists of its threads."""
    try:
        threads = os.listdir("/proc/self/task")
    except OSError:
        return True
    lists = [procfs.read_bytes(f"/proc/self/task/{each}/children") for each in threads]
    return any(each is None or each for each in lists)  # None: it is not known


def _resident() -> int:
    if _IS_LINUX:
        statm = procfs.read_bytes("/proc/self/statm")
        if statm:
            return int(statm.split()[1]) * _PAGE
    import psutil

    return int(psutil.Process().memory_info().rss)


def _own_peak() -> int | None:
    """Return the most that this process held since :func:`_reset_peak`; None if unknown."""
    status = procfs.read_bytes("/proc/self/status") if _IS_LINUX else None
    return procfs.parse_kb(status, b"\nVmHWM:") if status else None


def _reset_peak() -> None:
    """Let the kernel forget the most that this process held so far, where it will.

    What it keeps as the most begins anew with what is held now: proc_pid_clear_refs(5).
    """
    if not _IS_LINUX:
        return
    with contextlib.suppress(OSError):
        descriptor = os.open("/proc/self/clear_refs", os.O_WRONLY)
        try:
            os.write(descriptor, b"5")
        finally:
            os.close(descriptor)
