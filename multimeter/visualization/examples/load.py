"""The example: a real run, which ``record.py`` recorded."""

from __future__ import annotations

import importlib.resources

__all__ = ["EXAMPLE", "example_lines"]

EXAMPLE = "example"
"""The identifier of the example run."""


def example_lines() -> bytes:
    """Return the example as lines of line protocol, times in ns."""
    return importlib.resources.files(__package__).joinpath("example.line").read_bytes()
