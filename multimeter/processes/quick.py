"""Measure a short command without the library."""

from __future__ import annotations

__all__ = ["run_quickly"]


def run_quickly(words: list[str]) -> int | None:
    """Run a command and measure it; return None where the library has to."""
    del words
    return None
