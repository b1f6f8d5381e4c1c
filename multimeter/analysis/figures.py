"""Figures: the few numbers about a whole run that people look at first.

Where a whole tree of processes was measured, they are about the tree; else about the one
process, with those of its children for which it has waited. :data:`FIGURES` is the one
list: the library computes them from a result, the embedded store in SQL, Grafana in Flux.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from multimeter.analysis.quantities import note_of
from multimeter.analysis.statistics import RunStatistics, SummedStatistics
from multimeter.analysis.units import format_value
from multimeter.data.baseline import OVERHEAD
from multimeter.data.columns import is_number
from multimeter.data.estimate import AT_LEAST, POINTS, Estimate

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
        name: The name of the source, see :class:`multimeter.data.estimate.Estimate`.
    """

    statistic: StatisticName
    subjects: tuple[str, ...]
    metrics: tuple[str, ...]
    factor: float = 1.0
    name: str = POINTS

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
        needs: The figures on which its bounds depend.
    """

    id: str
    title: str
    unit: str
    sources: tuple[FigureSource, ...] = ()
    per_second_of: str = ""
    rare: bool = False
    needs: tuple[str, ...] = ()

    @property
    def digits(self) -> int | None:
        """The digits behind the point that it has: the kernel counts in whole units.

        Counts and bytes have none, seconds nine; None for all others.
        """
        return {"": 0, "bytes": 0, "s": 9}.get(self.unit)


@dataclass(frozen=True)
class Figure:
    """One number about a whole run, with what is known of its error.

    Attributes:
        id: Its name in commands and in JSON.
        title: Its name for people.
        unit: As in :class:`FigureDefinition`.
        estimate: The number in that unit, its bounds, its source and its flags.
    """

    id: str
    title: str
    unit: str
    estimate: Estimate

    @property
    def value(self) -> float | None:
        """The best that is known; None where it was not seen."""
        return self.estimate.value

    @property
    def key(self) -> str:
        """The same as :attr:`id`.

        .. deprecated:: 1.0
        """
        return self.id

    @property
    def at_most(self) -> float | None:
        """The upper bound, where the value is only a lower one.

        .. deprecated:: 1.0
        """
        high, value = self.estimate.high, self.estimate.value
        return high if high is not None and (value is None or high > value) else None

    @property
    def text(self) -> str:
        """Its value for people; ``?`` where it was not seen."""
        if self.value is None:
            return "?"
        return format_value(self.value, self.unit)

    @property
    def note(self) -> str:
        """What people have to know of its error; empty where it has none."""
        most = self.at_most
        return note_of(
            self.estimate.flags, "" if most is None else format_value(most, self.unit)
        )


_TREES = (("tree",), (".+:tree",))
_GPUS = r"gpu\d+"
# The memory beside a processor is counted apart; all other parts are in the whole.
_PROCESSORS = r"energy:package-\d+(:dram)?"
# getrusage(2) counts blocks of 512 bytes, whatever the disk has.
_BLOCK = 512.0


def _sources(
    statistic: StatisticName, *metrics: str, name: str = POINTS
) -> tuple[FigureSource, ...]:
    """Return the sources for what processes do, the widest first."""
    subjects = (*_TREES, ("process", "children"))
    return tuple(FigureSource(statistic, each, metrics, name=name) for each in subjects)


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
        *_sources("total", f"io_disk_{direction}", name="disk"),
        FigureSource("total", ("process", "children"), (blocks,), _BLOCK, "blocks"),
        *_sources("total", f"io_{direction}", name="calls"),
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
    FigureDefinition(
        "peak_memory", "Peak memory", "bytes", _PEAK_SOURCES, needs=("processes",)
    ),
    FigureDefinition("peak_pss", "Peak PSS", "bytes", _sources("max", "memory_pss")),
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
            has no figures but those that are known without them.
    """
    known = {**_version_1(result.meta_data), **result.known_figures}
    start_ns, end_ns = result.start_ns, result.end_ns
    if start_ns is None or end_ns is None:
        return tuple(
            Figure(each.id, each.title, each.unit, known[each.id])
            for each in FIGURES
            if each.id in result.known_figures
        )
    statistics = RunStatistics(result)
    duration = (end_ns - start_ns) / 1e9
    figures = figures_from(statistics, result.columns, duration, known)
    return tuple(_with_sampling(each, result.meta_data) for each in figures)


def _with_sampling(figure: Figure, meta_data: Mapping[str, object]) -> Figure:
    """Return a figure that says what part of it is the sampler, where that is much."""
    overhead, value = meta_data.get(OVERHEAD), figure.value
    if figure.id != "cpu_time" or not isinstance(overhead, Mapping) or not value:
        return figure
    seconds: Any = overhead.get("cpu_time")
    if not overhead.get("inside") or not is_number(seconds) or seconds < _MUCH * value:
        return figure
    flag = f"{format_value(seconds, 's')} of it are sampling"
    if flag in figure.estimate.flags:
        return figure
    flags = (*figure.estimate.flags, flag)
    return replace(figure, estimate=replace(figure.estimate, flags=flags))


_MUCH = 0.01


def _version_1(meta_data: Mapping[str, object]) -> dict[str, Estimate]:
    """Return the bounds that version 1 of the data had in meta data, as text."""
    try:
        high = float(meta_data[PEAK_AT_MOST])  # type: ignore[arg-type] # raises if none
    except (KeyError, TypeError, ValueError):
        return {}
    return {"peak_memory": Estimate(None, None, high)}


def figures_from(
    statistics: SummedStatistics,
    keys: Iterable[str],
    duration: float,
    known: Mapping[str, Estimate] | None = None,
    figures: Sequence[FigureDefinition] = FIGURES,
) -> Iterator[Figure]:
    """Yield the figures of a run, from statistics of its measures.

    Args:
        statistics: What its measures did.
        keys: The measures that it has.
        duration: From its start to its last point, in seconds.
        known: Figures that are known without its measures, by their ids: they are taken
            as they are. One without a value is an upper bound alone.
        figures: Which.
    """
    if duration < 0:
        return  # no point is of this run
    computation = _Computation(statistics, _subjects(keys), duration, known or {})
    for each in figures:
        estimate = computation.estimate(each)
        if estimate is None or not _is_shown(each, estimate):
            continue
        yield Figure(each.id, each.title, each.unit, estimate)


def _is_shown(figure: FigureDefinition, estimate: Estimate) -> bool:
    if estimate.value is None:
        return estimate.high is not None
    return math.isfinite(estimate.value) and not (figure.rare and not estimate.value)


class _Computation:
    """Computes the figures of one run, each once.

    Args:
        statistics: What its measures did.
        subjects: The metrics of the run, each with its subjects.
        duration: Its duration, in s.
        known: Figures that need not be computed.
    """

    def __init__(
        self,
        statistics: SummedStatistics,
        subjects: Mapping[str, Sequence[str]],
        duration: float,
        known: Mapping[str, Estimate],
    ) -> None:
        self._statistics = statistics
        self._subjects = subjects
        self._known = known
        self._estimates: dict[str, Estimate | None] = {
            "duration": Estimate.exact(duration),
            **{key: each for key, each in known.items() if key != "peak_memory"},
        }

    def estimate(self, figure: FigureDefinition) -> Estimate | None:
        if figure.id not in self._estimates:
            estimate = self._computed(figure)
            if figure.id == "peak_memory":
                estimate = self._peak(estimate)
            elif figure.id == "peak_pss" and estimate is not None:
                # It is sampled seldom: walking all pages is expensive.
                most = self.estimate(_BY_ID["peak_memory"])
                estimate = Estimate.at_least(estimate.value, most.high if most else None)
            self._estimates[figure.id] = (
                None if estimate is None else estimate.rounded(figure.digits)
            )
        return self._estimates[figure.id]

    def _computed(self, figure: FigureDefinition) -> Estimate | None:
        if figure.per_second_of:
            total = self.estimate(_BY_ID[figure.per_second_of])
            duration = self.estimate(_BY_ID["duration"])
            if total is None or duration is None or not duration.value:
                return None
            return total.divided(duration.value)
        for source in figure.sources:
            keys = source.keys(self._subjects)
            value = getattr(self._statistics, source.statistic)(keys) if keys else None
            if value is not None:
                return Estimate.exact(float(value) * source.factor, source.name)
        return None

    def _peak(self, seen: Estimate | None) -> Estimate | None:
        """Return the peak with its bounds: several processes are seen in samples only."""
        known = self._known.get("peak_memory")
        if known is not None and known.value is not None:
            return known
        if known is not None and known.high is not None:
            value = seen.value if seen else None
            if value is None or known.high > value:
                flags = (each for each in known.flags if each != AT_LEAST)
                return Estimate.at_least(value or None, known.high, known.source, *flags)
        processes = self.estimate(_BY_ID["processes"])
        if seen is None or processes is None or (processes.value or 0) <= 1:
            return seen
        return replace(seen, flags=SEVERAL_PROCESSES)


SEVERAL_PROCESSES = ("at samples", "shared memory counts for each process")
"""The flags of a peak of memory that is the largest sum over several processes."""


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
    needed = [one for each in figures for one in (each, *map(figure_named, each.needs))]
    sources = [source for each in needed for source in each.sources]
    found = ((source, tuple(source.keys(subjects))) for source in sources)
    return [(source, group) for source, group in found if group]
