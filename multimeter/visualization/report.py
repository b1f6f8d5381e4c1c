"""Reports: what the work says of itself, and who listens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Check", "OnLayer", "Reporter"]

OnLayer = Callable[[str, str, int, int], None]
"""Told how far a layer is: its name, what is done with it, bytes so far, bytes in all."""


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
    """Who is told how far the work is."""

    def step(self, title: str) -> contextlib.AbstractContextManager[None]:
        """Return a context in which the step is under way."""

    def transfer(self, title: str) -> contextlib.AbstractContextManager[OnLayer]:
        """Return a context in which layers are fetched, and whom to tell of each."""

    def note(self, text: str) -> None:
        """Say something that is good to know."""
