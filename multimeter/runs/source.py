"""RunSource: a place whose runs can be listed and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from multimeter.data.estimate import Estimate
from multimeter.errors import MultimeterError
from multimeter.result import Result

__all__ = ["Listing", "RunEntry", "RunSource", "Unusable", "believed", "starts_ahead"]

_CLOCKS_APART_NS = 5 * 60 * 10**9
"""The tolerated difference between the clocks of two machines."""


@dataclass(frozen=True)
class RunEntry:
    """What is known of a run without loading it.

    Attributes:
        identifier: The unique name of the run.
        where: Where it is, for people: a path, or a URL.
        start_ns: The time of its first point, in ns since the epoch; None where unknown.
        end_ns: The time of its last point.
        points: How many points it has.
        tags: Its tags.
        state: ``live``, ``ended``, ``died`` (its program has stopped without ending it),
            or empty.
        is_small: Whether it can be loaded in a moment.
        id: The id of the run; None before version 2 of the data.
        figures: What it has used, by the keys of :mod:`multimeter.analysis.figures`, as
            far as that is known without reading it.
    """

    identifier: str
    where: str
    start_ns: int | None = None
    end_ns: int | None = None
    points: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    state: str = ""
    is_small: bool = False
    id: str | None = None
    figures: Mapping[str, Estimate] = field(default_factory=dict)


def starts_ahead(entry: RunEntry, now_ns: int) -> bool:
    """Return whether a run starts in the future: its times are wrong, and order nothing.

    Args:
        entry: What is known of the run.
        now_ns: The time, in ns since the epoch.
    """
    return entry.start_ns is not None and entry.start_ns > now_ns + _CLOCKS_APART_NS


def believed(entry: RunEntry, now_ns: int) -> RunEntry:
    """Return an entry without the state that it has by points in the future alone."""
    ends_ahead = entry.end_ns is not None and entry.end_ns > now_ns + _CLOCKS_APART_NS
    return replace(entry, state="") if ends_ahead and entry.state == "live" else entry


@dataclass(frozen=True)
class Listing:
    """The runs of a place.

    Attributes:
        entries: The runs, in no order.
        problems: What could not be read, and why; one sentence each.
    """

    entries: tuple[RunEntry, ...] = ()
    problems: tuple[str, ...] = ()


class Unusable:
    """A place that cannot be read.

    Args:
        error: Why.
    """

    def __init__(self, error: MultimeterError) -> None:
        self._error = error

    def list(self) -> Listing:
        """Return no run, and why."""
        return Listing((), (str(self._error),))

    def find(self, identifier: str) -> RunEntry | None:  # noqa: ARG002 - it has none
        """Return None."""
        return None

    def load(self, entry: RunEntry) -> Result:  # noqa: ARG002 - it has none
        """Raise the error."""
        raise self._error

    def remove(self, entry: RunEntry) -> None:  # noqa: ARG002 - it has none
        """Raise the error."""
        raise self._error


class RunSource(Protocol):
    """A place that stores runs."""

    def list(self) -> Listing:
        """Return its runs. It raises nothing: problems are in the listing."""

    def find(self, identifier: str) -> RunEntry | None:
        """Return the run with exactly this identifier, if that is known without a list.

        None says nothing: :meth:`list` may have it.
        """

    def load(self, entry: RunEntry) -> Result:
        """Load a run.

        Raises:
            StorageError: It cannot be read.
            FormatError: It is damaged.
        """

    def remove(self, entry: RunEntry) -> None:
        """Remove a run with all that belongs to it.

        Raises:
            StorageError: It cannot be removed, or only a part of it was: it is listed as
                long as anything is left.
        """
