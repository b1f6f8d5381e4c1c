"""Column: what a table shows of each of its rows."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ColumnDefinition"]


@dataclass(frozen=True)
class ColumnDefinition:
    """A column of a table.

    Attributes:
        id: Its name in the API.
        title: Its heading.
        unit: The unit of its numbers; ``text``, or ``time`` in ns since the epoch.
    """

    id: str
    title: str
    unit: str
