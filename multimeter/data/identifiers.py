"""Identifiers: the names of runs, and those that Multimeter keeps for itself."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping

from multimeter.errors import ConfigurationError

__all__ = [
    "CODENAMES",
    "FIGURE_PREFIX",
    "HEALTH",
    "LOGS",
    "MARKS",
    "RESERVED_MEASUREMENTS",
    "RUNS",
    "RUN_TAG",
    "SERIES_MEASUREMENTS",
    "VERSION",
    "checked_identifier",
    "is_generated",
    "new_identifier",
    "new_run_id",
    "reserved_field_type",
]

VERSION = 2
"""The version of the data of a run, see docs/decisions/data.md; 1 is not written."""

CODENAMES = "multimeter_codenames"
"""The measurement that says what the values of loggers are: their units."""

HEALTH = "multimeter_health"
"""The measurement of what deliveries did."""

LOGS = "multimeter_logs"
"""The measurement of the values that loggers write to the installed stack."""

MARKS = "multimeter_marks"
"""The measurement that holds the marks of all runs."""

RUNS = "multimeter_runs"
"""The measurement that holds an entry for each run."""

RUN_TAG = "run"
"""The tag with the id of a run: of its points, its marks and its entry."""

FIGURE_PREFIX = "figure_"
"""How the fields of such an entry begin that say what the run has used."""

RESERVED_MEASUREMENTS = frozenset((CODENAMES, HEALTH, LOGS, MARKS, RUNS))
"""Those that are no runs."""

_RESERVED_FIELDS: Mapping[str, Mapping[str, type]] = {
    CODENAMES: {"unit": str, "description": str},
    HEALTH: {
        "closed": bool,
        "accepted": int,
        "delivered": int,
        "rejected": int,
        "queued": int,
        "dropped": int,
        "resumed": int,
        "left_out": int,
        "retries": int,
    },
    LOGS: {"value": float},
    MARKS: {"label": str},
    RUNS: {
        "identifier": str,
        "id": str,
        "version": int,
        "points": int,
        "tags": str,
        "meta_data": str,
        "schema": str,
        "names": str,
        "start": int,
        "end": int,
        "duration": int,
        "state": str,
        "alive_until": int,
        "figures": str,
    },
}

SERIES_MEASUREMENTS = frozenset((HEALTH, LOGS))
"""Those of them that hold values over time, as runs do."""

_MADE_UP = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{6}$")


def reserved_field_type(measurement: str, field: str) -> type | None:
    """Return the type that a field has in a measurement that Multimeter keeps for itself.

    A database gives a field the type of its first value: a store that knows these types
    beforehand cannot be spoilt by another client that writes there first.

    Returns:
        The type of its values, or None where it is free.
    """
    if measurement == RUNS and field.startswith(FIGURE_PREFIX):
        return float
    return _RESERVED_FIELDS.get(measurement, {}).get(field)


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS = 10


def new_run_id(time_ns: int) -> str:
    """Return a new id of a run: 10 characters of time, 10 random ones.

    Ids sort by time, to the ms. The alphabet is that of ULID, https://github.com/ulid/spec.

    Args:
        time_ns: The start of the run, in ns since the epoch.

    >>> new_run_id(1_700_000_000_000_000_000)[:10]
    '01hf7yat00'
    """
    bits = 5 * _DIGITS
    number = (max(0, time_ns) // 10**6) % 2**bits << bits | int.from_bytes(
        os.urandom(7), "big"
    ) % 2**bits
    places = range(2 * bits - 5, -5, -5)
    return "".join(_ALPHABET[number >> place & 31] for place in places)


def new_identifier(prefix: str = "") -> str:
    """Return an identifier from the time and some randomness; sorts by time."""
    now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    return f"{prefix}{now}-{os.urandom(3).hex()}"


def is_generated(identifier: str) -> bool:
    """Return whether :func:`new_identifier` made an identifier, which no other run has."""
    return _MADE_UP.search(identifier) is not None


def checked_identifier(identifier: str) -> str:
    """Return the identifier.

    Raises:
        ConfigurationError: Multimeter uses it itself.
    """
    if identifier in RESERVED_MEASUREMENTS:
        raise ConfigurationError(
            f"The identifier '{identifier}' is used by Multimeter itself.",
            next_step="Choose another identifier.",
        )
    return identifier
