"""The demonstration: a small training, measured live into a stack.

Each phase takes a share of the time: load data in steps, train a model in epochs, evaluate
it in child processes, save it to disk, and free memory in steps. The demonstration keeps
one core busy and uses less than 200 MB.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import pathlib
import tempfile
from collections.abc import Callable, Iterator

from multimeter import InfluxDBStorage, Measurement, Multimeter
from multimeter.probe import Probe
from multimeter.probes import default_probes
from multimeter.visualization.examples.simulation import (
    MIB,
    Model,
    ModelProbe,
    RigLogger,
    Timeline,
    compress_in_child,
    make_block,
    read_back,
    write_blocks,
)

__all__ = ["EPOCHS", "Work", "demonstrate"]

EPOCHS = 5
_CYCLES = 100
_SLOWEST_CYCLE = 0.1
_BLOCKS = 24
_STEPS = 50
_LEARNING = 0.85
"""The share of an epoch spent on training; the rest is idle."""


def demonstrate(
    config_file: pathlib.Path,
    identifier: str,
    seconds: float,
    *,
    on_start: Callable[[], None],
    on_mark: Callable[[str], None],
) -> None:
    """Run and measure the demonstration; its run ends normally when interrupted, too.

    Args:
        config_file: The configuration of the stack that stores the run.
        identifier: The identifier of the run.
        seconds: Its duration.
        on_start: Called when the run has started, before any work.
        on_mark: Called at each mark, with its label.

    Raises:
        ConfigurationError: The identifier is reserved.
    """
    storage = InfluxDBStorage.from_stack(config_file)
    model = Model()
    cycle_time = min(_SLOWEST_CYCLE, seconds / _CYCLES)
    meter = Multimeter(*_probes(model), cycle_time=cycle_time, storage=storage)
    measurement = meter.measure(identifier, demo="training", seed="7")
    try:
        with tempfile.TemporaryDirectory(prefix="multimeter-demo-") as folder, measurement:
            on_start()
            timeline = Timeline(seconds)
            with RigLogger(config_file, timeline):
                Work(timeline, model, pathlib.Path(folder), _mark(measurement, on_mark))()
    finally:
        storage.close()


def _probes(model: Model) -> list[Probe]:
    return [*default_probes(), ModelProbe(model)]


def _mark(
    measurement: Measurement, on_mark: Callable[[str], None]
) -> Callable[[str], None]:
    def mark(label: str) -> None:
        measurement.add_mark(label)
        on_mark(label)

    return mark


class Work:
    """The measured work, phase by phase.

    Args:
        timeline: The times of the phases.
        model: The model that is trained.
        scratch: An empty folder for temporary files.
        mark: Called at the start of each phase, with its name.
        block_bytes: The size of each of the 24 blocks of data.
    """

    def __init__(
        self,
        timeline: Timeline,
        model: Model,
        scratch: pathlib.Path,
        mark: Callable[[str], None],
        *,
        block_bytes: int = 4 * MIB,
    ) -> None:
        self._timeline = timeline
        self._block_bytes = block_bytes
        self._model = model
        self._file = scratch / "data.bin"
        self._mark = mark
        self._blocks: list[mmap.mmap] = []

    def __call__(self) -> None:
        """Do all phases."""
        try:
            self._timeline.wait_until(0.05)
            self._load(0.05, 0.25)
            for epoch in range(EPOCHS):
                self._learn(epoch, 0.25 + 0.09 * epoch, 0.25 + 0.09 * (epoch + 1))
            self._check(0.70, 0.82)
            self._save(0.82, 0.92)
            self._give_back(0.92, 0.98)
            self._timeline.wait_until(1.0)
        finally:
            self._close(0)

    def _load(self, start: float, stop: float) -> None:
        self._mark("load the data")
        write_blocks(self._file, self._make_blocks(start, (start + stop) / 2))
        with contextlib.closing(read_back(self._file, self._block_bytes)) as parts:
            for _ in self._timeline.steps((start + stop) / 2, stop, _BLOCKS):
                next(parts, b"")

    def _make_blocks(self, start: float, stop: float) -> Iterator[bytes]:
        for number in self._timeline.steps(start, stop, _BLOCKS):
            data = make_block(number, self._block_bytes)
            self._hold(data)
            yield data

    def _hold(self, data: bytes) -> None:
        # Mapped memory returns to the system when closed; an allocator may keep it.
        block = mmap.mmap(-1, len(data))
        block.write(data)
        self._blocks.append(block)

    def _close(self, left: int) -> None:
        while len(self._blocks) > left:
            self._blocks.pop().close()

    def _learn(self, epoch: int, start: float, stop: float) -> None:
        self._mark(f"epoch {epoch + 1}")
        held = len(self._blocks)
        end = start + (stop - start) * _LEARNING
        for step in self._timeline.steps(start, end, _STEPS):
            self._model.step()
            if step % (_STEPS // 5) == 0:
                self._hold(make_block(step, self._block_bytes))
            self._compute(start + (end - start) * (step + 0.9) / _STEPS)
        self._close(held)
        self._timeline.wait_until(stop)

    def _compute(self, until: float) -> None:
        block = self._blocks[0][: MIB // 8]
        while self._timeline.now < until:
            hashlib.sha256(block).digest()

    def _check(self, start: float, stop: float) -> None:
        self._mark("check in children")
        for number in self._timeline.steps(start, stop, 6):
            compress_in_child(20_000 + 12_000 * (number * 7 % 11))

    def _save(self, start: float, stop: float) -> None:
        self._mark("save")
        steps = self._timeline.steps(start, stop, len(self._blocks))
        write_blocks(self._file, (self._blocks[number][:] for number in steps))

    def _give_back(self, start: float, stop: float) -> None:
        self._mark("give back")
        held = len(self._blocks)
        for number in self._timeline.steps(start, stop, 4):
            self._close(held * (3 - number) // 4)
