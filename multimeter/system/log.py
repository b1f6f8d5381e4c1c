"""The log of the package: the standard library's logger ``multimeter``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

__all__ = ["log"]


def log() -> logging.Logger:
    """Return the logger, which is seldom needed and slow to load."""
    import logging

    return logging.getLogger("multimeter")
