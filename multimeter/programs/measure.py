"""Measure a command that is started for that, or a process that runs already."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multimeter.errors import MultimeterError, UnsupportedError
from multimeter.measurement import Measurement
from multimeter.multimeter import Multimeter
from multimeter.probe import Probe
from multimeter.probes.process import ProcessProbe
from multimeter.programs.pace import LONGEST_CYCLE, Pace
from multimeter.programs.start import start
from multimeter.result import Result
from multimeter.storages.base import Storage
from multimeter.summary import PEAK_AT_MOST

__all__ = ["Outcome", "Settings", "measure_command", "measure_process"]

# Of a process that lives shorter, what it held last is often seen by nobody.
_HARDLY_SEEN = 0.01
# A process that is gone is noticed after so many seconds where the system does not tell.
_PATIENCE = 0.2


@dataclass(frozen=True)
class Settings:
    """How a run is measured.

    Attributes:
        identifier: Its name.
        probes: What is sampled beside the process; those that cannot look at another
            process are left out.
        storage: Where the result goes.
        tags: Tags that tell runs apart.
        cycle_time: Seconds between two samples; None for a pace that slows down.
    """

    identifier: str
    probes: Sequence[Probe]
    storage: Storage
    tags: Mapping[str, str] = field(default_factory=dict)
    cycle_time: float | None = None


@dataclass
class Outcome:
    """What has come of it.

    Attributes:
        exit_code: That of the command, as a shell tells it; 0 for a process that runs.
        result: What was measured; None if nothing could be.
        trouble: Why it could not be measured or stored; the command knows nothing of it.
    """

    exit_code: int = 0
    result: Result | None = None
    trouble: MultimeterError | None = None


def measure_command(command: Sequence[str], settings: Settings) -> Outcome:
    """Run a command and measure it, from its first moment to its last.

    It has the input and the outputs of this process; signals are passed on to it.

    Args:
        command: The program and its arguments.
        settings: How it is measured.

    Raises:
        CommandError: It cannot be started.
    """
    outcome = Outcome()
    child = start(command)
    try:
        with _trouble_in(outcome):
            probe = ProcessProbe(child.pid, whole=True)
            measurement = _started(probe, settings)
            outcome.result = measurement.result
        if outcome.result is None:
            child.wait(lambda: LONGEST_CYCLE)
            outcome.exit_code = child.reap(None)
            return outcome
        outcome.result.add_meta_data(command=_shown(command))
        pace = Pace(measurement.sample, probe.glance, settings.cycle_time)
        child.wait(pace.look)
        outcome.exit_code = child.reap(lambda: probe.reap()[0])
        if probe.peak_limit is not None and pace.age < _HARDLY_SEEN:
            limit = str(probe.peak_limit)
            outcome.result.add_meta_data(**{PEAK_AT_MOST: limit})
        outcome.result.add_meta_data(exit_code=str(outcome.exit_code))
    finally:
        child.release()
    _end(measurement, outcome)
    return outcome


def measure_process(
    pid: int,
    settings: Settings,
    duration: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Measure a process that runs, until it ends or this process is told to end.

    SIGINT (Ctrl-C) and SIGTERM end the measurement; the process goes on.

    Args:
        pid: The process.
        settings: How it is measured.
        duration: After how many seconds to end in any case.
        clock: Seconds that never go back.

    Raises:
        ProbeError: There is no such process, or the system does not let us look at it.
    """
    probe = ProcessProbe(pid)
    outcome = Outcome()
    deadline = None if duration is None else clock() + duration
    with _told_to_end():
        measurement = _started(probe, settings)
        outcome.result = measurement.result
        try:
            measurement.sample()
            wait = _waiter(pid, probe)
            while not wait(_PATIENCE if deadline is None else deadline - clock()):
                if deadline is not None and clock() >= deadline:
                    break
        except _ToldToEndError:
            pass
        _end(measurement, outcome)
    return outcome


def _started(probe: ProcessProbe, settings: Settings) -> Measurement:
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
    with _trouble_in(outcome):
        measurement.end()


@contextlib.contextmanager
def _trouble_in(outcome: Outcome) -> Iterator[None]:
    try:
        yield
    except MultimeterError as error:
        outcome.trouble = error
    except Exception as error:  # noqa: BLE001 - the command must not suffer from it
        outcome.trouble = MultimeterError(f"The run was not measured: {error!r}")


def _shown(command: Sequence[str]) -> str:
    """Return a command as text; file names need not be text."""
    return shlex.join(command).encode("utf-8", "backslashreplace").decode()


class _ToldToEndError(Exception):
    """A signal has told us to end."""


@contextlib.contextmanager
def _told_to_end() -> Iterator[None]:
    def end(_number: int, _frame: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)  # storing shall not be broken off
        raise _ToldToEndError

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.signal(each, end) for each in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _waiter(pid: int, probe: ProcessProbe) -> Callable[[float], bool]:
    """Return a function that waits for some seconds, and tells whether it has ended."""
    opened: Any = getattr(os, "pidfd_open", None)
    if opened is None:
        return lambda seconds: _looked(probe, seconds)
    try:
        descriptor = opened(pid)
    except OSError:  # an old kernel, or gone by now
        return lambda seconds: _looked(probe, seconds)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return lambda seconds: bool(poll.poll(max(0.0, seconds) * 1000))


def _looked(probe: ProcessProbe, seconds: float) -> bool:
    time.sleep(min(max(0.0, seconds), _PATIENCE))
    probe.glance()
    return not probe.alive
