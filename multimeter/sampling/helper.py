"""The program of the helper process."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from multimeter.data.values import simple, text_of
from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.result import Result
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
from multimeter.sampling.sampler import Sampler
from multimeter.schema import Schema
from multimeter.system.log import log

__all__ = ["Helper", "main"]

_PATIENCE = 0.5

LOST = "the measured process ended without ending the measurement"


class _Orphaned:
    """The helper tells itself that its parent has ended."""


class Helper:
    """Samples as long as the measured process is there, and stores in its place then.

    Args:
        job: What to do.
        channel: The messages of the measured process.
        parent: Tells the id of the parent process; another one when it has ended.
    """

    def __init__(
        self, job: Job, channel: Channel, parent: Callable[[], int] = os.getppid
    ) -> None:
        self._job = job
        self._channel = channel
        self._parent = parent
        self._is_orphan = False
        self._told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # Sampling must never wait for the other process to read.
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._result = Result(*job.probes, identifier=job.identifier, tags=job.tags)
        self._sampler = Sampler(
            job.probes,
            job.cycle_time,
            self._keep,
            max_overhead=job.max_overhead,
            inside=False,
        )

    def run(self) -> None:
        """Sample until the end."""
        try:
            self._sampler.start()
        except MultimeterError as error:
            self._channel.send(Failed(error.what, error.cause, error.next_step))
            return
        self._channel.send(Started(self._sampler.sampling))
        threading.Thread(target=self._listen, daemon=True).start()
        sender = threading.Thread(target=self._send, daemon=True)
        sender.start()
        message = self._wait_for_the_end()
        self._sampler.end()
        if message is None:
            self._store()
        else:
            self._outbox.put(Ended(self._sampler.sampling, self._sampler.measures))
        self._outbox.put(None)
        sender.join()

    def _keep(self, time_ns: int, values: dict[str, Any]) -> None:
        # What cannot be pickled here, or unpickled there, would end the measurement.
        values = {text_of(key): simple(value) for key, value in values.items()}
        if self._job.storage is not None:
            self._result.append(time_ns, values)
        self._outbox.put(PointMessage(time_ns, values))
        if self._parent() != self._job.parent and not self._is_orphan:
            self._is_orphan = True  # its children may hold the pipe open
            self._told.put(_Orphaned())

    def _listen(self) -> None:
        message: Any = True
        while message is not None and not isinstance(message, End):
            message = self._channel.receive()
            self._told.put(message)

    def _send(self) -> None:
        try:
            while (message := self._outbox.get()) is not None:
                self._channel.send(message)
        except OSError:
            pass  # the other side is gone, which the listener finds out, too

    def _wait_for_the_end(self) -> End | None:
        """Return the last message; None when the parent ended without one."""
        patience = None
        while True:
            try:
                message = self._told.get(timeout=patience)
            except queue.Empty:
                return None
            if isinstance(message, MarkMessage):
                self._result.add_mark(message.time_ns, message.label)
            elif isinstance(message, Sample):
                self._sampler.sample_soon()
            elif isinstance(message, _Orphaned):
                # What the parent said before it ended may still be on its way.
                patience = _PATIENCE
            else:
                return message if isinstance(message, End) else None

    def log(self, level: int, text: str) -> None:
        """Have the measured process log something."""
        self._outbox.put(Log(level, text))

    def _store(self) -> None:
        if self._job.storage is None:
            return
        result = self._result
        with contextlib.suppress(ConfigurationError):
            result.schema = Schema.of_measures(self._sampler.measures)
        result.add_meta_data(**self._sampler.sampling.meta_data())
        result.add_mark(self._sampler.time_ns(), LOST)
        try:
            self._job.storage.store(result)
        except Exception as error:  # noqa: BLE001 - who could store it later is gone
            from multimeter.storages.fallback import rescue

            what = error.what if isinstance(error, MultimeterError) else repr(error)
            try:
                where = f"The run is in {rescue(result)}."
            except MultimeterError:
                where = "The run is lost."
            sys.stderr.write(f"multimeter: {what}\n{where}\n")


class _Handler(logging.Handler):
    """Lets the measured process log what the helper has to say."""

    def __init__(self, helper: Helper) -> None:
        super().__init__()
        self._helper = helper

    def emit(self, record: logging.LogRecord) -> None:
        self._helper.log(record.levelno, self.format(record))


def main(path: Sequence[str], modules: Sequence[str]) -> None:
    """Run as a program: messages come in at standard input and go out at its output.

    Args:
        path: Where the measured process looks for modules, in order: probes may need any.
        modules: Modules of this package to import before the path is in force.
    """
    for name in modules:
        importlib.import_module(name)
    sys.path[:] = path
    if hasattr(signal, "SIGINT"):
        # Whoever is measured decides what Ctrl-C means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.stderr is None:  # the program that is measured has closed it
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a probe may print
    channel = Channel(sys.stdin.buffer, outgoing)
    job = channel.receive()
    if isinstance(job, Job):
        helper = Helper(job, channel)
        log().addHandler(_Handler(helper))
        log().propagate = False
        helper.run()
    sys.stderr.flush()
    # The listener may still wait for a process that is gone; nobody waits for it.
    os._exit(0)
