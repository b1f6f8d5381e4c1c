"""Measure a command from start to end, or a process that is already running.

A :class:`Schedule` decides when to sample a process that may end at any moment.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from multimeter.analysis.figures import PEAK_AT_MOST
from multimeter.errors import MultimeterError, UnsupportedError
from multimeter.measurement import Measurement
from multimeter.multimeter import Multimeter
from multimeter.probe import Probe
from multimeter.probes.process import ProcessProbe
from multimeter.processes.child import Child, CommandError, outliving_signals
from multimeter.processes.stop_condition import StopCondition
from multimeter.result import Result
from multimeter.storages.base import Storage
from multimeter.system.log import log

__all__ = [
    "LONGEST_CYCLE",
    "Outcome",
    "RunOptions",
    "Schedule",
    "measure_command",
    "measure_process",
    "start",
]

# Processes shorter than this (s) often exit before any memory sample.
_TOO_SHORT_TO_SAMPLE = 0.01


@dataclass(frozen=True)
class RunOptions:
    """How a run is measured.

    Attributes:
        identifier: Its name.
        probes: Probes besides the process probe; those that cannot measure another
            process are left out.
        storage: Where the result goes.
        tags: Tags that distinguish runs.
        cycle_time: Seconds between two samples; None to start fast and slow down.
    """

    identifier: str
    probes: Sequence[Probe]
    storage: Storage
    tags: Mapping[str, str] = field(default_factory=dict)
    cycle_time: float | None = None


@dataclass
class Outcome:
    """The outcome of measuring a command or process.

    Attributes:
        exit_code: That of the command, as a shell reports it; 0 for a running process.
        result: The result; None if nothing could be measured.
        error: Why it could not be measured or stored; the command is not affected.
    """

    exit_code: int = 0
    result: Result | None = None
    error: MultimeterError | None = None


def measure_command(command: Sequence[str], settings: RunOptions) -> Outcome:
    """Run a command and measure it from start to end.

    It inherits the input and outputs of this process; signals are forwarded to it.

    Args:
        command: The program and its arguments.
        settings: How it is measured.

    Raises:
        CommandError: It cannot be started.
    """
    outcome = Outcome()
    child = start(command)
    with contextlib.ExitStack() as until_stored:
        try:
            with _errors_to(outcome):
                probe = ProcessProbe(child.pid, since_start=True)
                measurement = _start(probe, settings)
                outcome.result = measurement.result
            if outcome.result is None:
                child.wait(lambda: LONGEST_CYCLE)
                outcome.exit_code = child.reap(None)
                return outcome
            outcome.result.add_meta_data(command=_text_of(command))
            schedule = Schedule(measurement.sample, probe.glance, settings.cycle_time)
            child.wait(lambda: _look(schedule))
            outcome.exit_code = child.reap(lambda: probe.reap()[0])
            _add_exit(outcome.result, outcome.exit_code, probe, schedule)
        finally:
            until_stored.enter_context(outliving_signals())
            child.release()
        _end(measurement, outcome)
    return outcome


def _add_exit(
    result: Result, exit_code: int, probe: ProcessProbe, schedule: Schedule
) -> None:
    """Add the metadata of a command that has ended."""
    if probe.peak_limit is not None and schedule.age < _TOO_SHORT_TO_SAMPLE:
        result.add_meta_data(**{PEAK_AT_MOST: str(probe.peak_limit)})
    result.add_meta_data(exit_code=str(exit_code))


def measure_process(
    pid: int,
    settings: RunOptions,
    duration: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Measure a running process, until it ends or this process gets a signal.

    SIGINT (Ctrl-C), SIGTERM and SIGHUP end the measurement, but not the process.

    Args:
        pid: The process.
        settings: How it is measured.
        duration: The maximum duration, in s.
        clock: A monotonic clock, in s.

    Raises:
        ProbeError: There is no such process, or no permission to read it.
    """
    probe = ProcessProbe(pid)
    outcome = Outcome()
    with StopCondition(probe) as stop_condition:
        measurement = _start(probe, settings)
        outcome.result = measurement.result
        deadline = None if duration is None else clock() + duration
        measurement.sample()
        while not stop_condition.wait(None if deadline is None else deadline - clock()):
            if deadline is not None and clock() >= deadline:
                break
        _end(measurement, outcome)
    return outcome


def _start(probe: ProcessProbe, settings: RunOptions) -> Measurement:
    probes: list[Probe] = [probe]
    for each in settings.probes:
        with contextlib.suppress(UnsupportedError):
            probes.append(each.for_process(probe.pid))
    cycle_time = settings.cycle_time or LONGEST_CYCLE
    multimeter = Multimeter(*probes, cycle_time=cycle_time, storage=settings.storage)
    measurement = multimeter.measure(settings.identifier)
    measurement.tags.update(settings.tags)
    measurement.start()
    return measurement


def _end(measurement: Measurement, outcome: Outcome) -> None:
    with _errors_to(outcome):
        measurement.end()


@contextlib.contextmanager
def _errors_to(outcome: Outcome) -> Iterator[None]:
    try:
        yield
    except MultimeterError as error:
        outcome.error = error
    except KeyboardInterrupt:
        outcome.error = MultimeterError("Storing the run was interrupted.")
    except Exception as error:  # noqa: BLE001 - the command must not be affected
        outcome.error = MultimeterError(f"The run was not measured or stored: {error!r}")


def _look(schedule: Schedule) -> float:
    """Sample or glance at a process; errors must not affect the command."""
    try:
        return schedule.look()
    except Exception as error:  # noqa: BLE001 - sampling continues, too
        log().warning("The process could not be sampled: %r", error)
        return LONGEST_CYCLE


def _text_of(command: Sequence[str]) -> str:
    """Return a command as text; file names may not be valid text."""
    return shlex.join(command).encode("utf-8", "backslashreplace").decode()


LONGEST_CYCLE = 1.0
"""Seconds between two samples of a long run."""

_SHORTEST_CYCLE = 0.02
_CYCLE_SHARE = 0.02
_SHORTEST_GLANCE = 0.001
_GLANCE_SHARE = 0.05


class Schedule:
    """Samples often at the start of a run, and less often the longer it lasts.

    So a short run has some hundred points as well, and at most the last twentieth of a
    process's life is not observed.

    Args:
        sample: Takes a sample.
        glance: Reads the process without taking a sample.
        cycle_time: Seconds between two samples, which the sampler takes; None to take
            them here, in proportion to the age of the run, until the interval reaches
            :data:`LONGEST_CYCLE`.
        clock: A monotonic clock, in s.
    """

    def __init__(
        self,
        sample: Callable[[], object],
        glance: Callable[[], object],
        cycle_time: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sample = sample
        self._glance = glance
        self._cycle_time = cycle_time
        self._clock = clock
        self._started = self._sampled = clock()
        self._is_first = True

    @property
    def age(self) -> float:
        """The duration of the run so far, in s."""
        return self._clock() - self._started

    def look(self) -> float:
        """Sample or glance at the process; return the time until the next call, in s."""
        now, age = self._clock(), self.age
        cycle = max(_SHORTEST_CYCLE, age * _CYCLE_SHARE)
        is_due = self._cycle_time is None and now - self._sampled >= cycle < LONGEST_CYCLE
        if self._is_first or is_due:
            self._is_first, self._sampled = False, now
            self._sample()
        else:
            self._glance()
        longest = min(self._cycle_time or cycle, LONGEST_CYCLE)
        return min(max(_SHORTEST_GLANCE, age * _GLANCE_SHARE), longest)


def start(command: Sequence[str]) -> Child:
    """Start a command.

    Args:
        command: The program, which is searched for in PATH, and its arguments.

    Raises:
        CommandError: It cannot be started.
    """
    if not command[0]:
        raise CommandError(command, OSError(errno.ENOENT, os.strerror(errno.ENOENT)))
    if hasattr(signal, "sigtimedwait") and hasattr(os, "waitid"):
        from multimeter.processes.posix_child import PosixChild

        return PosixChild(command)
    from multimeter.processes.portable_child import PortableChild

    return PortableChild(command)
