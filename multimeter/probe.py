"""Probes: what a multimeter samples."""

from __future__ import annotations

import abc
import sys
from collections.abc import Mapping
from typing import Any

from multimeter import metric
from multimeter.errors import StateError, UnsupportedError
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.subject import SUBJECT_CHILDREN, SUBJECT_PROCESS, Subject

try:
    import resource
except ImportError:  # Windows has no getrusage.
    resource = None  # type: ignore[assignment]

__all__ = ["Probe", "ResourceProbe", "not_started"]


class Probe(abc.ABC):
    """Something that gives values for some measures each time it is asked.

    One instance serves one measurement at a time; while it is in use, a second
    measurement works on a shallow copy.

    Attributes:
        counts_since_ns: Since when the first sample counts, in ns since the epoch on the
            clock of the run; None for the start of the measurement.
    """

    counts_since_ns: int | None = None

    @property
    @abc.abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that the probe gives."""

    @property
    @abc.abstractmethod
    def subjects(self) -> tuple[Subject, ...]:
        """The subjects on which it gives them."""

    @property
    @abc.abstractmethod
    def measures(self) -> tuple[Measure, ...]:
        """The measures: which metric on which subject."""

    def for_process(self, pid: int) -> Probe:
        """Return the probe that measures a process from another one.

        It is called by the helper process, which samples from outside, and where a
        foreign process is measured. A probe that measures no process (a rig, the
        machine) returns itself, and so does one that measures this very process already.

        Args:
            pid: The process that is meant where this probe means its own.

        Raises:
            UnsupportedError: This probe looks from the inside only.
        """
        raise UnsupportedError(
            f"{type(self).__name__} cannot measure process {pid} from another process.",
            cause="It looks from the inside, or does not say that it need not.",
            next_step="Leave it out, or give it a method for_process(self, pid).",
        )

    def start(self) -> None:  # noqa: B027 - probes need not override it
        """Get ready: called once, before the first sample."""

    def baseline(self) -> Mapping[str, Any]:
        """Return what was reached before the first sample, by measure key.

        Called once, after the start. What the kernel keeps as the most so far may come
        from a time before the measurement, which no point shows.
        """
        return {}

    @abc.abstractmethod
    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the current value of each measure.

        Args:
            values: Where the values go, each under the key of its measure.
            time_elapsed: Seconds since the sample before, or since the start.
        """

    def end(self) -> None:  # noqa: B027 - probes need not override it
        """Clean up: called once, after the last sample."""


def not_started() -> StateError:
    """Return the error for a sample that comes before the start."""
    return StateError(
        "The probe was not started.",
        next_step="Call start() once before the first sample().",
    )


_METRICS = (
    metric.METRIC_CPU_RATE_USER,
    metric.METRIC_CPU_RATE_SYSTEM,
    metric.METRIC_MEMORY_MAX,
    metric.METRIC_MEMORY_SHARED,
    metric.METRIC_MEMORY_DATA,
    metric.METRIC_MEMORY_STACK,
    metric.METRIC_MEMORY_PAGE_FAULTS_WITHOUT_IO,
    metric.METRIC_MEMORY_PAGE_FAULTS_WITH_IO,
    metric.METRIC_MEMORY_SWAP_OPS,
    metric.METRIC_IO_BLOCK_IN,
    metric.METRIC_IO_BLOCK_OUT,
    metric.METRIC_CONTEXT_SWITCHES_VOL,
    metric.METRIC_CONTEXT_SWITCHES_INVOL,
)
_SUBJECTS = (SUBJECT_PROCESS, SUBJECT_CHILDREN)
_MEASURES = tuple(Measure(subject, each) for subject in _SUBJECTS for each in _METRICS)
_PROCESS_KEYS = tuple(each.key for each in _MEASURES[: len(_METRICS)])
_CHILDREN_KEYS = tuple(each.key for each in _MEASURES[len(_METRICS) :])

# getrusage(2) counts memory in kilobytes, but in bytes on macOS.
_MEMORY_UNITS_IN_KB = 1_024 if sys.platform == "darwin" else 1


class ResourceProbe(Probe):
    """Samples what getrusage(2) knows of this process and of its ended children.

    It gives 13 metrics for each of the two. Times and counts become rates: their
    growth since the sample before, a second. Memory is in kB.
    https://man7.org/linux/man-pages/man2/getrusage.2.html

    Raises:
        UnsupportedError: The system has no getrusage (Windows).
    """

    def __init__(self) -> None:
        if resource is None:
            raise UnsupportedError(
                "ResourceProbe needs getrusage(2), which this system does not have.",
                cause="Python's module 'resource' exists on Unix only.",
                next_step="Use multimeter.probes.ProcessProbe(), which measures on "
                "every system.",
            )
        self._process: Any = None
        self._children: Any = None
        self._still: dict[str, float] = {}

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The 13 metrics."""
        return _METRICS

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The process, and its children that have ended and been waited for."""
        return _SUBJECTS

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The 26 measures: each metric on each subject."""
        return _MEASURES

    def start(self) -> None:
        """Remember the counters, from which the first rates are counted."""
        self._process = resource.getrusage(resource.RUSAGE_SELF)
        self._children = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._still = _still_values(self._process, self._children)

    def for_process(self, pid: int) -> Probe:
        """Say what to use in its place: getrusage knows its own process only.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            f"ResourceProbe cannot measure process {pid} from another process.",
            cause="getrusage(2) knows its own process and children only.",
            next_step="Use multimeter.probes.ProcessProbe() in its place.",
        )

    def baseline(self) -> dict[str, Any]:
        """Return the peaks that were reached before the measurement began."""
        before = self._still
        return {key: before[key] for key in (_PROCESS_KEYS[2], _CHILDREN_KEYS[2])}

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the 26 values.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.

        Raises:
            StateError: The probe was not started.
        """
        if self._process is None:
            raise not_started()
        # A rate over no time at all has no value; dividing by infinity makes it zero.
        seconds = time_elapsed if time_elapsed > 0 else float("inf")
        process = resource.getrusage(resource.RUSAGE_SELF)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Children count only when they have ended, so most of the time they stand
        # still. All keys at once also spare the dict from growing step by step.
        values.update(self._still)
        _add_values(values, _PROCESS_KEYS, process, self._process, seconds)
        if children != self._children:
            _add_values(values, _CHILDREN_KEYS, children, self._children, seconds)
            self._still = _still_values(process, children)
        self._process, self._children = process, children


def _still_values(process: Any, children: Any) -> dict[str, float]:
    """Return the values of all measures when nothing more is counted."""
    values: dict[str, float] = {}
    _add_values(values, _PROCESS_KEYS, process, process, 1.0)
    _add_values(values, _CHILDREN_KEYS, children, children, 1.0)
    return values


def _add_values(
    values: dict[str, Any], keys: tuple[str, ...], now: Any, before: Any, seconds: float
) -> None:
    """Add what was counted since before, under keys in the order of ``_METRICS``.

    Written out, and by index, as the struct sequence of getrusage is several times
    faster that way than by name: this runs while someone else's code is measured.
    """
    user, system, rss, shared, data, stack, minor, major, swap, inp, out, vol, inv = keys
    values[user] = (now[0] - before[0]) / seconds
    values[system] = (now[1] - before[1]) / seconds
    values[rss] = now[2] // _MEMORY_UNITS_IN_KB
    values[shared] = now[3] // _MEMORY_UNITS_IN_KB
    values[data] = now[4] // _MEMORY_UNITS_IN_KB
    values[stack] = now[5] // _MEMORY_UNITS_IN_KB
    values[minor] = (now[6] - before[6]) / seconds
    values[major] = (now[7] - before[7]) / seconds
    values[swap] = (now[8] - before[8]) / seconds
    values[inp] = (now[9] - before[9]) / seconds
    values[out] = (now[10] - before[10]) / seconds
    values[vol] = (now[14] - before[14]) / seconds
    values[inv] = (now[15] - before[15]) / seconds
