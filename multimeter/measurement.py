"""Measurement: one run, from start to end."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from multimeter.data.identifiers import checked_identifier, new_identifier, new_run_id
from multimeter.data.values import text_of
from multimeter.errors import ConfigurationError, MultimeterError, StateError
from multimeter.probe import Probe
from multimeter.result import Result
from multimeter.sampling.overhead import Sampling
from multimeter.sampling.sampler import Sampler
from multimeter.schema import Schema
from multimeter.storages.base import LiveForwarder, Storage
from multimeter.system.log import log
from multimeter.system.process_hooks import call_at_exit

if TYPE_CHECKING:
    from multimeter.sampling.clock import RunClock
    from multimeter.sampling.process_sampler import HelperSampler

__all__ = ["INTERRUPTED", "Configuration", "Measurement"]

_TimedValues = tuple[int, Mapping[str, Any]]

INTERRUPTED = "interrupted"
"""The key of meta data, True of a run that its program did not end before it ended."""


class Configuration(Protocol):
    """What a measurement needs of a :class:`~multimeter.multimeter.Multimeter`."""

    @property
    def probes(self) -> Sequence[Probe]:
        """What measures."""

    @property
    def storage(self) -> Storage:
        """Where the result goes."""

    @property
    def cycle_time(self) -> float:
        """Seconds between two samples."""

    @property
    def sampler(self) -> Literal["thread", "process"]:
        """Who samples."""

    @property
    def max_overhead(self) -> float | None:
        """CPU seconds a second that sampling may cost."""

    def borrow(self, probes: Sequence[Probe]) -> list[Probe]:
        """Return probes that no other measurement uses."""

    def give_back(self, probes: Sequence[Probe]) -> None:
        """Take back what :meth:`borrow` gave."""


class Measurement:
    """One series of measurement: it starts once and ends once.

    It is a context manager, also for ``async with``; entering it gives the result,
    which fills while the measurement is on.

    Args:
        multimeter: The multimeter whose probes, cycle time and storage are used, as
            they are now.
        identifier: The unique name of the measurement; None makes one up.
        **tags: Tags that distinguish measurements; values become text.

    Attributes:
        identifier: The unique name of the measurement; since the start with a number at
            its end, such as ``train-2``, where the storage has a run of that name already.
        id: The id of the run, which no other run has; it sorts by the time at which the
            measurement was made.
        tags: The tags.
        result: The result; None until the start.

    Raises:
        ConfigurationError: The identifier is one that Multimeter uses itself.
    """

    def __init__(
        self, /, multimeter: Configuration, identifier: str | None = None, **tags: Any
    ) -> None:
        given = "" if identifier is None else str(identifier)
        self.identifier = checked_identifier(given or new_identifier())
        self.tags = {key: text_of(value) for key, value in tags.items()}
        self.id = new_run_id(time.time_ns())
        self.result: Result | None = None
        self._multimeter = multimeter
        self._probes = multimeter.probes
        self._storage = multimeter.storage
        self._cycle_time = multimeter.cycle_time
        self._sampler: Sampler | HelperSampler | None = None
        self._forwarder: LiveForwarder | None = None
        self._forget_exit: Callable[[], None] = _do_nothing
        self._process: int | None = None
        self._ended = self._ended_at_exit = False

    @property
    def sampling(self) -> Sampling | None:
        """How the sampling went so far, and what it cost; None before the start."""
        return self._sampler.sampling if self._sampler else None

    @property
    def missed(self) -> int:
        """How many samples were missed so far, because sampling took too long."""
        return self._sampler.missed if self._sampler else 0

    def start(
        self,
        began: RunClock | None = None,
        points: Sequence[_TimedValues] = (),
        *,
        of_another: bool = False,
    ) -> Result:
        """Start to measure.

        Args:
            began: The clock of a run that has begun before; None if it begins now.
            points: What was sampled since then: ns since the epoch, and values.
            of_another: Whether another process is measured, and this one does nothing
                else: then all that it uses is overhead.

        Returns:
            The result, which fills from now on.

        Raises:
            StateError: The measurement was started before.
            ProbeError: A probe could not start.
        """
        if self._sampler is not None:
            raise StateError(
                f"The measurement '{self.identifier}' was started before.",
                next_step="Call measure() again for another measurement.",
            )
        self._process = os.getpid()
        outside = self._multimeter.sampler == "process"
        if outside:
            self._probes = [probe.for_process(os.getpid()) for probe in self._probes]
        self.identifier = self._free_identifier()
        result = Result(*self._probes, identifier=self.identifier, tags=self.tags)
        result.id = self.id
        self._probes = self._multimeter.borrow(self._probes)
        forwarder = LiveForwarder(self._storage, result)
        try:
            if outside:
                sampler: Sampler | HelperSampler = self._helper(forwarder)
            else:
                sampler = self._thread(forwarder, began, inside=not of_another)
            sampler.start()
        except BaseException:
            self._multimeter.give_back(self._probes)
            raise
        result.add_meta_data(**sampler.sampling.meta_data())
        self.result, self._sampler, self._forwarder = result, sampler, forwarder
        forwarder.open()
        for time_ns, values in points:
            forwarder.append(time_ns, values)
        # What delivers the run closes at the exit, too: the last one registered is the
        # first one called.
        self._forget_exit = call_at_exit(self._end_at_exit)
        return result

    def _free_identifier(self) -> str:
        try:
            return self._storage.free_identifier(self.identifier)
        except Exception:  # noqa: BLE001 - the run is measured all the same
            log().debug("No identifier could be found.", exc_info=True)
            return self.identifier

    def _thread(
        self, forwarder: LiveForwarder, began: RunClock | None, *, inside: bool
    ) -> Sampler:
        return Sampler(
            self._probes,
            self._cycle_time,
            forwarder.append,
            began=began,
            inside=inside,
            max_overhead=self._multimeter.max_overhead,
        )

    def _helper(self, forwarder: LiveForwarder) -> HelperSampler:
        from multimeter.sampling.process_sampler import HelperSampler

        return HelperSampler(
            self._probes,
            self._cycle_time,
            forwarder.append,
            identifier=self.identifier,
            run_id=self.id,
            tags=self.tags,
            storage=self._storage,
            max_overhead=self._multimeter.max_overhead,
        )

    def end(self) -> None:
        """Take a last sample, stop to measure, and store the result.

        Raises:
            StateError: The measurement is not going on.
            StorageError: The result could not be stored; it is still in ``result``.
        """
        if self._ended_at_exit:
            return  # who ends it at the exit, too, comes a moment late
        result, sampler = self._going_on("end")
        self._ended = True
        self._forget_exit()
        try:
            sampler.end()
        finally:
            self._multimeter.give_back(self._probes)
        result.add_meta_data(**sampler.sampling.meta_data())
        if len(sampler.measures) > len(result.schema.measures):
            # Probes found more while they sampled. The values are there in any case.
            with contextlib.suppress(ConfigurationError):
                result.schema = Schema.of_measures(sampler.measures)
        self._storage.store(result)

    def _end_at_exit(self) -> None:
        """End a measurement that its program has left open: keep what was measured.

        A child that was forked off meanwhile has its parent's measurement, and leaves it.
        """
        if self._ended or self.result is None or os.getpid() != self._process:
            return
        self.result.add_meta_data(**{INTERRUPTED: True})
        try:
            self.end()
        except Exception as error:  # noqa: BLE001 - no caller could catch it any more
            log().warning(
                "The measurement '%s' was still on when the program ended, and could not "
                "be stored: %s",
                self.identifier,
                error.what if isinstance(error, MultimeterError) else repr(error),
            )
        self._ended_at_exit = True

    def sample(self) -> None:
        """Have a sample taken now, beside those of the cycle; wait for nothing.

        Raises:
            StateError: The measurement is not going on.
        """
        self._going_on("sample")[1].sample_soon()

    def count_samples(self, *, late: int, missed: int) -> None:
        """Count samples that were asked for by :meth:`sample` and not punctual.

        Args:
            late: How many came late.
            missed: How many did not come.
        """
        if self._sampler is not None:
            self._sampler.count(late, missed)

    def add_mark(self, label: str) -> None:
        """Mark this moment.

        Args:
            label: The name of the moment.

        Raises:
            StateError: The measurement is not going on.
        """
        _, sampler = self._going_on("add a mark to")
        text = text_of(label)
        assert self._forwarder is not None, "it is there as long as the sampler"
        time_ns = sampler.time_ns()
        self._forwarder.add_mark(time_ns, text)
        sampler.mark(time_ns, text)

    def _going_on(self, verb: str) -> tuple[Result, Sampler | HelperSampler]:
        if self._sampler is None or self.result is None:
            raise StateError(
                f"Cannot {verb} the measurement '{self.identifier}': it has not started.",
                next_step="Call start() first, or use it in a with statement.",
            )
        if self._ended:
            raise StateError(
                f"Cannot {verb} the measurement '{self.identifier}': it has ended.",
                next_step="Call measure() again for another measurement.",
            )
        return self.result, self._sampler

    def __enter__(self) -> Result:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.end()
        except Exception:
            if error is None:
                raise
            # The error of the measured code is the one to be seen.
            log().exception("The measurement '%s' was not stored.", self.identifier)

    async def __aenter__(self) -> Result:
        return self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        import asyncio  # it is there by now, and slow to load for everyone else

        # Storing may wait for a network; the event loop must not.
        await asyncio.to_thread(self.__exit__, kind, error, traceback)


def _do_nothing() -> None:
    """Stand for what has nothing to take back."""
