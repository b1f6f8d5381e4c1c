"""Examples: a recorded run, and the demonstration.

The recorded run is ``example.line``; :mod:`multimeter.visualization.examples.record` writes
it.
"""

from __future__ import annotations

import importlib.resources

__all__ = ["EXAMPLE", "example_lines"]


EXAMPLE = "example"
"""The identifier of the recorded run."""


def example_lines() -> bytes:
    """Return the recorded run as line protocol, times in ns."""
    return importlib.resources.files(__package__).joinpath("example.line").read_bytes()
