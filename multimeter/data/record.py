"""Record: the unit of delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FieldValue", "Record", "Unsigned"]


class Unsigned(int):
    """An integer that was, or shall be, written with the suffix ``u``."""


FieldValue = float | int | str | bool
"""What a field can hold: a double, a 64 bit integer, text, or a boolean."""


@dataclass(frozen=True)
class Record:
    """One point in time of one series.

    A series is a measurement with a set of tags. Two records of the same series and
    time are the same point: the later one replaces the fields that it names.

    Attributes:
        measurement: The name of the measurement; in Multimeter, a run's identifier.
        tags: Tag keys to tag values.
        fields: Field keys to values; at least one.
        time_ns: Nanoseconds since the epoch (UTC), or None for the time of arrival.
    """

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, FieldValue]
    time_ns: int | None
