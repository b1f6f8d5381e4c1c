"""Multimeter: what to measure, how often, and where it goes."""

from __future__ import annotations

import copy
import functools
import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, overload

from multimeter.data.identifiers import new_identifier
from multimeter.errors import ConfigurationError
from multimeter.measurement import Measurement
from multimeter.probe import Probe
from multimeter.sampling.overhead import checked_max_overhead
from multimeter.sampling.sampler import checked_cycle_time
from multimeter.storages.base import Storage
from multimeter.storages.dummy import DummyStorage

__all__ = ["Multimeter"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Multimeter:
    """The configuration of measurements: probes, cycle time and storage.

    Any number of measurements can go on at the same time, in any thread::

        multimeter = Multimeter(ResourceProbe())
        with multimeter.measure() as result:
            work()
        print(result.duration)

    Args:
        *probes: What to sample.
        cycle_time: Seconds between two samples.
        storage: Where results go when a measurement ends; by default nowhere.
        sampler: Who samples: a ``"thread"`` of this process, or a ``"process"`` of its
            own, which goes on when this one holds the interpreter lock for long, or
            crashes. It takes a moment to start, and only probes that can look from
            outside.
        max_overhead: CPU seconds a second that sampling may cost. Where it costs more,
            the cycle time widens. None for any.

    Raises:
        ConfigurationError: The cycle time is not a positive number, the sampler is
            neither, or the overhead is not a share.
    """

    def __init__(
        self,
        *probes: Probe,
        cycle_time: float = 1.0,
        storage: Storage = DummyStorage(),  # noqa: B008 - it has no state
        sampler: Literal["thread", "process"] = "thread",
        max_overhead: float | None = None,
    ) -> None:
        if sampler not in ("thread", "process"):
            raise ConfigurationError(
                f"There is no sampler {sampler!r}.",
                next_step="Use sampler='thread' or sampler='process'.",
            )
        self._sampler: Literal["thread", "process"] = sampler
        self._max_overhead = checked_max_overhead(max_overhead)
        self._probes = list(probes)
        self._cycle_time = checked_cycle_time(cycle_time)
        self._storage = storage
        self._in_use: set[int] = set()
        self._lock = threading.Lock()

    @property
    def probes(self) -> list[Probe]:
        """The probes (a list of its own)."""
        return list(self._probes)

    @property
    def cycle_time(self) -> float:
        """Seconds between two samples."""
        return self._cycle_time

    @property
    def sampler(self) -> Literal["thread", "process"]:
        """Who samples: a thread of this process, or a process of its own."""
        return self._sampler

    @property
    def max_overhead(self) -> float | None:
        """CPU seconds a second that sampling may cost; None for any."""
        return self._max_overhead

    @property
    def storage(self) -> Storage:
        """Where results go."""
        return self._storage

    def add_probes(self, *probes: Probe) -> Multimeter:
        """Add probes for the measurements to come; returns the multimeter."""
        self._probes.extend(probes)
        return self

    def set_cycle_time(self, cycle_time: float) -> Multimeter:
        """Set the seconds between two samples; returns the multimeter.

        Raises:
            ConfigurationError: It is not a positive number.
        """
        self._cycle_time = checked_cycle_time(cycle_time)
        return self

    def set_storage(self, storage: Storage) -> Multimeter:
        """Set where results go; returns the multimeter."""
        self._storage = storage
        return self

    def measure(self, /, identifier: str | None = None, **tags: Any) -> Measurement:
        """Return a new measurement, which has not started yet.

        Args:
            identifier: Its unique name; None makes one up.
            **tags: Tags that distinguish measurements; values become text.

        Raises:
            ConfigurationError: The identifier is one that Multimeter uses itself.
        """
        measurement = Measurement(self, identifier)
        # Not as arguments: a tag may well be called multimeter.
        measurement.tags.update((key, str(value)) for key, value in tags.items())
        return measurement

    @overload
    def measured(self, function: _Function, /) -> _Function: ...
    @overload
    def measured(self, /, **tags: Any) -> Callable[[_Function], _Function]: ...
    def measured(self, function: Any = None, /, **tags: Any) -> Any:
        """Decorate a function, also an async one: each call is a measurement.

        Its identifier is the name of the function with time and randomness, its tag
        ``function`` the full name::

            @multimeter.measured
            def train(): ...

            @multimeter.measured(stage="nightly")
            def evaluate(): ...

        A generator is measured from its first value to its end.

        Raises:
            ConfigurationError: The function is an asynchronous generator.
        """
        if function is None:
            return lambda decorated: self._measured(decorated, tags)
        return self._measured(function, tags)

    def _measured(self, function: Any, tags: dict[str, Any]) -> Any:
        name = f"{function.__module__}.{function.__qualname__}"

        def measure() -> Measurement:
            identifier = new_identifier(f"{function.__name__}-")
            return self.measure(identifier, **{"function": name, **tags})

        if inspect.isasyncgenfunction(function):
            raise ConfigurationError(
                f"{name} is an asynchronous generator, which cannot be decorated.",
                next_step="Use 'async with multimeter.measure():' in it.",
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def measured(*args: Any, **kwargs: Any) -> Any:
                async with measure():
                    return await function(*args, **kwargs)
        elif inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def measured(*args: Any, **kwargs: Any) -> Any:
                with measure():
                    return (yield from function(*args, **kwargs))
        else:

            @functools.wraps(function)
            def measured(*args: Any, **kwargs: Any) -> Any:
                with measure():
                    return function(*args, **kwargs)

        return measured

    def borrow(self, probes: Sequence[Probe]) -> list[Probe]:
        """Return probes for one measurement: those in use already as shallow copies.

        A probe remembers its last sample, which two measurements must not share.
        """
        with self._lock:
            lent = [copy.copy(p) if id(p) in self._in_use else p for p in probes]
            self._in_use.update(map(id, lent))
        return lent

    def give_back(self, probes: Sequence[Probe]) -> None:
        """Take back what :meth:`borrow` gave."""
        with self._lock:
            self._in_use.difference_update(map(id, probes))
