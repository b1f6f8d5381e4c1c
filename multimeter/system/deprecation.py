"""Arguments that have another name now."""

from __future__ import annotations

import warnings
from typing import TypeVar

__all__ = ["renamed"]

T = TypeVar("T")


def renamed(old_name: str, old: T | None, new_name: str, new: T) -> T:
    """Return the value of an argument that can be given by its old name, too.

    Args:
        old_name: The deprecated name.
        old: What was given by that name; None where it was not used.
        new_name: The name now.
        new: What was given by this name, or its default.
    """
    if old is None:
        return new
    warnings.warn(
        f"'{old_name}' is deprecated: it is called '{new_name}' now.",
        DeprecationWarning,
        stacklevel=3,
    )
    return old
