"""Charts in a terminal, drawn with dots of braille."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from multimeter.analysis.units import format_value, is_scaled
from multimeter.reports.charts import Chart, thinned
from multimeter.reports.texts import printable

__all__ = ["draw"]

_HEIGHT = 8
_NARROWEST = 20
_MARGIN = 20
_TICK = 10
_LETTERS_A_CURVE = 6
# A range this small cannot be divided into rows: 5e-324 / 8 is 0.
_FLAT = 1e-300
_COLORS = ("cyan", "magenta", "yellow", "green", "red", "blue")


def draw(
    chart: Chart,
    width: int,
    *,
    colors: bool,
    marks: Sequence[float] = (),
    span: tuple[float, float] | None = None,
) -> str:
    """Return a chart as lines of text.

    Args:
        chart: The chart.
        width: How many columns there are.
        colors: Whether it may have colours.
        marks: Moments to draw a line at, in seconds.
        span: The first and the last second; by default those of the curves.
    """
    import plotille  # only who draws needs it

    figure = plotille.Figure()
    figure.width, figure.height = max(_NARROWEST, width - _MARGIN), _HEIGHT
    figure.with_colors, figure.color_mode = colors, "names"
    figure.origin = False
    figure.x_label, figure.y_label = "s", ""
    figure.register_label_formatter(float, _plain)
    first, last = span or (
        min(curve.seconds[0] for curve in chart.curves),
        max(curve.seconds[-1] for curve in chart.curves),
    )
    values = [value for curve in chart.curves for value in curve.values]
    least, most = min(0.0, *values), max(0.0, *values)
    figure.set_x_limits(first, last if last > first else first + 1)
    figure.set_y_limits(least, most if most - least > _FLAT else least + 1)
    figure.y_ticks_fkt = _ticks(chart.unit)
    for number, curve in enumerate(chart.curves):
        thin = thinned(curve, figure.width)
        color = _COLORS[number % len(_COLORS)] if colors else None
        figure.plot(list(thin.seconds), list(thin.values), lc=color)
        if len(chart.curves) > 1:
            few = range(0, len(thin.seconds), -(-len(thin.seconds) // _LETTERS_A_CURVE))
            figure.scatter(
                [thin.seconds[row] for row in few],
                [thin.values[row] for row in few],
                lc=color,
                marker=printable(curve.label)[:1] or None,
            )
    for mark in marks:
        if first < mark < last:
            figure.axvline((mark - first) / (last - first), lc="white" if colors else None)
    lines = figure.show(legend=False).splitlines()
    return "\n".join([_title(chart), *(line.rstrip() for line in lines[1:])])


def _title(chart: Chart) -> str:
    if len(chart.curves) == 1:
        return printable(chart.title)
    return printable(f"{chart.title}: {', '.join(c.label for c in chart.curves)}")


def _plain(value: float, chars: int, **_more: object) -> str:
    return f"{value:.3g}"[:chars].ljust(chars)


def _ticks(unit: str) -> Callable[[float, float], str]:
    def text(low: float, _high: float) -> str:
        return shown(low, unit).rjust(_TICK)

    return text


def shown(value: float, unit: str) -> str:
    """Return a value with its unit, as short as an axis needs it."""
    return format_value(value, unit) if is_scaled(unit) else f"{value:.4g}"
