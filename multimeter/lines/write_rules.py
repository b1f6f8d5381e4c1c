"""Write rules: what a server refuses of points that are line protocol, in InfluxDB's words.

The embedded server and the reader of files go by the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from multimeter.data.identifiers import reserved_field_type
from multimeter.data.record import Unsigned

__all__ = [
    "FIELD_TYPES",
    "TIME",
    "FieldType",
    "reserved_type",
    "time_field",
    "time_tag",
    "type_conflict",
]

FieldType = Literal["float", "integer", "unsigned", "string", "boolean"]
"""The types of a field, as InfluxDB names them in its messages."""

FIELD_TYPES: Mapping[type, FieldType] = {
    float: "float",
    int: "integer",
    Unsigned: "unsigned",
    str: "string",
    bool: "boolean",
}
"""The type of a field, by the Python type of its values."""

TIME = "time"
"""No tag may be called that, and a field of that name is left out."""


def reserved_type(measurement: str, field_key: str) -> FieldType | None:
    """Return the type that a field of a measurement has from the start, if any."""
    kind = reserved_field_type(measurement, field_key)
    return FIELD_TYPES[kind] if kind else None


def type_conflict(measurement: str, field: str, kind: FieldType, known: FieldType) -> str:
    """Say that a field has another type than before: its point is refused."""
    return (
        f'field type conflict: input field "{field}" on measurement '
        f'"{measurement}" is type {kind}, already exists as type {known}'
    )


def time_tag(measurement: str) -> str:
    """Say that a point is refused for its tag ``time``."""
    return f'invalid tag key: input tag "{TIME}" on measurement "{measurement}" is invalid'


def time_field(measurement: str) -> str:
    """Say that a point is refused whose only field is ``time``."""
    return (
        f'invalid field name: input field "{TIME}" on measurement "{measurement}" '
        "is invalid"
    )
