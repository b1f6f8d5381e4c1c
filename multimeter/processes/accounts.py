"""What the kernel accounts for the processes of a run: figures that need no samples.

wait4(2) returns the usage of a process with that of all that it has reaped itself. Where
this process adopts orphans, the sum over all that it reaps is exact for all processes of a
run but two kinds, which are flagged: those that still run, and those that no process
waited for because their parent ignores SIGCHLD.
"""

from __future__ import annotations

import os
import sys

from multimeter.probes.usage import COUNTERS

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    import resource
    from collections.abc import Mapping
    from typing import Any

    from multimeter.probes.process_run import ProcessRun
    from multimeter.probes.usage import Usage
    from multimeter.processes.exit_records import ExitRecords
    from multimeter.processes.run_cgroup import RunCgroup

    _Estimate = dict[str, Any]

__all__ = ["Reaped", "attached_figures", "estimate"]

_KB = 1 if sys.platform == "darwin" else 1024
# getrusage(2) counts blocks of 512 bytes, whatever the disk has.
_BLOCK = 512
# Kernels count pages in batches, so peaks of the same memory differ a little.
_PEAK_TOLERANCE = 1.02
_PEAK_BATCHES = 1024**2

_PLACES = {name: place for place, name in enumerate(COUNTERS)}
_FIGURES = {
    "cpu_time": ("user", "system"),
    "page_faults": ("faults", "faults_with_io"),
    "context_switches": ("switches_vol", "switches_invol"),
    "read": ("disk_read",),
    "written": ("disk_write",),
}
"""The figures that are sums of counters."""


def estimate(
    value: float | None, low: float, high: float | None, source: str, *flags: str
) -> _Estimate:
    """Return the JSON of an estimate; see :class:`multimeter.data.estimate.Estimate`."""
    return {
        "value": value,
        "low": low,
        "high": high,
        "source": source,
        "flags": list(flags),
    }


class Reaped:
    """Adds up the usage of reaped processes.

    Attributes:
        totals: Figures that are sums, by their ids: CPU time in s, page faults, context
            switches, bytes.
        pids: The ids of the processes.
        peak: The largest peak of one of them or of those that they reaped, in bytes; it
            is meaningless if it is not above the floor.
        floor: Until a process executes its program, the memory of this process counts as
            its own: its peak resident memory when the first process was started, in bytes.
    """

    def __init__(self) -> None:
        self.totals = dict.fromkeys(_FIGURES, 0.0)
        self.pids: set[int] = set()
        self.peak = 0
        self.floor = own_peak()

    def add(self, pid: int, usage: resource.struct_rusage) -> None:
        """Add the usage of a process that was reaped, as from os.wait4."""
        self.pids.add(pid)
        used = {
            "cpu_time": usage.ru_utime + usage.ru_stime,
            "page_faults": usage.ru_minflt + usage.ru_majflt,
            "context_switches": usage.ru_nvcsw + usage.ru_nivcsw,
            "read": usage.ru_inblock * _BLOCK,
            "written": usage.ru_oublock * _BLOCK,
        }
        for name, value in used.items():
            self.totals[name] += value
        self.peak = max(self.peak, usage.ru_maxrss * _KB)

    def raise_floor(self) -> None:
        """Take this process's peak as the floor again: it has just started a process."""
        self.floor = max(self.floor, own_peak())

    @property
    def is_peak_known(self) -> bool:
        """Whether the peak is that of the processes, not of this one before they began."""
        return self.peak > max(self.floor * _PEAK_TOLERANCE, self.floor + _PEAK_BATCHES)

    def figures(
        self,
        run: ProcessRun,
        records: ExitRecords | None,
        group: RunCgroup | None = None,
    ) -> dict[str, _Estimate]:
        """Return the figures of a run that are known without samples, by their ids.

        Args:
            run: What followed the processes.
            records: The kernel's exit records; None where there are none.
            group: The control group of the run; None where there is none.
        """
        if not self.pids:
            return {}
        others = {pid: u for pid, u in run.seen.items() if pid not in self.pids}
        running = sum(not usage.ended for usage in others.values())
        lost = {pid: u for pid, u in run.lost.items() if pid not in self.pids}
        recorded = records if self._is_complete(records) else None
        flags = []
        if running:
            flags.append(f"incomplete: {_processes(running)} still {_runs(running)}")
        if lost and recorded is None:
            flags += ["at least", f"{_processes(len(lost))} ended unseen"]
        figures = {}
        for name in _FIGURES:
            if name in ("read", "written") and "disk_read" not in run.served:
                continue  # the kernel does not count them
            low = self.totals[name] + _used(name, others)
            figures[name] = _total(name, low, _used(name, lost), recorded, flags)
        if lost and recorded is None and group is not None:
            _take_cpu_of_group(figures["cpu_time"], group)
        figures["peak_memory"] = self._peak(run, recorded, flags, unknown=bool(lost))
        if group is not None and group.oom_kills:
            text = f"{_processes(group.oom_kills)} killed: out of memory"
            figures["peak_memory"]["flags"].append(text)
        if run.pss_peak is not None:
            high = figures["peak_memory"]["high"]
            figures["peak_pss"] = estimate(
                run.pss_peak, run.pss_peak, high, "proc", "at least"
            )
        for name, most in (
            ("processes", run.processes_peak),
            ("threads", run.threads_peak),
        ):
            figures[name] = estimate(most, most, most, "points")
        return figures

    def _is_complete(self, records: ExitRecords | None) -> bool:
        """Return whether there are exit records, and of these processes."""
        return (
            records is not None
            and not records.incomplete
            and any(map(records.has, self.pids))
        )

    def _peak(
        self,
        run: ProcessRun,
        recorded: ExitRecords | None,
        flags: list[str],
        *,
        unknown: bool,
    ) -> _Estimate:
        """Return what all processes held at one moment: at least and at most.

        Args:
            run: What followed the processes.
            recorded: Complete exit records, or None.
            flags: The flags of all figures.
            unknown: Whether there were processes whose peak is in no account.
        """
        # What is shared counts once in PSS: together they held no less.
        low, source = max(run.peak, run.bounds.seen, run.pss_peak or 0), "proc"
        of_one: int | None = max(self.peak, self.floor)
        if self.is_peak_known and recorded is None:
            of_one = self.peak
            low, source = max(low, self.peak), "wait4"
        if recorded is not None:
            of_one = max(recorded.peak, run.peak)
            low, source = max(low, recorded.peak), "taskstats"
        elif unknown:
            of_one = None
        high = None
        if of_one is not None:
            high = max(low, run.bounds.at_most(of_one))
        if run.bounds.seen > run.peak:
            flags = [*flags, "shared memory counts for each process"]
        if high is not None and high <= low * _PEAK_TOLERANCE:
            return estimate(low, low, high if flags else low, source, *flags)
        flags = [*(each for each in flags if each != "at least"), "at least"]
        return estimate(low or None, low, high, source, *flags)


def _total(
    name: str, low: float, lost: float, recorded: ExitRecords | None, flags: list[str]
) -> _Estimate:
    """Return a figure that is a sum.

    Args:
        name: Its id.
        low: What was used for sure.
        lost: What processes had used when they were seen last, of which it was not seen
            who reaped them: a parent, which has them in its own usage, or no process. The
            kernel's records have each process once.
        recorded: Complete exit records, or None.
        flags: Its flags.
    """
    source = "blocks" if name in ("read", "written") else "wait4"
    value = low if recorded is not None else low + lost
    if recorded is not None and getattr(recorded, name) > value:
        low = value = getattr(recorded, name)
        source = "disk" if name in ("read", "written") else "taskstats"
    digits = 9 if name == "cpu_time" else None
    low, value = round(low, digits), round(value, digits)
    return estimate(value, low, None if flags else value, source, *flags)


def _take_cpu_of_group(figure: _Estimate, group: RunCgroup) -> None:
    """Take the CPU time of a control group, which has that of unseen processes as well."""
    used = group.cpu_time
    if used is not None and used >= figure["low"]:
        used = round(used, 9)
        flags = [each for each in figure["flags"] if each.startswith("incomplete")]
        high = None if flags else used
        figure.update(estimate(used, used, high, "cgroup", *flags))


def attached_figures(
    run: ProcessRun, unseen: float, *, saw_end: bool, records: ExitRecords | None
) -> dict[str, _Estimate]:
    """Return the figures of a process that was running already, and has ended.

    Args:
        run: What followed it and its descendants.
        unseen: How long before its end it was last seen alive, in s.
        saw_end: Whether its counters were read after its end, before it was reaped.
        records: The kernel's exit records, which have the peak of its whole life; None
            where there are none.
    """
    lost = len(run.lost) - (run.source.root in run.lost)
    flags = ["at least"] if lost or not saw_end else []
    if lost:
        flags.append(f"{_processes(lost)} ended unseen")
    gap = f"last seen {unseen:.2g} s before its end"
    if not saw_end:
        flags.append(gap)
    figures = {}
    for name, counters in _FIGURES.items():
        if not run.served.issuperset(counters):
            continue
        value = sum(run.totals[_PLACES[each]] for each in counters)
        value = round(value, 9) if name == "cpu_time" else round(value)
        source = "disk" if name in ("read", "written") else "proc"
        figures[name] = estimate(value, value, None if flags else value, source, *flags)
    low = max(run.peak_in_run, run.bounds.seen, run.pss_peak or 0)
    if records is not None and records.has(run.source.root) and not records.incomplete:
        if records.peak > run.peak:
            low = max(low, records.peak)
        high = max(low, run.bounds.at_most(records.peak))
        if high > low * _PEAK_TOLERANCE:
            flags = [*(each for each in flags if each != "at least"), "at least"]
        else:
            high = low
        figures["peak_memory"] = estimate(low, low, high, "taskstats", *flags)
    else:
        kept = [each for each in flags if each not in ("at least", gap)]
        figures["peak_memory"] = estimate(low, low, None, "proc", "at least", *kept, gap)
    return figures


def own_peak() -> int:
    """Return the peak resident memory of this process so far, in bytes; 0 if unknown."""
    try:
        with open("/proc/self/status", "rb") as file:  # noqa: PTH123 - pathlib is slow
            _, _, after = file.read().partition(b"VmHWM:")
        return int(after.split(None, 1)[0]) * 1024
    except (OSError, ValueError, IndexError):
        return _own_maxrss()


def _own_maxrss() -> int:
    if os.name != "posix":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KB


def _used(figure: str, usages: Mapping[int, Usage]) -> float:
    """Return what processes have used, with those that they have reaped."""
    places = [_PLACES[each] for each in _FIGURES[figure]]
    return sum(
        each.own[place] + each.reaped[place] for each in usages.values() for place in places
    )


def _processes(number: int) -> str:
    return f"{number} process" if number == 1 else f"{number} processes"


def _runs(number: int) -> str:
    return "runs" if number == 1 else "run"
