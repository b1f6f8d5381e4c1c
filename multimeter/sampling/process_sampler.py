"""The client side of the helper process."""

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
from multimeter.sampling.clock import SystemClock
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

# The helper loads the same copy of this package as this process. Its dependencies are
# imported from the installation first, so that folders added by this program cannot shadow
# them; modules of probes are then imported with the search path of this program.
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
_TIMEOUT_SECONDS = 10.0


class HelperSampler:
    """Starts a helper process that samples the probes, and receives its points.

    Args:
        probes: The probes, which measure from outside, see
            :meth:`multimeter.Probe.for_process`.
        cycle_time: Seconds between two samples.
        sink: Receives each point: ns since the epoch (strictly increasing) and values.
        identifier: The name of the run.
        run_id: The id of the run.
        tags: The tags of the run.
        storage: Where the helper stores the run if this process dies.
        max_overhead: The maximum CPU time of sampling, in s per s, or None for no limit.

    Attributes:
        sampling: The state of sampling; updated at the start and at the end.
        measures: The measures of all probes; updated at the end.

    Raises:
        ConfigurationError: A probe cannot be passed to another process.
        UnsupportedError: There is no Python interpreter to start.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        cycle_time: float,
        sink: Callable[[int, dict[str, Any]], None],
        *,
        identifier: str,
        run_id: str,
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
            run_id,
            dict(tags),
            _storage_for_helper(storage),
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
        """How many ticks passed without a sample; updated at the end."""
        return self.sampling.missed

    def time_ns(self) -> int:
        """Return the time on the clock of the points, in ns since the epoch."""
        return self.sampling.clock.time_ns(SystemClock())

    def start(self) -> None:
        """Start the helper process, which starts the probes.

        Raises:
            ProbeError: A probe or the helper could not start.
        """
        self._process = process = subprocess.Popen(  # noqa: S603 - our own program
            python_command(_PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Signals to this process group, such as Ctrl-C, must not reach the helper.
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
            raise _start_error(message)
        self.sampling = message.sampling
        self._thread.start()

    def _own_modules(self) -> list[str]:
        """Return the modules of this package that the job needs."""
        modules = {type(each).__module__ for each in (*self._job.probes, self._job.storage)}
        return sorted(name for name in modules if name.partition(".")[0] == _PACKAGE)

    def sample_soon(self) -> None:
        """Request an extra sample now, without waiting for it."""
        self._send(Sample())

    def mark(self, time_ns: int, label: str) -> None:
        """Send a mark to the helper, in case it has to store the run."""
        self._send(MarkMessage(time_ns, label))

    def end(self) -> None:
        """Request the last sample, and end the helper."""
        assert self._process is not None
        self._send(End())
        self._thread.join(_TIMEOUT_SECONDS)
        self._close(self._process)
        self._thread.join()
        if not self._ended:
            log().warning(
                "The helper process ended early, with status %s: samples are missing.",
                self._process.returncode,
            )

    def _send(self, message: object) -> None:
        assert self._channel is not None
        with contextlib.suppress(OSError):  # the receiver notices a closed pipe, too
            self._channel.send(message)

    def _receive(self) -> None:
        assert self._channel is not None
        cpu_before, time_before = time.thread_time(), self.sampling.clock.started_ns
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
        except Exception as error:  # noqa: BLE001 - the thread must survive
            if not self._failed:
                self._failed = True
                log().warning("Multimeter could not keep a point.", exc_info=error)

    def _close(self, process: subprocess.Popen[bytes]) -> None:
        """End the helper, by force if necessary."""
        if self._thread.is_alive():
            process.kill()
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not self._thread.is_alive():
            assert process.stdout is not None
            process.stdout.close()


def _check(probe: Probe) -> None:
    """Raise ConfigurationError if a probe cannot be passed to the helper."""
    kind = type(probe)
    try:
        pickle.dumps(probe)
        in_main = kind.__module__ == "__main__"
    except Exception as error:
        raise ConfigurationError(
            f"{kind.__name__} cannot be passed to the helper process: {error}",
            cause="It cannot be pickled.",
            next_step="Use Multimeter(..., sampler='thread').",
        ) from error
    if in_main:
        raise ConfigurationError(
            f"{kind.__name__} cannot be passed to the helper process.",
            cause="It is defined in the main program, which cannot be imported.",
            next_step="Move the class into a module of its own.",
        )


def _storage_for_helper(storage: Storage) -> Storage | None:
    """Return the storage, if it can be passed to the helper and stores anything."""
    if isinstance(storage, DummyStorage):
        return None
    try:
        pickle.dumps(storage)
        in_main = type(storage).__module__ == "__main__"
    except Exception:  # noqa: BLE001 - pickling may raise anything
        in_main = True
    if in_main:
        log().warning(
            "%s cannot be passed to the helper process: if this process crashes, the "
            "run is not stored.",
            type(storage).__name__,
        )
        return None
    return storage


def _start_error(message: Any) -> ProbeError:
    if isinstance(message, Failed):
        return ProbeError(message.what, cause=message.cause, next_step=message.next_step)
    return ProbeError(
        "The helper process could not start.",
        cause="The reason is on the standard error stream.",
        next_step="Fix the cause, or use Multimeter(..., sampler='thread').",
    )
