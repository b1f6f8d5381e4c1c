"""The sampler of the measured process: it lets a helper process sample."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from multimeter.errors import ConfigurationError, ProbeError, UnsupportedError
from multimeter.measure import Measure
from multimeter.probe import Probe
from multimeter.sampling.messages import (
    Channel,
    End,
    Ended,
    Failed,
    Job,
    Log,
    MarkMessage,
    PointMessage,
    Sample,
    Started,
)
from multimeter.sampling.overhead import GIL_KEY, Sampling
from multimeter.storages.base import Storage
from multimeter.storages.dummy import DummyStorage
from multimeter.system.interpreter import python_command
from multimeter.system.log import log

__all__ = ["HelperSampler"]

# This package is the one that this process has, of whatever version. What it imports comes
# from where it was installed, before any folder that this program has added; what the
# probes need is then searched for as this program does.
_PROGRAM = """
import importlib.machinery, importlib.util, pickle
package_folder, path, modules = pickle.load(sys.stdin.buffer)
sys.path += path
spec = importlib.machinery.PathFinder.find_spec("multimeter", [package_folder])
package = sys.modules["multimeter"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from multimeter.sampling.helper import main
main(path, modules)
"""

_PACKAGE = __name__.partition(".")[0]
_PACKAGE_FOLDER = str(pathlib.Path(__file__).parents[2])
_PATIENCE = 10.0


class HelperSampler:
    """Has probes sampled in a process of its own, and takes the points from there.

    Args:
        probes: What to sample: probes that look from outside, see
            :meth:`multimeter.Probe.for_process`.
        cycle_time: Seconds between two samples.
        sink: Takes each point: ns since the epoch (strictly increasing) and values.
        identifier: The name of the run.
        tags: Its tags.
        storage: Where the helper stores the run when this process ends too early.
        max_overhead: CPU seconds a second that sampling may cost, or None for any.

    Attributes:
        sampling: How it went so far; up to date at the start and at the end.
        measures: The measures of all probes; up to date at the end.

    Raises:
        ConfigurationError: A probe cannot be handed to another process.
        UnsupportedError: There is no Python interpreter to be started.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        cycle_time: float,
        sink: Callable[[int, dict[str, Any]], None],
        *,
        identifier: str,
        tags: dict[str, str],
        storage: Storage,
        max_overhead: float | None = None,
    ) -> None:
        if not sys.executable or getattr(sys, "frozen", False):
            raise UnsupportedError(
                "There is no Python interpreter to start a helper process with.",
                cause="This program was frozen, or has Python embedded.",
                next_step="Use Multimeter(..., sampler='thread').",
            )
        for probe in probes:
            _check(probe)
        self.sampling = Sampling(cycle_time)
        self.measures: tuple[Measure, ...] = tuple(m for p in probes for m in p.measures)
        self._sink = sink
        self._job = Job(
            os.getpid(),
            tuple(probes),
            cycle_time,
            max_overhead,
            identifier,
            dict(tags),
            _handed_over(storage),
        )
        self._thread = threading.Thread(
            target=self._receive, name="multimeter-receiver", daemon=True
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._ended = False
        self._failed = False

    @property
    def missed(self) -> int:
        """How many ticks passed without a sample; known at the end."""
        return self.sampling.missed

    def time_ns(self) -> int:
        """Return the time of day as points have it, in ns since the epoch."""
        return time.time_ns()

    def start(self) -> None:
        """Start the helper process, which starts the probes.

        Raises:
            ProbeError: A probe could not start, or the helper could not.
        """
        self._process = process = subprocess.Popen(  # noqa: S603 - our own program
            python_command(_PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What is sent to this process and its group is not meant for the helper.
            start_new_session=os.name == "posix",
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._channel = Channel(process.stdout, process.stdin)
        with contextlib.suppress(OSError):
            self._channel.send((_PACKAGE_FOLDER, sys.path, self._own_modules()))
            self._channel.send(self._job)
        message = self._channel.receive()
        if not isinstance(message, Started):
            self._close(process)
            raise _not_started(message)
        self.sampling = message.sampling
        self._thread.start()

    def _own_modules(self) -> list[str]:
        """Return the modules of this package that the job needs."""
        modules = {type(each).__module__ for each in (*self._job.probes, self._job.storage)}
        return sorted(name for name in modules if name.partition(".")[0] == _PACKAGE)

    def sample_soon(self) -> None:
        """Have a sample taken now, beside those of the cycle; wait for nothing."""
        self._tell(Sample())

    def mark(self, time_ns: int, label: str) -> None:
        """Tell the helper of a mark, for the case that it must store the run."""
        self._tell(MarkMessage(time_ns, label))

    def end(self) -> None:
        """Have the last sample taken at once, and end the helper."""
        assert self._process is not None
        self._tell(End())
        self._thread.join(_PATIENCE)
        self._close(self._process)
        self._thread.join()
        if not self._ended:
            log().warning(
                "The helper process ended early, with status %s: samples are missing.",
                self._process.returncode,
            )

    def _tell(self, message: object) -> None:
        assert self._channel is not None
        with contextlib.suppress(OSError):  # the receiver finds out, too
            self._channel.send(message)

    def _receive(self) -> None:
        assert self._channel is not None
        cpu_before, time_before = time.thread_time(), self.sampling.started_ns
        while (message := self._channel.receive()) is not None:
            if isinstance(message, PointMessage):
                if GIL_KEY in message.values:
                    cpu, seconds = time.thread_time(), (message.time_ns - time_before) / 1e9
                    message.values[GIL_KEY] = (cpu - cpu_before) / max(seconds, 1e-9)
                    cpu_before, time_before = cpu, message.time_ns
                self._keep(message)
            elif isinstance(message, Log):
                log().log(message.level, "%s", message.text)
            elif isinstance(message, Ended):
                self.sampling, self.measures = message.sampling, message.measures
                self.sampling.gil_time = time.thread_time()
                self._ended = True

    def _keep(self, point: PointMessage) -> None:
        try:
            self._sink(point.time_ns, point.values)
        except Exception as error:  # noqa: BLE001 - the thread goes on
            if not self._failed:
                self._failed = True
                log().warning("Multimeter could not keep a point.", exc_info=error)

    def _close(self, process: subprocess.Popen[bytes]) -> None:
        """End the helper, whatever it does."""
        if self._thread.is_alive():
            process.kill()
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not self._thread.is_alive():
            assert process.stdout is not None
            process.stdout.close()


def _check(probe: Probe) -> None:
    """Make sure that a probe can be handed over."""
    kind = type(probe)
    try:
        pickle.dumps(probe)
        in_main = kind.__module__ == "__main__"
    except Exception as error:
        raise ConfigurationError(
            f"{kind.__name__} cannot be handed to the helper process: {error}",
            cause="It cannot be pickled.",
            next_step="Use Multimeter(..., sampler='thread').",
        ) from error
    if in_main:
        raise ConfigurationError(
            f"{kind.__name__} cannot be handed to the helper process.",
            cause="It is defined in the program that runs, which cannot be imported.",
            next_step="Move the class into a module of its own.",
        )


def _handed_over(storage: Storage) -> Storage | None:
    """Return the storage, if the helper can have it and it keeps anything at all."""
    if isinstance(storage, DummyStorage):
        return None
    try:
        pickle.dumps(storage)
        in_main = type(storage).__module__ == "__main__"
    except Exception:  # noqa: BLE001 - pickling raises all kinds
        in_main = True
    if in_main:
        log().warning(
            "%s cannot be handed to the helper process: if this process crashes, the "
            "run is not stored.",
            type(storage).__name__,
        )
        return None
    return storage


def _not_started(message: Any) -> ProbeError:
    if isinstance(message, Failed):
        return ProbeError(message.what, cause=message.cause, next_step=message.next_step)
    return ProbeError(
        "The helper process could not start.",
        cause="It says why on the standard error stream.",
        next_step="Mend its cause, or use Multimeter(..., sampler='thread').",
    )
