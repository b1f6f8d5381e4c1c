"""Measure a command that is started for that, or a process that runs already."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from multimeter.analysis.figures import PEAK_AT_MOST
from multimeter.errors import MultimeterError, UnsupportedError
from multimeter.measurement import Measurement
from multimeter.multimeter import Multimeter
from multimeter.probe import Probe
from multimeter.probes.process import ProcessProbe
from multimeter.processes.child import outliving_signals
from multimeter.processes.schedule import LONGEST_CYCLE, Schedule
from multimeter.processes.start import start
from multimeter.processes.stop_condition import StopCondition
from multimeter.result import Result
from multimeter.storages.base import Storage
from multimeter.system.log import log

__all__ = ["Outcome", "RunOptions", "measure_command", "measure_process"]

# Of a process that lives shorter, what it held last is often seen by nobody.
_HARDLY_SEEN = 0.01


@dataclass(frozen=True)
class RunOptions:
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


def measure_command(command: Sequence[str], settings: RunOptions) -> Outcome:
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
    with contextlib.ExitStack() as until_stored:
        try:
            with _trouble_in(outcome):
                probe = ProcessProbe(child.pid, since_start=True)
                measurement = _started(probe, settings)
                outcome.result = measurement.result
            if outcome.result is None:
                child.wait(lambda: LONGEST_CYCLE)
                outcome.exit_code = child.reap(None)
                return outcome
            outcome.result.add_meta_data(command=_shown(command))
            pace = Schedule(measurement.sample, probe.glance, settings.cycle_time)
            child.wait(lambda: _looked_at(pace))
            outcome.exit_code = child.reap(lambda: probe.reap()[0])
            _add_ending(outcome.result, outcome.exit_code, probe, pace)
        finally:
            until_stored.enter_context(outliving_signals())
            child.release()
        _end(measurement, outcome)
    return outcome


def _add_ending(
    result: Result, exit_code: int, probe: ProcessProbe, pace: Schedule
) -> None:
    """Add what is known of a command once it has ended."""
    if probe.peak_limit is not None and pace.age < _HARDLY_SEEN:
        result.add_meta_data(**{PEAK_AT_MOST: str(probe.peak_limit)})
    result.add_meta_data(exit_code=str(exit_code))


def measure_process(
    pid: int,
    settings: RunOptions,
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
    with StopCondition(probe) as ending:
        measurement = _started(probe, settings)
        outcome.result = measurement.result
        deadline = None if duration is None else clock() + duration
        measurement.sample()
        while not ending.wait(None if deadline is None else deadline - clock()):
            if deadline is not None and clock() >= deadline:
                break
        _end(measurement, outcome)
    return outcome


def _started(probe: ProcessProbe, settings: RunOptions) -> Measurement:
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
    except KeyboardInterrupt:
        outcome.trouble = MultimeterError("Storing the run was broken off.")
    except Exception as error:  # noqa: BLE001 - the command must not suffer from it
        outcome.trouble = MultimeterError(f"The run was not measured or stored: {error!r}")


def _looked_at(pace: Schedule) -> float:
    """Look at a process; whatever comes of it, the command goes on."""
    try:
        return pace.look()
    except Exception as error:  # noqa: BLE001 - the samples go on, too
        log().warning("The process could not be looked at: %r", error)
        return LONGEST_CYCLE


def _shown(command: Sequence[str]) -> str:
    """Return a command as text; file names need not be text."""
    return shlex.join(command).encode("utf-8", "backslashreplace").decode()
