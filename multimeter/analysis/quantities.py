"""How a quantity is written for people, and the lines of a summary.

``multimeter run`` writes these lines after a short command: nothing here is slow to load.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["aligned", "format_quantity", "note_of", "scale", "shown_figures"]

_DECIMAL = ("", "k", "M", "G", "T")
_PREFIXES = {
    "binary": (1024.0, ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), " "),
    "decimal": (1000.0, _DECIMAL, " "),
    "rate": (1000.0, _DECIMAL, ""),
}
_PARTS_OF_SECOND = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_LONG = 59.95  # seconds; from there on in minutes, as it would be written as 60.0
_ROUNDS_UP = 0.9995  # 999.6 would be written as 1,000


def format_quantity(value: float, style: str, symbol: str) -> str:
    """Return a quantity as people write it: three digits that count, and its unit.

    Args:
        value: The number, in the base unit.
        style: How it is written, as of the dimensions of :mod:`multimeter.analysis.units`.
        symbol: The symbol behind the prefix.
    """
    if style == "time":
        return _time(value)
    if style == "number":
        plain = value == round(value) or value >= 1000  # noqa: PLR2004 - from there on, digits enough
        number = f"{value:,.0f}" if plain else _digits(value)
        return f"{number} {symbol}".rstrip()
    size, suffix = scale(value, style, symbol)
    return f"{_digits(value / size)}{suffix}"


def scale(value: float, style: str, symbol: str) -> tuple[float, str]:
    """Return what a value is divided by, and the unit with its prefix."""
    if style == "percent":
        return 0.01, f" {symbol}"
    if style not in _PREFIXES:
        return 1.0, f" {symbol}".rstrip()
    step, prefixes, space = _PREFIXES[style]
    place, size = 0, 1.0
    while abs(value / size) >= step - 0.5 and place < len(prefixes) - 1:
        size *= step
        place += 1
    return size, f"{space}{prefixes[place]}{symbol}"


def _time(seconds: float) -> str:
    if abs(seconds) >= _LONG:
        return ("-" if seconds < 0 else "") + _duration(round(abs(seconds)))
    for size, symbol in _PARTS_OF_SECOND:
        if abs(seconds) >= size * _ROUNDS_UP:
            return f"{_digits(seconds / size)} {symbol}"
    return f"{_digits(seconds / size)} {symbol}" if seconds else "0 s"


def _duration(seconds: int) -> str:
    """Return the two largest parts of a time of a minute or more."""
    parts = (
        (seconds // 86_400, "d"),
        (seconds // 3_600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    )
    first = next(place for place, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def _digits(value: float) -> str:
    """Return a number with three digits that count, and none after a round number."""
    size = abs(value)
    if 0 < size < 1:
        digits = f"{value:.3g}"
        # Two decimals at least, and no zeros behind them.
        return digits if "e" in digits or len(digits) > len("0.12") else f"{value:.2f}"
    places = 0 if size >= 99.95 or value == round(value) else 1 if size >= 9.995 else 2  # noqa: PLR2004 - 100 and 10, rounded
    return f"{value:,.{places}f}"


# Figures that are shown; those of the second kind only where they say something.
_ALWAYS = ("duration", "cpu_time", "peak_memory")
_IF_ANY = (
    *("peak_pss", "read", "written", "processes", "threads"),
    *("gpu", "gpu_memory", "gpu_energy", "energy"),
)
_NOTHING = {"processes": 1.0, "threads": 1.0}
_SHARED = 0.95


def shown_figures(values: Mapping[str, float | None]) -> list[str]:
    """Return the ids of the figures that say something, in the order of a summary.

    Args:
        values: The values of all figures, by their ids.
    """
    shown = [key for key in _ALWAYS if key in values]
    for key in _IF_ANY:
        value = values.get(key) or 0
        if key == "peak_pss":  # it says more than the peak where processes share memory
            is_less = 0 < value < _SHARED * (values.get("peak_memory") or 0)
            if is_less and (values.get("processes") or 0) > 1:
                shown.append(key)
        elif value > _NOTHING.get(key, 0):
            shown.append(key)
    return shown


def note_of(flags: Iterable[str], at_most: str) -> str:
    """Return what people have to know of the error of a figure.

    Args:
        flags: The flags of its estimate.
        at_most: The upper bound where the value is only a lower one; empty elsewhere.
    """
    notes = dict.fromkeys(flags)
    return "; ".join([*notes, *([f"at most {at_most}"] if at_most else [])])


def aligned(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    """Return the lines of a summary.

    Args:
        rows: Title, quantity, curve, and note of each line; curve and note may be empty.
    """
    title_width = max((len(title) for title, *_ in rows), default=0)
    text_width = max((len(text) for _, text, *_ in rows), default=0)
    lines = []
    for title, text, curve, note in rows:
        padded = text.ljust(text_width) if curve else text
        cells = (title.ljust(title_width), padded, curve, note)
        lines.append("  ".join(cell for cell in cells if cell).rstrip())
    return lines
