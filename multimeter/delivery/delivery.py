"""The public interface of background delivery: put, flush, spill, close."""

from __future__ import annotations

import os
import pathlib
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from multimeter.data.record import Record
from multimeter.delivery.backlog import deliver_command
from multimeter.delivery.health import HealthSink
from multimeter.delivery.incident_log import IncidentLog
from multimeter.delivery.queue import Queue
from multimeter.delivery.rejects import RejectsFile
from multimeter.delivery.settings import RetryPolicy, Settings, Tier, WhenFull
from multimeter.delivery.spool import default_spool, is_usable
from multimeter.delivery.stats import Counters, Report, Stats
from multimeter.delivery.worker import Worker
from multimeter.delivery.worker_thread import RECHECK_SECONDS, WorkerThread
from multimeter.errors import ConfigurationError, QueueFullError, StateError, StorageError
from multimeter.lines.protocol import encode_record
from multimeter.sinks.base import Sink
from multimeter.system.log import log
from multimeter.system.process_hooks import call_after_fork, call_at_exit

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Delivery"]


class Delivery:
    """Queues records and sends them to a sink in the background.

    Every accepted record is accounted for: it is delivered, written to the rejects file
    with the server's reason, still queued, or dropped by a limit that was set here and
    counted. Retries make no duplicates: a batch keeps its bytes and its identity however
    often it is sent, also when the next program sends it after a crash.

    ::

        with Delivery(InfluxDBSink(token), spool="~/spool") as delivery:
            delivery.put(Record("lab", {"room": "1"}, {"temperature": 21.5}, None))

    It is thread-safe. After a fork, the child process starts with an empty queue and its
    own thread; the records of the parent stay with the parent.

    Args:
        sink: Where records go. The delivery owns it, and closes it.
        spool: The folder of the queue on disk. Programs can share it. Records that an
            earlier program left in it for the same sink are sent first.
        tier: What a record survives once :meth:`put` has returned: ``memory``: nothing;
            ``spool``: the program being killed; ``spool+fsync``: a loss of power (``put``
            then waits some ms for the disk). By default ``spool`` if one is given.
        when_full: What happens when the queue is full. ``spill``: records go from memory
            to the spool (by default ``~/.multimeter/spool``); when that is full, too,
            new records are dropped. ``drop_oldest``: the oldest are dropped. ``block``:
            ``put`` waits. ``raise``: it raises :class:`QueueFullError`.
        max_records: The maximum number of records in memory.
        max_bytes: The maximum number of bytes in memory.
        max_spool_bytes: The maximum number of bytes on disk.
        batch_size: The maximum number of records in one batch.
        linger: How many seconds a record waits at most for others to fill a batch.
        rejects: The file for records that the server refused for good, as JSON lines;
            by default ``rejects.jsonl`` in the spool.
        retry: How long to wait after a failed attempt.
        exit_timeout: How many seconds the exit of the program waits for queued records.
        health: Whether to send the statistics to the sink, too, every ten seconds and at
            the end, as measurement ``multimeter_health``. The sink must accept any
            measurement.

    Raises:
        ConfigurationError: An argument is invalid, or the spool cannot be written.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of the user
        self,
        sink: Sink,
        *,
        spool: str | os.PathLike[str] | None = None,
        tier: Tier | None = None,
        when_full: WhenFull = "spill",
        max_records: int = 1_000_000,
        max_bytes: int = 64 * 2**20,
        max_spool_bytes: int = 2**30,
        batch_size: int = 5_000,
        linger: float = 0.2,
        rejects: str | os.PathLike[str] | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - it has no state
        exit_timeout: float = 5.0,
        health: bool = False,
    ) -> None:
        folder = _path(spool) or (default_spool() if when_full == "spill" else None)
        self._settings = Settings(
            tier=tier or ("memory" if spool is None else "spool"),
            spool=folder,
            when_full=when_full,
            max_records=max_records,
            max_bytes=max_bytes,
            max_spool_bytes=max_spool_bytes,
            batch_size=batch_size,
            linger=linger,
            retry=retry,
            exit_timeout=exit_timeout,
        )
        self._sink = HealthSink(sink, self.stats) if health else sink
        self._rejects = RejectsFile(
            _path(rejects) or (folder or default_spool()) / "rejects.jsonl",
            sync=tier == "spool+fsync",
        )
        self._exit_timeout = exit_timeout
        self._report: Report | None = None
        if self._settings.tier != "memory" and folder and not is_usable(folder):
            raise ConfigurationError(
                f"The spool {folder} cannot be written.",
                cause="It belongs to another user, or is on a read-only disk.",
                next_step="Choose another folder.",
            )
        self._last_time_ns = 0
        self._set_up()
        self._queue.take_over()
        if self._queue.waiting:
            self._wake_up()
        call_after_fork(self._after_fork)

    def _set_up(self) -> None:
        """Create the state of this process: lock, queue, worker, counters."""
        # Reentrant: a signal handler that interrupts a put may call put.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._counters = Counters()
        self._reported = 0
        self._incidents = IncidentLog(time.monotonic)
        self._queue = Queue(
            self._settings, self._sink.address, self._counters, self._incidents
        )
        self._worker = Worker(
            self._sink,
            self._queue,
            self._settings,
            self._counters,
            self._incidents,
            self._rejects,
            self._lock,
        )
        self._thread = WorkerThread(
            self._sink.name, self._worker, self._incidents, self._changed, self._end
        )
        self._forget_exit: Callable[[], None] = lambda: None
        self._closed = self._report is not None

    def put(self, record: Record) -> None:
        """Queue a record; one without a time gets the current time.

        Databases cannot store NaN and infinity: such a field is left out and counted. A
        record without any other field is counted as dropped.

        Raises:
            FormatError: Two of its tags cannot be distinguished in line protocol.
            ConfigurationError: Its time is not an integer.
            QueueFullError: The queue is full, and the policy is to raise.
            StateError: The delivery is closed.
            StorageError: The disk failed, with the tier ``spool+fsync``.
        """
        time_ns = self._stamp() if record.time_ns is None else None
        line, left_out = encode_record(record, time_ns)
        self.put_line(line.encode() if line else None, left_out)

    def put_line(self, line: bytes | None, left_out: int = 0) -> None:
        """Queue a record that is already encoded.

        Args:
            line: One line of line protocol, with a time in ns and without a trailing
                newline; None for a record without any value, which is counted.
            left_out: How many of its fields could not be encoded.

        Raises:
            QueueFullError: The queue is full, and the policy is to raise.
            StateError: The delivery is closed.
            StorageError: The disk failed, with the tier ``spool+fsync``.
        """
        with self._lock:
            ticket = 0
            if left_out:
                self._counters.left_out += left_out
            if self._closed:
                raise self._is_closed()
            if line:
                ticket = self._put(line)
            else:
                self._counters.refuse("no value")
            waiting = self._queue.waiting
        if waiting in (1, self._settings.batch_size):
            self._wake_up()
        if self._incidents.pending:
            self._incidents.flush()
        if ticket and self._settings.tier == "spool+fsync":
            self._commit(ticket)

    def _put(self, line: bytes) -> int:
        while True:
            try:
                return self._queue.put(line)
            except QueueFullError:
                if self._settings.when_full != "block":
                    raise
                # Another program may have freed disk space.
                self._changed.wait(RECHECK_SECONDS)
                if self._closed:
                    raise self._is_closed() from None

    def _commit(self, ticket: int) -> None:
        try:
            self._queue.commit(ticket)
        except OSError as error:
            raise StorageError(
                f"A point may be lost in a power failure: {error}",
                cause="The disk is failing.",
            ) from error

    def _is_closed(self) -> StateError:
        return StateError(
            f"The delivery to {self._sink.name} is closed.",
            next_step="Put points before close(), or create another delivery.",
        )

    def _stamp(self) -> int:
        """Return the current time in ns; it increases even if the clock is set back."""
        with self._lock:
            self._last_time_ns = max(time.time_ns(), self._last_time_ns + 1)
            return self._last_time_ns

    def flush(self, timeout: float | None = None, *, patient: bool = True) -> bool:
        """Wait until all records put so far have been delivered, rejected or dropped.

        Args:
            timeout: The maximum time to wait, in s; None waits without limit.
            patient: Whether to keep waiting while the server fails. If not, it returns
                after one more attempt, and waits a second at most for that if the
                attempt before has failed, too.

        Returns:
            Whether none of these records is left in the queue.
        """
        with self._lock:
            counters, worker = self._counters, self._worker
            target, retries = counters.stored, counters.retries
            if not patient and worker.is_retrying:
                timeout = min(1.0, 1.0 if timeout is None else timeout)
            worker.retry_now()

            def is_over() -> bool:
                failed = not patient and counters.retries > retries
                return failed or counters.settled >= target

            if not is_over():
                self._wake_up()
                if self._thread.is_started:
                    self._changed.wait_for(is_over, timeout)
        if not self._thread.is_started:
            self._thread.work(is_over, timeout)
        return counters.settled >= target

    def spill(self) -> bool:
        """Move the records in memory to the spool.

        The caller reports them, so the exit of the program does not report them again.

        Returns:
            Whether all of them are on disk now.
        """
        with self._lock:
            spilled = self._queue.spill(self._worker.claimed)
            self._reported = self._counters.queued if spilled else 0
        self._incidents.flush()
        return spilled

    def close(self, timeout: float = 10.0) -> Report:
        """Deliver what can be delivered in time, and stop the thread.

        Records that are left are moved to the spool, if there is one. Closing twice is
        harmless.

        Args:
            timeout: The maximum time to wait, in s.

        Returns:
            How many records were delivered, and where the others are.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            self._closed = True
            self._changed.notify_all()
        if self._report is None:
            self._forget_exit()
            self.flush(timeout)
            with self._lock:
                self._report = self._make_report()
            self._incidents.flush()
            self._thread.stop(deadline)
        return self._report

    def _make_report(self) -> Report:
        stats = self._counters.stats()
        if stats.queued:
            self._queue.spill(self._worker.claimed)
        lost = min(stats.queued, self._queue.in_memory(self._worker.claimed))
        return Report(
            delivered=stats.delivered,
            rejected=stats.rejected,
            queued=stats.queued,
            dropped=sum(stats.dropped.values()),
            spool=self._queue.spool if stats.queued > lost else None,
            rejects=self._rejects.path if stats.rejected else None,
            lost=lost,
            command=self.command,
        )

    def stats(self) -> Stats:
        """Return the current statistics."""
        with self._lock:
            return self._counters.stats()

    @property
    def spool(self) -> pathlib.Path | None:
        """The folder of the queue on disk, or None."""
        return self._queue.spool

    @property
    def command(self) -> str:
        """The command that sends the records in the spool; empty without a spool."""
        spool = self._queue.spool
        return deliver_command(spool, self._sink.address) if spool else ""

    @property
    def rejects(self) -> pathlib.Path:
        """The file of records that the server refused for good; it may not exist yet."""
        return self._rejects.path

    def __enter__(self) -> Self:
        """Return the delivery itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, and log what was not delivered."""
        self._log(self.close())

    def __repr__(self) -> str:
        return f"<Delivery to {self._sink.name}: {self.stats()}>"

    def _wake_up(self) -> None:
        with self._lock:
            if not self._thread.is_started and self._report is None:
                self._thread.start()
                self._forget_exit = call_at_exit(self._at_exit)
        self._thread.wake()

    def _end(self) -> None:
        try:
            with self._lock:
                self._queue.close()
        finally:
            self._sink.close()

    def is_reported(self, report: Report) -> bool:
        """Return whether the caller of :meth:`spill` has reported all of a report."""
        unreported = report.lost or report.rejected or report.dropped
        return report.queued == self._reported and not unreported

    def _at_exit(self) -> None:
        report = self.close(self._exit_timeout)
        if not self.is_reported(report):
            self._log(report)

    def _log(self, report: Report) -> None:
        if not report.complete:
            log().warning("%s: %s.", self._sink.name, report)

    def _after_fork(self) -> None:
        """Start with an empty queue in a child process."""
        self._queue.abandon()
        self._sink.after_fork()
        self._set_up()


def _path(path: str | os.PathLike[str] | None) -> pathlib.Path | None:
    return None if path is None else pathlib.Path(path).expanduser().absolute()
