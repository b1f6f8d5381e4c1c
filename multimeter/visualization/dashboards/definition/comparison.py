"""Comparison: what is said of several runs."""

from __future__ import annotations

__all__ = ["MOST_COMPARED", "TOTAL_UNITS"]

TOTAL_UNITS = {"percentunit": "s", "Bps": "bytes", "cps": "short", "ops": "short"}
"""Units of rates: the unit of what they add up to, the mean times the duration."""

MOST_COMPARED = 8
"""How many runs can be compared at once."""
