"""Codenames: what a logger's values are called, and how their lines begin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from multimeter.errors import ConfigurationError
from multimeter.line_protocol import escape_measurement, format_tags

__all__ = ["checked_codenames", "series_heads"]


def checked_codenames(codenames: Iterable[str]) -> tuple[str, ...]:
    """Return the codenames, each once.

    Raises:
        ConfigurationError: There is none, or one is no text.
    """
    if isinstance(codenames, str):
        codenames = [codenames]
    found = tuple(dict.fromkeys(codenames))
    bad = [each for each in found if not isinstance(each, str) or not each.strip()]
    if bad or not found:
        raise ConfigurationError(
            f"{bad[0]!r} is not a codename." if bad else "There is no codename.",
            next_step="measurement_codenames=['lab_pressure', ...]",
        )
    return found


def series_heads(measurement: str, codenames: Sequence[str]) -> dict[str, str]:
    """Return how a line of each codename begins, up to its value."""
    head = escape_measurement(measurement)
    return {
        codename: f"{head}{format_tags({'codename': codename})} value="
        for codename in codenames
    }
