"""Figures: the few numbers about a whole run that people look at first.

Where a whole tree of processes was measured, they are about the tree; else about the one
process, with those of its children for which it has waited.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from multimeter.analysis.statistics import RunStatistics, start_ns

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = [
    "FIGURES",
    "PEAK_AT_MOST",
    "Figure",
    "FigureDefinition",
    "Source",
    "figures_of",
]

PEAK_AT_MOST = "peak_memory_at_most"
"""The key of the meta data for the most that a run can have held, in bytes, as text:
there where it was too short for its peak to be seen."""

Statistic = Literal["max", "mean", "peak", "total"]


@dataclass(frozen=True)
class Source:
    """Measures that tell a figure, and what is taken of them.

    Attributes:
        statistic: ``total``, what rates add up to over the run; ``max``, the largest sum
            at one moment; ``mean``, over time and measures; ``peak``, the largest that
            the kernel or a sample tells.
        subjects: Patterns, one of which must match the whole key of a subject.
        metrics: The keys of the metrics.
        factor: What the values are multiplied with, beside what their unit says.
    """

    statistic: Statistic
    subjects: tuple[str, ...]
    metrics: tuple[str, ...]
    factor: float = 1.0

    def keys(self, subjects: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the keys of the measures that a result has of it.

        Args:
            subjects: The metrics of the result, each with its subjects.
        """
        wanted = re.compile("|".join(self.subjects))
        return [
            f"{subject}.{metric}"
            for metric in self.metrics
            for subject in subjects.get(metric, ())
            if wanted.fullmatch(subject)
        ]


@dataclass(frozen=True)
class FigureDefinition:
    """How one number about a whole run is made.

    Attributes:
        key: Its name in commands and in JSON.
        title: Its name for people.
        unit: ``s``, ``bytes``, ``cores`` (1 is one busy core), ``share`` (1 is all),
            ``J`` or none.
        sources: Where it comes from; the first one that has values is taken.
    """

    key: str
    title: str
    unit: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Figure:
    """One number about a whole run.

    Attributes:
        key: Its name in commands and in JSON.
        title: Its name for people.
        unit: As in :class:`FigureDefinition`.
        value: The number, in that unit.
        at_most: Where the number is only a lower bound, the upper one.
    """

    key: str
    title: str
    unit: str
    value: float
    at_most: float | None = None


_TREES = (("tree",), (".+:tree",))
_GPUS = r"gpu\d+"
# The memory beside a processor is counted apart; all other parts are in the whole.
_PROCESSORS = r"energy:package-\d+(:dram)?"
# getrusage(2) counts blocks of 512 bytes, whatever the disk has.
_BLOCK = 512.0


def _sources(statistic: Statistic, *metrics: str) -> tuple[Source, ...]:
    """Return the sources for what processes do, the widest first."""
    subjects = (*_TREES, ("process", "children"))
    return tuple(Source(statistic, each, metrics) for each in subjects)


_CPU_RATES = ("cpu_rate_user", "cpu_rate_system")
_PEAKS = ("memory_rss_peak", "memory_rss", "memory_rss_max")


# What the tree's mark does not tell, because a child that is gone held more before the
# run, that of the process may.
_PEAK_SOURCES = (
    Source("peak", ("tree", "process", "children"), _PEAKS),
    Source("peak", _TREES[1], _PEAKS),
)


def _moved(direction: Literal["read", "write"], blocks: str) -> tuple[Source, ...]:
    """Return the sources for bytes: of disks, of getrusage, or where unknown of calls."""
    return (
        *_sources("total", f"io_disk_{direction}"),
        Source("total", ("process", "children"), (blocks,), _BLOCK),
        *_sources("total", f"io_{direction}"),
    )


FIGURES: tuple[FigureDefinition, ...] = (
    FigureDefinition("duration", "Duration", "s"),
    FigureDefinition(
        "cpu_time",
        "CPU time",
        "s",
        (
            *(Source("max", subjects, ("cpu_time",)) for subjects in _TREES),
            Source("total", ("process", "children"), _CPU_RATES),
        ),
    ),
    FigureDefinition("cpu", "Mean CPU", "cores"),
    FigureDefinition("peak_memory", "Peak memory", "bytes", _PEAK_SOURCES),
    FigureDefinition("read", "Read", "bytes", _moved("read", "io_block_in")),
    FigureDefinition("written", "Written", "bytes", _moved("write", "io_block_out")),
    FigureDefinition(
        "page_faults",
        "Page faults",
        "",
        _sources("total", "memory_page_faults_without_io", "memory_page_faults_with_io"),
    ),
    FigureDefinition(
        "context_switches",
        "Context switches",
        "",
        _sources("total", "context_switches_vol", "context_switches_invol"),
    ),
    FigureDefinition("processes", "Most processes", "", _sources("max", "processes")),
    FigureDefinition("threads", "Most threads", "", _sources("max", "threads")),
    FigureDefinition(
        "gpu", "Mean GPU, all users", "share", (Source("mean", (_GPUS,), ("gpu_use",)),)
    ),
    FigureDefinition(
        "gpu_memory",
        "GPU memory, all users",
        "bytes",
        (Source("max", (_GPUS,), ("gpu_memory_used",)),),
    ),
    FigureDefinition(
        "gpu_energy",
        "Energy of GPUs, all users",
        "J",
        (Source("total", (_GPUS,), ("gpu_power",)),),
    ),
    FigureDefinition(
        "energy",
        "Energy of processors, all users",
        "J",
        (Source("max", (_PROCESSORS,), ("energy",)),),
    ),
)
"""Every figure that there is, in the order in which they are shown."""

_WHOLE = ("", "bytes")
# What ended before it was looked at has none of them, which says nothing.
_LEAST_ONE = ("processes", "threads")


def figures_of(result: Result) -> tuple[Figure, ...]:
    """Return the figures of a run: its duration, and those for which there are values.

    Args:
        result: What was measured; also one that was read back. A run without points
            has no figures.
    """
    return tuple(_figures(result))


def _figures(result: Result) -> Iterator[Figure]:
    if not len(result.times_ns):
        return
    duration = (result.times_ns[-1] - start_ns(result)) / 1e9
    if duration < 0:
        return  # no point is of this run
    values: dict[str, float | None] = {"duration": duration}
    statistics, subjects = RunStatistics(result), _subjects(result.columns)
    for each in FIGURES:
        if each.sources:
            values[each.key] = _first_value(statistics, subjects, each.sources)
    cpu_time = values["cpu_time"]
    if cpu_time is not None and duration > 0:
        values["cpu"] = cpu_time / duration
    for each in FIGURES:
        value = values.get(each.key)
        if value is None or not math.isfinite(value):
            continue
        if each.unit in _WHOLE:
            # A count that became a rate and comes back is no whole number any more.
            value = round(value)
        if value or each.key not in _LEAST_ONE:
            at_most = _at_most(result, value) if each.key == "peak_memory" else None
            yield Figure(each.key, each.title, each.unit, value, at_most)


def _at_most(result: Result, value: float) -> float | None:
    try:
        at_most = float(result.meta_data[PEAK_AT_MOST])
    except (KeyError, TypeError, ValueError):
        return None
    return at_most if at_most > value else None


def _subjects(keys: Iterable[str]) -> dict[str, list[str]]:
    """Return the metrics of a run, each with the subjects on which it was measured."""
    subjects: dict[str, list[str]] = {}
    for key in keys:
        subject, _, metric = key.rpartition(".")
        subjects.setdefault(metric, []).append(subject)
    return subjects


def _first_value(
    statistics: RunStatistics,
    subjects: Mapping[str, Sequence[str]],
    sources: Iterable[Source],
) -> float | None:
    for source in sources:
        keys = source.keys(subjects)
        value = getattr(statistics, source.statistic)(keys) if keys else None
        if value is not None:
            return float(value) * source.factor
    return None
