"""The main program of the helper process."""

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

_ORPHAN_SECONDS = 0.5

LOST = "the measured process ended without ending the measurement"


class _Orphaned:
    """Queued by the helper itself: the measured process has ended."""


class Helper:
    """Samples the measured process, and stores the run if that process dies.

    Args:
        job: The settings of the run.
        channel: The connection to the measured process.
        parent: Returns the id of the parent process, which changes when it ends.
    """

    def __init__(
        self, job: Job, channel: Channel, parent: Callable[[], int] = os.getppid
    ) -> None:
        self._job = job
        self._channel = channel
        self._parent = parent
        self._is_orphan = False
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # Queued, so that sampling never waits for the other process to read.
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._result = Result(*job.probes, identifier=job.identifier, tags=job.tags)
        self._result.id = job.run_id
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
        message = self._wait_for_end()
        self._sampler.end()
        if message is None:
            self._store()
        else:
            self._outbox.put(Ended(self._sampler.sampling, self._sampler.measures))
        self._outbox.put(None)
        sender.join()

    def _keep(self, time_ns: int, values: dict[str, Any]) -> None:
        # Simple values only: a pickling error on either side would end the measurement.
        values = {text_of(key): simple(value) for key, value in values.items()}
        if self._job.storage is not None:
            self._result.append(time_ns, values)
        self._outbox.put(PointMessage(time_ns, values))
        if self._parent() != self._job.parent and not self._is_orphan:
            # The pipe may stay open: children of the parent have inherited it.
            self._is_orphan = True
            self._inbox.put(_Orphaned())

    def _listen(self) -> None:
        message: Any = True
        while message is not None and not isinstance(message, End):
            message = self._channel.receive()
            self._inbox.put(message)

    def _send(self) -> None:
        try:
            while (message := self._outbox.get()) is not None:
                self._channel.send(message)
        except OSError:
            pass  # the other side has closed the pipe, which ends the listener, too

    def _wait_for_end(self) -> End | None:
        """Return the End message; None if the parent ended without sending it."""
        timeout = None
        while True:
            try:
                message = self._inbox.get(timeout=timeout)
            except queue.Empty:
                return None
            if isinstance(message, MarkMessage):
                self._result.add_mark(message.time_ns, message.label)
            elif isinstance(message, Sample):
                self._sampler.sample_soon()
            elif isinstance(message, _Orphaned):
                # Messages that the parent sent before it ended may still be in the pipe.
                timeout = _ORPHAN_SECONDS
            else:
                return message if isinstance(message, End) else None

    def log(self, level: int, text: str) -> None:
        """Send a log message to the measured process."""
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
        except Exception as error:  # noqa: BLE001 - the last chance to save the run
            from multimeter.storages.file import rescue

            what = error.what if isinstance(error, MultimeterError) else repr(error)
            try:
                where = f"The run is in {rescue(result)}."
            except MultimeterError:
                where = "The run is lost."
            sys.stderr.write(f"multimeter: {what}\n{where}\n")


class _Handler(logging.Handler):
    """Forwards log messages of the helper to the measured process."""

    def __init__(self, helper: Helper) -> None:
        super().__init__()
        self._helper = helper

    def emit(self, record: logging.LogRecord) -> None:
        self._helper.log(record.levelno, self.format(record))


def main(path: Sequence[str], modules: Sequence[str]) -> None:
    """Run the helper, with messages on standard input and output.

    Args:
        path: The module search path of the measured process: probes may need it.
        modules: Modules of this package to import before the path is set.
    """
    for name in modules:
        importlib.import_module(name)
    sys.path[:] = path
    if hasattr(signal, "SIGINT"):
        # The measured process handles Ctrl-C.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.stderr is None:  # the measured process has closed it
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # for probes that print
    channel = Channel(sys.stdin.buffer, outgoing)
    job = channel.receive()
    if isinstance(job, Job):
        helper = Helper(job, channel)
        log().addHandler(_Handler(helper))
        log().propagate = False
        helper.run()
    sys.stderr.flush()
    # Exit without joining the listener: it may be blocked on a process that has ended.
    os._exit(0)
