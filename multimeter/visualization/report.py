"""Reports: how work reports its progress, and what a diagnosis finds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Check", "OnLayer", "Reporter"]

OnLayer = Callable[[str, str, int, int], None]
"""Called with the progress of a layer: its name, its status, bytes so far and in all."""


@dataclass(frozen=True)
class Check:
    """One line of a diagnosis.

    Attributes:
        name: What was looked at.
        ok: Whether it is as it should be; None for what is only worth knowing.
        detail: What was found.
        mend: How to mend it.
    """

    name: str
    ok: bool | None
    detail: str
    mend: str = ""


class Reporter(Protocol):
    """Takes the progress of work."""

    def step(self, title: str) -> contextlib.AbstractContextManager[None]:
        """Return a context in which the step is under way."""

    def transfer(self, title: str) -> contextlib.AbstractContextManager[OnLayer]:
        """Return a context in which layers are fetched, with what takes their progress."""

    def note(self, text: str) -> None:
        """Take something that is good to know."""
