"""Figures: the few numbers about a whole run that people look at first.

Where a whole tree of processes was measured, they are about the tree; else about the one
process, with those of its children for which it has waited. :data:`FIGURES` is the one
list: the library computes them from a result, the embedded store in SQL, Grafana in Flux.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from multimeter.analysis.statistics import RunStatistics, SummedStatistics, start_ns

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = [
    "FIGURES",
    "PEAK_AT_MOST",
    "Figure",
    "FigureDefinition",
    "FigureSource",
    "StatisticName",
    "figure_named",
    "figures_from",
    "figures_of",
    "key_groups",
]

PEAK_AT_MOST = "peak_memory_at_most"
"""The key of the meta data for the most that a run can have held, in bytes, as text:
there where it was too short for its peak to be seen."""

StatisticName = Literal["max", "mean", "peak", "total"]


@dataclass(frozen=True)
class FigureSource:
    """Measures from which a figure follows, and what is taken of them.

    Attributes:
        statistic: ``total``, what rates add up to over the run; ``max``, the largest sum
            at one moment; ``mean``, over time and measures; ``peak``, the largest that
            the kernel or a sample knows.
        subjects: Patterns, one of which must match the whole key of a subject.
        metrics: The keys of the metrics.
        factor: What the values are multiplied with, beside what their unit says.
    """

    statistic: StatisticName
    subjects: tuple[str, ...]
    metrics: tuple[str, ...]
    factor: float = 1.0

    @property
    def pattern(self) -> str:
        """A regular expression, of Python and of RE2, that matches the whole keys."""
        subjects, metrics = "|".join(self.subjects), "|".join(map(re.escape, self.metrics))
        return rf"^({subjects})\.({metrics})$"

    def keys(self, subjects: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the keys of the measures that a run has of it.

        Args:
            subjects: The metrics of the run, each with its subjects.
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
        id: Its name in commands, in JSON, and in what is stored of a run.
        title: Its name for people.
        unit: A base unit of :data:`multimeter.analysis.units.UNITS`.
        sources: Where it comes from; the first one that has values is taken.
        per_second_of: The figure of which it is the mean: divided by the duration.
        rare: Whether it is left out where it is 0.
    """

    id: str
    title: str
    unit: str
    sources: tuple[FigureSource, ...] = ()
    per_second_of: str = ""
    rare: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it is rounded: a count that became a rate is no whole number any more."""
        return self.unit in ("", "bytes")


@dataclass(frozen=True)
class Figure:
    """One number about a whole run.

    Attributes:
        id: Its name in commands and in JSON.
        title: Its name for people.
        unit: As in :class:`FigureDefinition`.
        value: The number, in that unit.
        at_most: Where the number is only a lower bound, the upper one.
    """

    id: str
    title: str
    unit: str
    value: float
    at_most: float | None = None

    @property
    def key(self) -> str:
        """The same as :attr:`id`.

        .. deprecated:: 1.0
        """
        return self.id


_TREES = (("tree",), (".+:tree",))
_GPUS = r"gpu\d+"
# The memory beside a processor is counted apart; all other parts are in the whole.
_PROCESSORS = r"energy:package-\d+(:dram)?"
# getrusage(2) counts blocks of 512 bytes, whatever the disk has.
_BLOCK = 512.0


def _sources(statistic: StatisticName, *metrics: str) -> tuple[FigureSource, ...]:
    """Return the sources for what processes do, the widest first."""
    subjects = (*_TREES, ("process", "children"))
    return tuple(FigureSource(statistic, each, metrics) for each in subjects)


_CPU_RATES = ("cpu_rate_user", "cpu_rate_system")
_PEAKS = ("memory_rss_peak", "memory_rss", "memory_rss_max")


# The mark of a tree says nothing where a child that has ended held more before the run;
# that of the process may.
_PEAK_SOURCES = (
    FigureSource("peak", ("tree", "process", "children"), _PEAKS),
    FigureSource("peak", _TREES[1], _PEAKS),
)


def _moved(direction: Literal["read", "write"], blocks: str) -> tuple[FigureSource, ...]:
    """Return the sources for bytes: of disks, of getrusage, or where unknown of calls."""
    return (
        *_sources("total", f"io_disk_{direction}"),
        FigureSource("total", ("process", "children"), (blocks,), _BLOCK),
        *_sources("total", f"io_{direction}"),
    )


FIGURES: tuple[FigureDefinition, ...] = (
    FigureDefinition("duration", "Duration", "s"),
    FigureDefinition(
        "cpu_time",
        "CPU time",
        "s",
        (
            *(FigureSource("max", subjects, ("cpu_time",)) for subjects in _TREES),
            *_sources("total", *_CPU_RATES),
        ),
    ),
    FigureDefinition("cpu", "Mean CPU", "cores", per_second_of="cpu_time"),
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
    # A process that ended before its first sample has none, which says nothing.
    FigureDefinition(
        "processes", "Most processes", "", _sources("max", "processes"), rare=True
    ),
    FigureDefinition("threads", "Most threads", "", _sources("max", "threads"), rare=True),
    FigureDefinition(
        "gpu",
        "Mean GPU, all users",
        "share",
        (FigureSource("mean", (_GPUS,), ("gpu_use",)),),
    ),
    FigureDefinition(
        "gpu_memory",
        "GPU memory, all users",
        "bytes",
        (FigureSource("max", (_GPUS,), ("gpu_memory_used",)),),
    ),
    FigureDefinition(
        "gpu_energy",
        "Energy of GPUs, all users",
        "J",
        (FigureSource("total", (_GPUS,), ("gpu_power",)),),
    ),
    FigureDefinition(
        "energy",
        "Energy of processors, all users",
        "J",
        (FigureSource("max", (_PROCESSORS,), ("energy",)),),
    ),
    FigureDefinition(
        "late",
        "Late samples",
        "",
        (FigureSource("max", ("sampler",), ("samples_late",)),),
        rare=True,
    ),
    FigureDefinition(
        "missed",
        "Missed samples",
        "",
        (FigureSource("max", ("sampler",), ("samples_missed",)),),
        rare=True,
    ),
)
"""Every figure that there is, in the order in which they are shown."""

_BY_ID = {each.id: each for each in FIGURES}


def figure_named(figure_id: str) -> FigureDefinition:
    """Return the definition of a figure.

    Raises:
        KeyError: There is none.
    """
    return _BY_ID[figure_id]


def figures_of(result: Result) -> tuple[Figure, ...]:
    """Return the figures of a run: its duration, and those for which there are values.

    Args:
        result: What was measured; also one that was read back. A run without points
            has no figures.
    """
    if not len(result.times_ns):
        return ()
    duration = (result.times_ns[-1] - start_ns(result)) / 1e9
    at_most = {"peak_memory": result.meta_data.get(PEAK_AT_MOST)}
    statistics = RunStatistics(result)
    return tuple(figures_from(statistics, result.columns, duration, at_most=at_most))


def figures_from(
    statistics: SummedStatistics,
    keys: Iterable[str],
    duration: float,
    stored: Mapping[str, float] | None = None,
    figures: Sequence[FigureDefinition] = FIGURES,
    at_most: Mapping[str, object] | None = None,
) -> Iterator[Figure]:
    """Yield the figures of a run, from statistics of its measures.

    Args:
        statistics: What its measures did.
        keys: The measures that it has.
        duration: From its start to its last point, in seconds.
        stored: Figures that were computed when the run had ended, by their ids: they
            are taken as they are.
        figures: Which.
        at_most: Upper bounds of figures, by their ids, as meta data have them.
    """
    if duration < 0:
        return  # no point is of this run
    values: dict[str, float | None] = {"duration": duration, **(stored or {})}
    subjects = _subjects(keys)
    for each in figures:
        if each.id not in values:
            values[each.id] = _value(each, values, statistics, subjects)
        value = values[each.id]
        if value is None or not math.isfinite(value) or (each.rare and not value):
            continue
        if each.is_whole:
            value = round(value)
        most = _upper_bound((at_most or {}).get(each.id), value)
        yield Figure(each.id, each.title, each.unit, value, most)


def _value(
    figure: FigureDefinition,
    values: Mapping[str, float | None],
    statistics: SummedStatistics,
    subjects: Mapping[str, Sequence[str]],
) -> float | None:
    if figure.per_second_of:
        total, duration = values.get(figure.per_second_of), values["duration"]
        return total / duration if total is not None and duration else None
    for source in figure.sources:
        keys = source.keys(subjects)
        value = getattr(statistics, source.statistic)(keys) if keys else None
        if value is not None:
            return float(value) * source.factor
    return None


def _upper_bound(text: object, value: float) -> float | None:
    try:
        at_most = float(text)  # type: ignore[arg-type] # what is no number raises
    except (TypeError, ValueError):
        return None
    return at_most if at_most > value else None


def _subjects(keys: Iterable[str]) -> dict[str, list[str]]:
    """Return the metrics of a run, each with the subjects on which it was measured."""
    subjects: dict[str, list[str]] = {}
    for key in keys:
        subject, _, metric = key.rpartition(".")
        subjects.setdefault(metric, []).append(subject)
    return subjects


def key_groups(
    keys: Iterable[str], figures: Iterable[FigureDefinition] = FIGURES
) -> list[tuple[FigureSource, tuple[str, ...]]]:
    """Return the sources of figures that a run has, with the keys of their measures."""
    subjects = _subjects(keys)
    sources = [source for each in figures for source in each.sources]
    found = ((source, tuple(source.keys(subjects))) for source in sources)
    return [(source, group) for source, group in found if group]
