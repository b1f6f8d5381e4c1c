"""Take over the recording of a command that goes on, or store one that was short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from multimeter.data.baseline import Baseline
from multimeter.data.identifiers import new_run_id
from multimeter.measurement import Measurement
from multimeter.probes.process import ProcessProbe
from multimeter.processes.command import Preparation
from multimeter.processes.measure import (
    Outcome,
    add_accounts,
    errors_to,
    start_measurement,
)
from multimeter.processes.names import command_text, generated_name
from multimeter.processes.recording import Recording, Schedule
from multimeter.result import Result
from multimeter.sampling.clock import RunClock
from multimeter.system.standard_streams import run_tool

__all__ = ["TakeOver", "result_of"]


class TakeOver:
    """Goes on with a recording, as the library measures: with all probes, to any storage.

    Args:
        recording: The command, which was started.
        quiet: Whether to print errors only.
        wait_all: Whether to wait for all processes that the command has started.

    Raises:
        MultimeterError: There is no place for the run.
    """

    def __init__(self, recording: Recording, *, quiet: bool, wait_all: bool) -> None:
        self._recording = recording
        self._preparation = Preparation(
            generated_name(recording.command[0]), quiet=quiet, wait_all=wait_all
        )
        self._outcome = Outcome()
        self._measurement: Measurement | None = None

    def begin(self) -> Callable[[], object] | None:
        """Begin to measure; return what takes a sample, or None if that is not possible."""
        with errors_to(self._outcome):
            self._begin()
        return None if self._measurement is None else self._measurement.sample

    def _begin(self) -> None:
        recording = self._recording
        if recording.run is None:
            # It reports why the system does not show the process.
            ProcessProbe(recording.child.pid)
            return
        probe = ProcessProbe.of_run(recording.run)
        readings = recording.readings
        probe.counts_since_ns = readings[-1][0] if readings else recording.started_ns
        measurement = start_measurement(
            probe,
            self._preparation.settings,
            RunClock(
                recording.started_ns,
                recording.boottime_ns,
                _awake_ns=recording.awake_ns,
            ),
            list(_points(recording, probe)),
        )
        self._measurement, self._outcome.result = measurement, measurement.result

    def end(self, exit_code: int, ended_ns: int, schedule: Schedule) -> None:
        """Store and report the run.

        Args:
            exit_code: The exit code of the command.
            ended_ns: When it ended, in ns since the epoch on the clock of the run.
            schedule: How punctual the samples were.
        """
        run_tool(lambda: self._end(exit_code, ended_ns, schedule))

    def _end(self, exit_code: int, ended_ns: int, schedule: Schedule) -> None:
        outcome, recording = self._outcome, self._recording
        outcome.exit_code = exit_code
        if self._measurement is not None and outcome.result is not None:
            outcome.result.add_meta_data(command=command_text(recording.command))
            add_accounts(outcome.result, recording, exit_code)
            self._measurement.count_samples(late=schedule.late, missed=schedule.missed)
            with errors_to(outcome):
                self._measurement.end()
        elif recording.run is not None and outcome.error is None:
            settings = self._preparation.settings
            with errors_to(outcome):
                outcome.result = result_of(
                    recording, settings.identifier, exit_code, ended_ns
                )
                settings.storage.store(outcome.result)
        elif outcome.error is None:
            self.begin()
        self._preparation.finish(outcome)


def result_of(
    recording: Recording, identifier: str, exit_code: int, ended_ns: int
) -> Result:
    """Return the result of a command that ended before the library was imported."""
    assert recording.run is not None, "its processes were followed"
    recording.sample(ended_ns)
    probe = ProcessProbe.of_run(recording.run)
    result = Result(probe, identifier=identifier)
    result.id = new_run_id(recording.started_ns)
    result.add_meta_data(**Baseline(recording.started_ns).meta_data())
    result.add_meta_data(command=command_text(recording.command))
    for time_ns, values in _points(recording, probe):
        result.append(time_ns, values)
    add_accounts(result, recording, exit_code)
    return result


def _points(
    recording: Recording, probe: ProcessProbe
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the points of a recording."""
    before = recording.started_ns
    for time_ns, process, tree in recording.readings:
        yield time_ns, probe.values_of(process, tree, (time_ns - before) / 1e9)
        before = time_ns
