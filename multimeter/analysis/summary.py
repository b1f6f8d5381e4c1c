"""Summary: what a run used, in a few lines or as an object of JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multimeter.analysis.figures import Figure, figures_of
from multimeter.analysis.panel_definitions import HEADLINES
from multimeter.data.columns import is_number

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = ["sparkline", "summary_lines", "summary_of"]

_BARS = "▁▂▃▄▅▆▇█"

# Figures that are shown; those of the second kind only where they say something.
_ALWAYS = ("duration", "cpu_time", "peak_memory")
_IF_ANY = (
    *("peak_pss", "read", "written", "processes", "threads"),
    *("gpu", "gpu_memory", "gpu_energy", "energy"),
)
_NOTHING = {"processes": 1.0, "threads": 1.0}

_SHARED = 0.95
_SUBJECTS = ("tree", "process")

_HEADLINES = {figure: each for each in HEADLINES for figure in each.figures}
_FEWEST_POINTS = 3


def summary_of(result: Result) -> dict[str, Any]:
    """Return what a run used, for programs: all of it can be written as JSON.

    Its keys: ``version``, ``identifier``, ``tags``, ``start``, ``end`` (ISO 8601 in UTC),
    ``duration`` (s), ``points``, ``late_samples``, ``missed_samples``, ``clock_steps``,
    and ``figures``: ids to ``value``, ``low``, ``high``, ``unit``, ``source``, ``flags``,
    see :class:`multimeter.data.estimate.Estimate`.
    """
    start_ns, end_ns = result.start_ns, result.end_ns
    duration = None
    if start_ns is not None and end_ns is not None:
        duration = (end_ns - start_ns) / 1e9
    return {
        "version": 2,
        "identifier": result.identifier,
        "tags": result.tags,
        "start": result.start.isoformat() if result.start else None,
        "end": result.end.isoformat() if result.end else None,
        "duration": duration,
        "points": len(result.times_ns),
        "late_samples": int(result.meta_data.get("late_samples", 0)),
        "missed_samples": int(result.meta_data.get("missed_samples", 0)),
        "clock_steps": result.meta_data.get("clock_steps", []),
        "figures": {
            each.id: {**each.estimate.to_json(), "unit": each.unit}
            for each in figures_of(result)
        },
    }


def summary_lines(result: Result, *, curves: bool = False) -> list[str]:
    """Return what a run used, for people: a line for each figure that says something.

    Args:
        result: What was measured.
        curves: Whether small curves stand beside the figures, where there are enough
            points for one.
    """
    figures = {each.id: each for each in figures_of(result)}
    shown = [
        figures[key]
        for key in (*_ALWAYS, *_IF_ANY)
        if key in figures and (key in _ALWAYS or _is_shown(figures[key], figures))
    ]
    texts = [_text(each, figures) for each in shown]
    title_width = max((len(each.title) for each in shown), default=0)
    text_width = max(map(len, texts), default=0)
    lines = []
    for figure, text in zip(shown, texts):
        curve = _curve(result, figure.id) if curves else ""
        note = _note(result, figure)
        padded = text.ljust(text_width) if curve else text
        cells = (figure.title.ljust(title_width), padded, curve, note)
        lines.append("  ".join(cell for cell in cells if cell).rstrip())
    return lines


def _is_shown(figure: Figure, figures: Mapping[str, Figure]) -> bool:
    if figure.id == "peak_pss":  # it says more than the peak where memory is shared
        peak = figures["peak_memory"].value if "peak_memory" in figures else None
        return (figure.value or 0) < _SHARED * (peak or 0)
    return (figure.value or 0) > _NOTHING.get(figure.id, 0)


def _text(figure: Figure, figures: Mapping[str, Figure]) -> str:
    if figure.id == "cpu_time" and "cpu" in figures:
        return f"{figure.text}, {figures['cpu'].text} of one core"
    return figure.text


def _note(result: Result, figure: Figure) -> str:
    if figure.note:
        return f"({figure.note})"
    if figure.id == "peak_memory" and any(
        each.between_samples and each.measure.subject.key in _SUBJECTS
        for each in result.peaks
    ):
        return "(reached between two samples)"
    return ""


def _curve(result: Result, key: str) -> str:
    if len(result.times_ns) < _FEWEST_POINTS:
        return ""
    keys = _HEADLINES[key].keys(result.columns) if key in _HEADLINES else ()
    if not keys:
        return ""
    start = result.start_ns or 0
    return sparkline(_sums(result, keys), start, result.times_ns[-1])


def _sums(result: Result, keys: Iterable[str]) -> Iterator[tuple[float, float]]:
    columns = [result.values(key) for key in keys]
    for row, time in enumerate(result.times_ns):
        values = [column[row] for column in columns]
        if all(map(is_number, values)):
            yield time, sum(values)


def sparkline(
    points: Iterable[tuple[float, float]], start: float, end: float, width: int = 32
) -> str:
    """Return a curve as a row of bars, from zero up to its largest value.

    A bar is the largest value of its time; one without a value goes on as before.

    Args:
        points: Pairs of time and value; what is no finite number is left out.
        start: When the row begins.
        end: When it ends.
        width: How many bars it has.
    """
    bars: list[float | None] = [None] * width
    seconds = (end - start) or 1
    for time, value in points:
        if math.isfinite(value):
            place = min(width - 1, max(0, math.ceil((time - start) / seconds * width) - 1))
            before = bars[place]
            bars[place] = value if before is None else max(before, value)
    return _row(bars)


def _row(bars: Sequence[float | None]) -> str:
    known = [bar for bar in bars if bar is not None]
    most = max(known, default=0.0)
    if not known or most <= 0:
        return _BARS[0] * len(bars) if known else ""
    # A rate holds for the time before its point: what is missing is that of the next.
    last, texts = known[-1], []
    for bar in reversed(bars):
        last = last if bar is None else bar
        texts.append(_BARS[min(len(_BARS) - 1, max(0, int(last / most * len(_BARS))))])
    return "".join(reversed(texts))
