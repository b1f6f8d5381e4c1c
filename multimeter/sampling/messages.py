"""What the two processes say to each other, pickled, over two pipes."""

from __future__ import annotations

import pickle
import threading
from dataclasses import dataclass, field
from typing import IO, Any

from multimeter.measure import Measure
from multimeter.probe import Probe
from multimeter.sampling.overhead import Sampling
from multimeter.storages.base import Storage

__all__ = [
    "Channel",
    "End",
    "Ended",
    "Failed",
    "Job",
    "Log",
    "MarkMessage",
    "PointMessage",
    "Sample",
    "Started",
]


@dataclass(frozen=True)
class Job:
    """What the helper shall do.

    Attributes:
        parent: The id of the process that is measured.
        probes: What to sample: probes that look from outside.
        cycle_time: Seconds between two samples.
        max_overhead: CPU seconds a second that sampling may cost, or None.
        identifier: The name of the run.
        tags: Its tags.
        storage: Where the run goes when the measured process cannot store it any more;
            None where there is no such place.
    """

    parent: int
    probes: tuple[Probe, ...]
    cycle_time: float
    max_overhead: float | None
    identifier: str
    tags: dict[str, str]
    storage: Storage | None = field(repr=False)


@dataclass(frozen=True)
class MarkMessage:
    """To the helper: a mark was added."""

    time_ns: int
    label: str


@dataclass(frozen=True)
class Sample:
    """To the helper: take a sample now."""


@dataclass(frozen=True)
class End:
    """To the helper: take the last sample and end."""


@dataclass(frozen=True)
class Started:
    """From the helper: all probes have started."""

    sampling: Sampling


@dataclass(frozen=True)
class Failed:
    """From the helper: the probes could not be started."""

    what: str
    cause: str
    next_step: str


@dataclass(frozen=True)
class PointMessage:
    """From the helper: a sample."""

    time_ns: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Log:
    """From the helper: something for the log."""

    level: int
    text: str


@dataclass(frozen=True)
class Ended:
    """From the helper: that was all."""

    sampling: Sampling
    measures: tuple[Measure, ...]


class Channel:
    """Messages over a pair of pipes, from any thread.

    Args:
        incoming: What the other side writes.
        outgoing: What the other side reads.
    """

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        """Send a message.

        Raises:
            OSError: The other side is gone.
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._outgoing.write(data)
            self._outgoing.flush()

    def receive(self) -> Any:
        """Return the next message, or None when the other side is gone."""
        try:
            return pickle.load(self._incoming)  # noqa: S301 - it comes from ourselves
        except (EOFError, OSError, pickle.UnpicklingError, ValueError):
            return None
