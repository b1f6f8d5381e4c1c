"""Free identifiers: those that no other run of a place has."""

from __future__ import annotations

import threading
from collections.abc import Callable

from multimeter.data.identifiers import is_generated

__all__ = ["FreeIdentifiers", "first_free"]

_PATIENCE = 1.0
"""How many seconds the start of a run waits for a server that does not answer."""

_MOST = 2**20


class FreeIdentifiers:
    """Gives each run of a storage an identifier of its own.

    Args:
        has_run: Returns whether the place has a run of an identifier; None where it
            cannot be asked.
    """

    def __init__(self, has_run: Callable[[str], bool] | None) -> None:
        self._has_run = has_run
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self._reserved: set[str] = set()

    def take(self, identifier: str) -> str:
        """Return an identifier, with a number at its end where another run has it."""
        if is_generated(identifier):
            return identifier
        with self._lock:
            if identifier in self._reserved:
                self._reserved.discard(identifier)
                return identifier
            free = first_free(identifier, self._is_taken)
            self._taken.add(free)
        return free

    def reserve(self, identifier: str) -> str:
        """Take an identifier ahead: the next :meth:`take` of it returns it at once."""
        free = self.take(identifier)
        with self._lock:
            self._reserved.add(free)
        return free

    def _is_taken(self, identifier: str) -> bool:
        if identifier in self._taken:
            return True
        return self._has_run is not None and self._has_run(identifier)


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
