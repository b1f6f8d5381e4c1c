"""Charts: which curves of one or several runs are drawn together. Pure."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from multimeter.analysis.comparison import START, zero_of
from multimeter.analysis.panel_definitions import HEADLINES, PANELS
from multimeter.analysis.panels import Panel, known_metric, panels_of, scale_of
from multimeter.data.values import PLAIN
from multimeter.errors import ConfigurationError
from multimeter.result import Result

__all__ = ["Chart", "Curve", "all_charts", "headlines", "measure_charts", "thinned"]


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Attributes:
        label: What the legend says.
        run: The number of its run, from 0.
        seconds: The times, since the zero of the run.
        values: The values, in the unit of the chart; all are finite.
        keys: The keys of the measures that they are the sum of.
    """

    label: str
    run: int
    seconds: Sequence[float]
    values: Sequence[float]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """Curves with one axis.

    Attributes:
        title: Its heading.
        unit: The unit of the values, as :mod:`multimeter.analysis.panel_definitions` has
        them. curves: The curves; none is empty.
    """

    title: str
    unit: str
    curves: tuple[Curve, ...]


_NUMBERS = PLAIN - {str, type(None)}
_KNOWN_METRICS = frozenset(metric for panel in PANELS for metric in panel.metrics)


def headlines(
    runs: Sequence[Result], names: Sequence[str], align: str = START
) -> list[Chart]:
    """Return the charts that say most of some runs, each run as one curve.

    What was zero all the time has none.

    Args:
        runs: The runs.
        names: What the legends call them.
        align: Where their times begin, see :func:`~multimeter.analysis.comparison.zero_of`.

    Raises:
        ConfigurationError: They cannot be aligned.
    """
    charts = []
    for each in HEADLINES:
        curves = []
        for number, (run, name) in enumerate(zip(runs, names)):
            keys = each.keys(run.columns)
            if keys:
                curves.append(_curve(run, keys, name, number, align))
        charts.append(Chart(each.title, each.unit, _drawn(curves)))
    return [chart for chart in charts if any(any(each.values) for each in chart.curves)]


def measure_charts(
    runs: Sequence[Result],
    names: Sequence[str],
    patterns: Iterable[str] | None,
    align: str = START,
) -> list[Chart]:
    """Return a chart for each measure that matches a pattern, a curve for each run.

    Args:
        runs: The runs.
        names: What the legends call them.
        patterns: Patterns as of a shell, for keys; None for the measures that are not
            of Multimeter's own probes.
        align: Where their times begin.

    Raises:
        ConfigurationError: A pattern matches nothing, or they cannot be aligned.
    """
    keys = list(dict.fromkeys(key for run in runs for key in run.columns))
    if patterns is None:
        wanted = [key for key in keys if key.rpartition(".")[2] not in _KNOWN_METRICS]
    else:
        wanted = list(dict.fromkeys(_matching(keys, patterns)))
    charts = []
    for key in wanted:
        curves = [
            _curve(run, (key,), name, number, align)
            for number, (run, name) in enumerate(zip(runs, names))
            if key in run.columns
        ]
        (panel,) = _panels(runs, [key])
        charts.append(Chart(key, panel.unit, _drawn(curves)))
    return [chart for chart in charts if chart.curves]


def _matching(keys: Sequence[str], patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        found = [key for key in keys if fnmatchcase(key, pattern)]
        if not found:
            raise ConfigurationError(
                f"No measure matches '{pattern}'.",
                next_step=f"There are: {', '.join(keys) or 'none'}",
            )
        yield from found


def all_charts(
    runs: Sequence[Result], names: Sequence[str], align: str = START
) -> list[Chart]:
    """Return every number of some runs, in the panels in which the page has them.

    Args:
        runs: The runs.
        names: What the legends call them; of one run, they are left out.
        align: Where their times begin.

    Raises:
        ConfigurationError: They cannot be aligned.
    """
    keys = list(dict.fromkeys(key for run in runs for key in run.columns))
    charts = []
    for panel in _panels(runs, keys):
        curves = []
        for number, (run, name) in enumerate(zip(runs, names)):
            for each in panel.series:
                if each.key in run.columns:
                    label = each.label if len(runs) == 1 else f"{name}: {each.label}"
                    curves.append(_curve(run, (each.key,), label, number, align))
        charts.append(Chart(panel.title, panel.unit, _drawn(curves)))
    return [chart for chart in charts if chart.curves]


def _panels(runs: Sequence[Result], keys: Sequence[str]) -> list[Panel]:
    schema = next((run.schema for run in runs if run.schema.measures), None)
    return panels_of(schema, keys)


def _drawn(curves: Iterable[Curve]) -> tuple[Curve, ...]:
    return tuple(curve for curve in curves if len(curve.seconds))


def _curve(run: Result, keys: Sequence[str], label: str, number: int, align: str) -> Curve:
    """Return the sum of some measures, where all of them are finite numbers."""
    metrics = {each.key: each.metric for each in run.schema.measures}
    scales = [scale_of(metrics.get(key) or known_metric(key)) for key in keys]
    zero = zero_of(run, align)
    seconds, values = array("d"), array("d")
    for time, *row in zip(run.times_ns, *(run.values(key) for key in keys)):
        value = _sum(row, scales)
        if value is not None:
            seconds.append((time - zero) / 1e9)
            values.append(value)
    return Curve(label, number, seconds, values, tuple(keys))


def _sum(row: Sequence[Any], scales: Sequence[float]) -> float | None:
    if not _NUMBERS.issuperset(map(type, row)):
        return None
    try:
        value = sum(value * scale for value, scale in zip(row, scales))
    except OverflowError:
        return None  # no double holds it
    return value if math.isfinite(value) else None


def thinned(curve: Curve, buckets: int) -> Curve:
    """Return a curve of at most two points a bucket: the least and the most of each.

    So no peak is lost, however few pixels there are.
    """
    count = len(curve.seconds)
    if count <= 2 * buckets:
        return curve
    rows: list[int] = []
    for bucket in range(buckets):
        some = range(count * bucket // buckets, count * (bucket + 1) // buckets)
        least, most = (f(some, key=curve.values.__getitem__) for f in (min, max))
        rows += sorted({least, most})
    return replace(
        curve,
        seconds=[curve.seconds[row] for row in rows],
        values=[curve.values[row] for row in rows],
    )
