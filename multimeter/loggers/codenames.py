"""Codenames: the names of logged values, and the line protocol prefix of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from multimeter.data.identifiers import CODENAMES
from multimeter.data.record import Record
from multimeter.data.values import text_of
from multimeter.errors import ConfigurationError, UnknownCodenameError
from multimeter.lines.protocol import decode, escape_measurement, format_tags

__all__ = [
    "checked_codenames",
    "codename_records",
    "series_heads",
    "stored_codenames",
    "unknown_codename",
]


def checked_codenames(codenames: Iterable[str]) -> tuple[str, ...]:
    """Return the codenames without duplicates.

    Raises:
        ConfigurationError: There is none, or one is not text.
    """
    if isinstance(codenames, str):
        codenames = [codenames]
    unique = tuple(dict.fromkeys(codenames))
    bad = [each for each in unique if not isinstance(each, str) or not each.strip()]
    if bad or not unique:
        raise ConfigurationError(
            f"{bad[0]!r} is not a codename." if bad else "There is no codename.",
            next_step="measurement_codenames=['lab_pressure', ...]",
        )
    return unique


def unknown_codename(codename: object, known: Iterable[str]) -> UnknownCodenameError:
    """Return the error for a codename that a logger does not have."""
    return UnknownCodenameError(
        f"The codename '{text_of(codename)}' is not one of this logger: "
        f"{', '.join(known)}.",
        next_step="Add it to measurement_codenames.",
    )


def series_heads(measurement: str, codenames: Sequence[str]) -> dict[str, str]:
    """Return the start of a line for each codename, up to its value.

    Raises:
        ConfigurationError: Two codenames have the same start.
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
                cause="Line protocol cannot represent a character in one of them.",
            )
    return heads


def stored_codenames(heads: Mapping[str, str]) -> list[str]:
    """Return the codenames as a sink decodes them from lines.

    Args:
        heads: From :func:`series_heads`.
    """
    lines = "\n".join(f"{head}0 0" for head in heads.values())
    return [record.tags["codename"] for record in decode(lines)]


def codename_records(
    codenames: Sequence[str], units: Mapping[str, str], descriptions: Mapping[str, str]
) -> list[Record]:
    """Return units and descriptions, as one record without a time for each codename.

    They are stored apart from the values, so that correcting a unit starts no new series.

    Args:
        codenames: All codenames.
        units: The units of some codenames.
        descriptions: The descriptions of some codenames.

    Raises:
        ConfigurationError: A codename is unknown, or a unit or description is not text.
    """
    metadata = {"units": (units, "unit"), "descriptions": (descriptions, "description")}
    fields: dict[str, dict[str, str]] = {}
    for name, (texts, key) in metadata.items():
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
