"""A free identifier: one that no other run of a stack has."""

from __future__ import annotations

import threading
from collections.abc import Callable

from multimeter.connection import Connection
from multimeter.errors import MultimeterError

__all__ = ["first_free", "is_taken_in"]

_PATIENCE = 1.0
"""How many seconds the start of a run waits for a server that does not answer."""

_MOST = 2**20


def first_free(
    identifier: str, is_taken: Callable[[str], bool], patience: float = _PATIENCE
) -> str:
    """Return an identifier, or the first of ``<identifier>-2``, ``-3``, ... that is free.

    Numbers are taken in their order, so it asks for some of them only.

    Args:
        identifier: What the run is to be called.
        is_taken: Returns whether another run has an identifier.
        patience: After how many seconds without an answer the identifier stays as it is.
    """
    found = [identifier]

    def search() -> None:
        if not is_taken(identifier):
            return
        taken, free = 1, 2
        while free < _MOST and is_taken(f"{identifier}-{free}"):
            taken, free = free, 2 * free
        while free - taken > 1:
            middle = (taken + free) // 2
            if is_taken(f"{identifier}-{middle}"):
                taken = middle
            else:
                free = middle
        found.append(f"{identifier}-{free}")

    thread = threading.Thread(target=search, name="multimeter-identifier", daemon=True)
    thread.start()
    thread.join(patience)
    return found[-1]


def is_taken_in(connection: Connection, identifier: str) -> bool:
    """Return whether a stack has a run of this identifier; False where it does not say."""
    from multimeter.runs.stack import Stack

    try:
        return Stack(connection).has(identifier)
    except MultimeterError:
        return False
