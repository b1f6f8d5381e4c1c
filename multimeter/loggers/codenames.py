"""Codenames: what a logger's values are called, and how their lines begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from multimeter.data.identifiers import CODENAMES
from multimeter.data.record import Record
from multimeter.errors import ConfigurationError
from multimeter.lines.protocol import decode, escape_measurement, format_tags

__all__ = ["checked_codenames", "codename_records", "series_heads", "stored_codenames"]


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
    """Return how a line of each codename begins, up to its value.

    Raises:
        ConfigurationError: The lines of two codenames begin in the same way.
    """
    head = escape_measurement(measurement)
    heads = {
        codename: f"{head}{format_tags({'codename': codename})} value="
        for codename in codenames
    }
    owners: dict[str, str] = {}
    for codename, text in heads.items():
        if (other := owners.setdefault(text, codename)) != codename:
            raise ConfigurationError(
                f"The codenames {other!r} and {codename!r} cannot be distinguished.",
                cause="Line protocol has no form for a character in one of them.",
            )
    return heads


def stored_codenames(heads: Mapping[str, str]) -> list[str]:
    """Return the codenames as a sink finds them in lines.

    Args:
        heads: From :func:`series_heads`.
    """
    lines = "\n".join(f"{head}0 0" for head in heads.values())
    return [record.tags["codename"] for record in decode(lines)]


def codename_records(
    codenames: Sequence[str], units: Mapping[str, str], descriptions: Mapping[str, str]
) -> list[Record]:
    """Return what is said of codenames, a record without a time for each.

    It stands beside the values and not in them: to correct a unit makes no new series.

    Args:
        codenames: All codenames.
        units: The units of some.
        descriptions: What some of them are, in words.

    Raises:
        ConfigurationError: Another codename is named, or what is said is no text.
    """
    said = {"units": (units, "unit"), "descriptions": (descriptions, "description")}
    fields: dict[str, dict[str, str]] = {}
    for name, (texts, key) in said.items():
        for codename, text in texts.items():
            if codename not in codenames:
                raise ConfigurationError(
                    f"'{name}' names an unknown codename: {codename!r}."
                )
            if not isinstance(text, str):
                raise ConfigurationError(f"'{name}' must hold texts, not {text!r}.")
            fields.setdefault(codename, {})[key] = text
    return [
        Record(CODENAMES, {"codename": codename}, {**texts}, None)
        for codename, texts in fields.items()
    ]
