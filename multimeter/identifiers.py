"""Identifiers: the names of runs, and those that Multimeter keeps for itself."""

from __future__ import annotations

import os
import time

from multimeter.errors import ConfigurationError

__all__ = [
    "HEALTH",
    "LOGS",
    "MARKS",
    "RESERVED_MEASUREMENTS",
    "RUNS",
    "checked_identifier",
    "new_identifier",
]

MARKS = "multimeter_marks"
"""The measurement that holds the marks of all runs."""

RUNS = "multimeter_runs"
"""The measurement that holds an entry for each run."""

LOGS = "multimeter_logs"
"""The measurement that holds single values, logged by their codenames."""

HEALTH = "multimeter_health"
"""The measurement that holds what deliveries have done."""

RESERVED_MEASUREMENTS = frozenset((MARKS, RUNS, LOGS, HEALTH))


def new_identifier(prefix: str = "") -> str:
    """Return an identifier from the time and some randomness; sorts by time."""
    now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    return f"{prefix}{now}-{os.urandom(3).hex()}"


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
