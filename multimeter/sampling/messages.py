"""The messages between the measured process and the helper, pickled, over two pipes."""

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
    """To the helper: the settings of the run.

    Attributes:
        parent: The id of the measured process.
        probes: The probes, which measure from outside.
        cycle_time: Seconds between two samples.
        max_overhead: The maximum CPU time of sampling, in s per s, or None.
        identifier: The name of the run.
        run_id: The id of the run.
        tags: The tags of the run.
        storage: Where to store the run if the measured process dies, or None.
    """

    parent: int
    probes: tuple[Probe, ...]
    cycle_time: float
    max_overhead: float | None
    identifier: str
    run_id: str
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
    """From the helper: a log message."""

    level: int
    text: str


@dataclass(frozen=True)
class Ended:
    """From the helper: sampling has ended; the last message."""

    sampling: Sampling
    measures: tuple[Measure, ...]


class Channel:
    """Sends and receives messages over a pair of pipes; ``send`` is thread-safe.

    Args:
        incoming: The pipe that the other side writes to.
        outgoing: The pipe that the other side reads from.
    """

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        """Send a message.

        Raises:
            OSError: The other side has closed the pipe.
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._outgoing.write(data)
            self._outgoing.flush()

    def receive(self) -> Any:
        """Return the next message, or None if the other side has closed the pipe."""
        try:
            return pickle.load(self._incoming)  # noqa: S301 - from our own process
        except (EOFError, OSError, pickle.UnpicklingError, ValueError):
            return None
