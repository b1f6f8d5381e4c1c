"""Comparison: limits of what is compared."""

from __future__ import annotations

__all__ = ["MOST_COMPARED"]

MOST_COMPARED = 8
"""How many runs can be compared at once."""
