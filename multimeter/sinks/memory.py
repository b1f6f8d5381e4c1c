"""A sink in memory: for tests, and for programs that want to look at batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from multimeter.sinks.base import Accepted, Answer, Batch

__all__ = ["MemorySink"]


class MemorySink:
    """Keeps the lines of all batches, each record once, in the order of arrival.

    Args:
        answer: What to say to a batch; what is not :class:`Accepted` is not kept. By
            default everything is accepted.
        name: The name of the place.

    Attributes:
        lines: What was stored: (batch id, index) to line.
        received: All batches that were sent, with those sent again.
    """

    def __init__(
        self, answer: Callable[[Batch], Answer] | None = None, *, name: str = "memory"
    ) -> None:
        self.lines: dict[tuple[str, int], bytes] = {}
        self.received: list[Batch] = []
        self._answer = answer
        self._name = name

    @property
    def name(self) -> str:
        """The name of the place."""
        return self._name

    @property
    def address(self) -> Mapping[str, str]:
        """``kind`` and ``name``."""
        return {"kind": "memory", "name": self._name}

    def send(self, batch: Batch) -> Answer:
        """Keep a batch; a record that is there already is replaced."""
        self.received.append(batch)
        answer = self._answer(batch) if self._answer else Accepted()
        if isinstance(answer, Accepted):
            self.store(batch)
        return answer

    def store(self, batch: Batch) -> None:
        """Keep a batch, whatever the answer was."""
        for index, line in enumerate(batch.lines, batch.first):
            self.lines[batch.id, index] = line

    def after_fork(self) -> None:
        """Do nothing: there is no connection."""

    def close(self) -> None:
        """Do nothing: there is no connection."""
