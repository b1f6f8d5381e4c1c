"""Reports: the protocol for progress, and the checks of a diagnosis."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Check", "OnLayer", "Reporter"]

OnLayer = Callable[[str, str, int, int], None]
"""Called with the progress of a layer: name, status, current and total bytes."""


@dataclass(frozen=True)
class Check:
    """One check of a diagnosis.

    Attributes:
        name: What was checked.
        ok: Whether it passed; None for a note.
        detail: The result in words.
        mend: The remedy.
    """

    name: str
    ok: bool | None
    detail: str
    mend: str = ""


class Reporter(Protocol):
    """Receives the progress of work."""

    def step(self, title: str) -> contextlib.AbstractContextManager[None]:
        """Return a context in which a step is running."""

    def transfer(self, title: str) -> contextlib.AbstractContextManager[OnLayer]:
        """Return a context for a download; it yields the callback for the progress."""

    def note(self, text: str) -> None:
        """Receive a note."""
