"""Measure a command from start to end, or a process that is already running."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from multimeter.data.estimate import Estimate
from multimeter.errors import MultimeterError, UnsupportedError
from multimeter.measurement import Measurement
from multimeter.multimeter import Multimeter
from multimeter.probe import Probe
from multimeter.probes.process import ProcessProbe
from multimeter.processes.accounts import attached_figures
from multimeter.processes.child import outliving_signals
from multimeter.processes.names import command_text
from multimeter.processes.recording import (
    LONGEST_CYCLE,
    Recording,
    Schedule,
    start,
    system_exit_records,
)
from multimeter.processes.stop_condition import StopCondition
from multimeter.result import Result
from multimeter.storages.base import Storage
from multimeter.system.log import log

if TYPE_CHECKING:
    from multimeter.processes.exit_records import ExitRecords
    from multimeter.sampling.clock import RunClock

__all__ = [
    "LONGEST_CYCLE",
    "Outcome",
    "RunOptions",
    "Schedule",
    "add_accounts",
    "errors_to",
    "measure_command",
    "measure_process",
    "start",
    "start_measurement",
]


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
        wait_all: Whether to wait for all processes that the command has started, too.
    """

    identifier: str
    probes: Sequence[Probe]
    storage: Storage
    tags: Mapping[str, str] = field(default_factory=dict)
    cycle_time: float | None = None
    wait_all: bool = False


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
    recording = Recording(command)
    with contextlib.ExitStack() as until_stored:
        try:
            with errors_to(outcome):
                probe = _probe_of(recording)
                measurement = start_measurement(probe, settings)
                outcome.result = measurement.result
            if outcome.result is None:
                outcome.exit_code = recording.finish(lambda: LONGEST_CYCLE)
                return outcome
            outcome.result.add_meta_data(command=command_text(command))
            schedule = Schedule(measurement.sample, recording.glance, settings.cycle_time)
            outcome.exit_code = recording.finish(
                lambda: _look(schedule), wait_all=settings.wait_all
            )
            add_accounts(outcome.result, recording, outcome.exit_code)
            measurement.count_samples(late=schedule.late, missed=schedule.missed)
        finally:
            until_stored.enter_context(outliving_signals())
            recording.child.release()
        _end(measurement, outcome)
    return outcome


def _probe_of(recording: Recording) -> ProcessProbe:
    """Return a probe that goes on with what follows a command.

    Raises:
        ProbeError: The system does not show its processes.
    """
    if recording.run is None:
        return ProcessProbe(recording.child.pid, since_start=True)
    return ProcessProbe.of_run(recording.run)


def add_accounts(result: Result, recording: Recording, exit_code: int) -> None:
    """Add what the kernel accounts for a command that has ended."""
    result.add_meta_data(exit_code=exit_code, **recording.meta_data)
    _add_figures(result, recording.figures())


def _add_figures(result: Result, figures: Mapping[str, Mapping[str, Any]]) -> None:
    for key, data in figures.items():
        estimate = Estimate.from_json(data)
        if estimate is not None:
            result.known_figures[key] = estimate


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
    records = system_exit_records()
    outcome = Outcome()
    with StopCondition(probe) as stop_condition:
        measurement = start_measurement(probe, settings)
        outcome.result = measurement.result
        deadline = math.inf if duration is None else clock() + duration
        schedule = Schedule(measurement.sample, probe.glance, settings.cycle_time)
        seen_at = clock()
        while True:
            pause = _look(schedule)
            if probe.alive:
                seen_at = clock()
            if stop_condition.wait(min(pause, deadline - clock())):
                break
            if clock() >= deadline:
                break
        if stop_condition.has_ended and outcome.result is not None:
            # It waits to be reaped, if only for a moment: its counters can be read.
            unseen = clock() - seen_at
            with contextlib.suppress(Exception):
                probe.glance()
                _add_figures(outcome.result, _last_figures(probe, unseen, records))
        if records is not None:
            records.close()
        measurement.count_samples(late=schedule.late, missed=schedule.missed)
        _end(measurement, outcome)
    return outcome


def _last_figures(
    probe: ProcessProbe, unseen: float, records: ExitRecords | None
) -> dict[str, dict[str, Any]]:
    """Return the figures of a process that was running already, and has ended."""
    if probe.run is None:
        return {}
    if records is not None:
        records.collect({*probe.run.seen, probe.pid})
    last = probe.run.seen.get(probe.pid)
    saw_end = last is not None and last.ended
    return attached_figures(probe.run, unseen, saw_end=saw_end, records=records)


def start_measurement(
    probe: ProcessProbe,
    settings: RunOptions,
    began: RunClock | None = None,
    points: Sequence[tuple[int, Mapping[str, Any]]] = (),
) -> Measurement:
    """Start to measure a process.

    Args:
        probe: Its probe.
        settings: How it is measured.
        began: The clock of a run that has begun before; None if it begins now.
        points: What was sampled since then: ns since the epoch, and values.

    Raises:
        MultimeterError: A probe could not start.
    """
    probes: list[Probe] = [probe]
    for each in settings.probes:
        with contextlib.suppress(UnsupportedError):
            probes.append(each.for_process(probe.pid))
    cycle_time = settings.cycle_time or LONGEST_CYCLE
    multimeter = Multimeter(*probes, cycle_time=cycle_time, storage=settings.storage)
    measurement = multimeter.measure(settings.identifier)
    measurement.tags.update(settings.tags)
    measurement.start(began, points, of_another=True)
    return measurement


def _end(measurement: Measurement, outcome: Outcome) -> None:
    with errors_to(outcome):
        measurement.end()


@contextlib.contextmanager
def errors_to(outcome: Outcome) -> Iterator[None]:
    """Keep an error of measuring or storing: the command must not be affected."""
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
