"""What the demonstration and the recorded example are made of.

A timeline, units of work, a model that learns, and a rig. All data is generated from seeds,
so every run gives the same.
"""

from __future__ import annotations

import math
import os
import pathlib
import random
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from multimeter import Measure, Metric, Probe, Subject
from multimeter.loggers import ContinuousLogger
from multimeter.system.interpreter import python_command

__all__ = [
    "CODENAMES",
    "MIB",
    "Model",
    "ModelProbe",
    "RigLogger",
    "Timeline",
    "compress_in_child",
    "make_block",
    "read_back",
    "values_at",
    "write_blocks",
]


class Timeline:
    """The timeline of a demonstration: 0 at its start, 1 at its end.

    Args:
        seconds: The duration of the demonstration.
        clock: Returns the time in seconds.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._begun = clock()

    @property
    def now(self) -> float:
        """The share of the time that has passed."""
        return (self._clock() - self._begun) / self._seconds

    def wait_until(self, share: float) -> None:
        """Wait until a share of the time has passed."""
        if (left := share - self.now) > 0:
            self._sleep(left * self._seconds)

    def steps(self, start: float, stop: float, count: int) -> Iterator[int]:
        """Yield numbers at even times, the first at the start.

        On a slow machine, steps that would start after the end are skipped, except the
        first.
        """
        for number in range(count):
            if number and self.now >= stop:
                return
            self.wait_until(start + (stop - start) * number / count)
            yield number


_FEATURES = 12
_SAMPLES = 1_500
_BATCH = 48
_NOISE = 0.6
_RATE = 0.08


class Model:
    """A logistic regression that learns to separate two classes of synthetic points.

    It is seeded, so every run gives the same result.

    Attributes:
        loss: The cross entropy of the last batch, in nats.
        accuracy: The share of the last batch that it classified correctly, in per cent.
    """

    def __init__(self) -> None:
        rng = random.Random(7)  # noqa: S311 - not for security
        self._rng = rng
        self._true = [rng.gauss(0, 1) for _ in range(_FEATURES)]
        self._samples = [self._sample() for _ in range(_SAMPLES)]
        self._weights = [0.0] * _FEATURES
        self.loss = math.log(2)
        self.accuracy = 50.0

    def _sample(self) -> tuple[list[float], int]:
        point = [self._rng.gauss(0, 1) for _ in range(_FEATURES)]
        score = _dot(self._true, point) + self._rng.gauss(0, _NOISE)
        return point, int(score > 0)

    def step(self) -> None:
        """Train on one batch, by gradient descent."""
        batch = self._rng.sample(self._samples, _BATCH)
        gradient = [0.0] * _FEATURES
        loss, right = 0.0, 0
        for point, kind in batch:
            guess = 1 / (1 + math.exp(-_dot(self._weights, point)))
            loss -= math.log(guess if kind else 1 - guess)
            right += (guess > 0.5) == bool(kind)  # noqa: PLR2004 - the more likely kind
            for each, value in enumerate(point):
                gradient[each] += (guess - kind) * value
        rate = _RATE / _BATCH
        self._weights = [
            weight - rate * slope for weight, slope in zip(self._weights, gradient)
        ]
        self.loss, self.accuracy = loss / _BATCH, 100 * right / _BATCH


def _dot(left: list[float], right: list[float]) -> float:
    return sum(one * other for one, other in zip(left, right))


_MODEL = Subject("model", "The model that is trained.")
_LOSS = Measure(_MODEL, Metric("loss", "Cross entropy of the last batch.", "nats"))
_ACCURACY = Measure(
    _MODEL,
    Metric("accuracy", "Share of the last batch that was classified correctly.", "%"),
)


class ModelProbe(Probe):
    """Samples the loss and the accuracy of a model.

    Args:
        model: The model.
    """

    metrics = (_LOSS.metric, _ACCURACY.metric)
    subjects = (_MODEL,)
    measures = (_LOSS, _ACCURACY)

    def __init__(self, model: Model) -> None:
        self._model = model

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:  # noqa: ARG002
        """Add the loss and the accuracy.

        Args:
            values: Takes the values.
            time_elapsed: Seconds since the previous sample, or since the start.
        """
        values[_LOSS.key] = self._model.loss
        values[_ACCURACY.key] = self._model.accuracy


CODENAMES = {
    "demo_pressure": ("mbar", "In a chamber that is pumped out."),
    "demo_temperature": ("°C", "Of the pump, which warms up."),
    "demo_flow": ("l/min", "Of the water that cools it."),
}
"""The logged values: unit and description of each codename."""

_SECONDS = 0.05


def values_at(share: float) -> dict[str, float]:
    """Return the values after a share of the time, by codename."""
    wave = math.sin(40 * share)
    return {
        "demo_pressure": 1_000 * math.exp(-14 * share) + 2e-3 * (1.2 + wave),
        "demo_temperature": 21 + 19 * (1 - math.exp(-3 * share)) + 0.15 * wave,
        "demo_flow": 4.2 + 0.1 * math.sin(23 * share) - (1.1 if 0.5 < share < 0.6 else 0),  # noqa: PLR2004 - a tap is opened
    }


class RigLogger:
    """Logs the values of a simulated rig to a stack, in the background; a context manager.

    Args:
        config_file: The configuration of the stack.
        timeline: The timeline of the demonstration.
    """

    def __init__(self, config_file: pathlib.Path, timeline: Timeline) -> None:
        self._logger = ContinuousLogger.to_stack(
            list(CODENAMES),
            config=config_file,
            units={name: unit for name, (unit, _) in CODENAMES.items()},
            descriptions={name: text for name, (_, text) in CODENAMES.items()},
        )
        self._timeline = timeline
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._log, name="multimeter-demo-rig")

    def __enter__(self) -> None:
        self._logger.start()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._logger.stop()

    def _log(self) -> None:
        while not self._ended.wait(_SECONDS):
            for codename, value in values_at(self._timeline.now).items():
                self._logger.enqueue_point_now(codename, value)


MIB = 2**20

_BLOCKS_OF_SYNC = 8
_CHILD = """
import zlib
data = b"".join(number.to_bytes(4, "little") for number in range(int(sys.argv[1])))
for level in (1, 6, 9):
    zlib.compress(data, level)
"""


def make_block(number: int, size: int = MIB) -> bytes:
    """Return incompressible bytes, the same for each number."""
    return random.Random(number).randbytes(size)  # noqa: S311 - not for security


def write_blocks(file: pathlib.Path, blocks: Iterable[bytes]) -> None:
    """Write blocks to a file, and sync it to the disk every few blocks."""
    with file.open("wb", buffering=0) as stream:
        for number, block in enumerate(blocks):
            stream.write(block)
            if number % _BLOCKS_OF_SYNC == 0:
                os.fsync(stream.fileno())


def read_back(file: pathlib.Path, size: int = MIB) -> Generator[bytes, None, None]:
    """Yield the parts of a file, past the page cache where the system allows that."""
    with file.open("rb", buffering=0) as stream:
        if hasattr(os, "posix_fadvise"):
            # Pages in the kernel's cache would not be read from the disk.
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while part := stream.read(size):
            yield part


def compress_in_child(size: int) -> None:
    """Compress this many numbers in a child process, and wait for it."""
    command = python_command(_CHILD, str(size))
    # Its traceback at an interrupt would only clutter the output.
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # noqa: S603
