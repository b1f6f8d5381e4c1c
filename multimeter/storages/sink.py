"""A storage over any sink: live runs are delivered, whole results are sent."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from multimeter.data.timestamps import from_ns
from multimeter.delivery import Delivery
from multimeter.delivery.settings import DeliveryOptions
from multimeter.errors import StorageError
from multimeter.lines.result_encoder import encode_result
from multimeter.result import Mark, Result
from multimeter.sinks.base import Accepted, Answer, Batch, Rejected, Retry, Sink
from multimeter.storages.base import Storage
from multimeter.storages.free_identifier import FreeIdentifiers
from multimeter.storages.live_run import LiveRun
from multimeter.system.log import log

__all__ = ["SinkStorage"]

_DEFAULTS = DeliveryOptions()
_STORE_AGAIN = "Store the result again: it is still in memory."


class SinkStorage(Storage):
    """Brings runs to a sink, while they go on or at their end.

    The points of a live run go through a :class:`~multimeter.delivery.Delivery`: failures
    of the server neither slow nor break what is measured. Whole results are sent in
    batches whose identities follow from their bytes, so that storing a result again
    after an error doubles nothing.

    ::

        storage = SinkStorage(MySink(), DeliveryOptions(spool="~/spool"))
        with Multimeter(ResourceProbe(), storage=storage).measure("my-run"):
            work()

    Args:
        sink: Where runs go. The storage owns it, and closes it. Another process that gets
            the storage (pickle) gets a copy of the sink.
        options: How live runs are delivered, and how many lines a batch has.
        live: Whether points are sent while the run goes on, or all at its end.
        end_timeout: How many seconds the end of a run waits for what has not arrived.
        has_run: Returns whether the place has a run of an identifier, as far as that can
            be asked; see :meth:`free_identifier`.
    """

    def __init__(
        self,
        sink: Sink,
        options: DeliveryOptions = _DEFAULTS,
        *,
        live: bool = True,
        end_timeout: float = 10.0,
        has_run: Callable[[str], bool] | None = None,
    ) -> None:
        self._sink = sink
        self._shared = _SharedSink(sink)
        self._options = options
        self._is_live = live
        self._end_timeout = end_timeout
        self._has_run = has_run
        self._identifiers = FreeIdentifiers(has_run)
        self._runs: dict[int, LiveRun] = {}
        self._lock = threading.Lock()
        self._delivery: Delivery | None = None
        self._refused = 0
        self._waiting = 0

    def __getstate__(self) -> dict[str, Any]:
        # Another process makes one of its own: locks and threads stay here.
        return {
            "sink": self._sink,
            "options": self._options,
            "live": self._is_live,
            "end_timeout": self._end_timeout,
            "has_run": self._has_run,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        SinkStorage.__init__(self, **state)

    def free_identifier(self, identifier: str) -> str:
        """Return the identifier, with a number where a run has it that is known here."""
        return self._identifiers.take(identifier)

    def reserve_identifier(self, identifier: str) -> str:
        """Return such an identifier ahead of the start, so that the start need not ask."""
        return self._identifiers.reserve(identifier)

    def open(self, result: Result) -> None:
        """Begin to send a run: its entry in the list of runs goes first."""
        if self._is_live:
            with self._lock:
                self._delivery = self._delivery or Delivery(
                    self._shared, **self._options.keywords()
                )
            run = LiveRun(result, self._delivery.put_line)
            self._runs[id(result)] = run

    def append(self, result: Result, timestamp: int, values: Mapping[str, Any]) -> None:
        """Send a point of a run."""
        if run := self._runs.get(id(result)):
            try:
                run.append(timestamp, values)
            except BaseException:
                # Then all of it is stored at its end.
                del self._runs[id(result)]
                raise

    def mark(self, result: Result, mark: Mark) -> None:
        """Send a mark of a run."""
        if run := self._runs.get(id(result)):
            for time_ns, label in reversed(result.marks_ns):
                if label == mark.label and from_ns(time_ns) == mark.datetime:
                    run.mark(time_ns, label)
                    return

    def store(self, result: Result) -> None:
        """Write a result; of a run that was sent while it went on, its end.

        Args:
            result: What was measured; it needs an identifier.

        Raises:
            StorageError: The server cannot be reached or refused some of it. For a run
                that was sent while it went on, the log says so, as nothing is lost.
            FormatError: The result has no identifier, or measure keys that line
                protocol cannot distinguish.
        """
        run = self._runs.pop(id(result), None)
        if run is None or self._delivery is None:
            self.store_lines(encode_result(result))
            log().debug("Stored %r at %s.", result.identifier, self._sink.name)
        else:
            self._end(run, self._delivery)

    def _end(self, run: LiveRun, delivery: Delivery) -> None:
        run.close()
        if not delivery.flush(self._end_timeout, patient=False):
            spilled = delivery.spill()
            log().warning("%s", _left(run, delivery, spilled=spilled))
        stats = delivery.stats()
        dropped = sum(stats.dropped.values()) - stats.dropped.get("no value", 0)
        refused = stats.rejected + dropped
        if refused > self._refused:
            log().warning(
                "%d points were refused by %s for good, or dropped: see %s.",
                refused - self._refused,
                self._sink.name,
                delivery.rejects,
            )
            self._refused = refused

    def store_lines(self, lines: Iterable[bytes]) -> None:
        """Write lines as they are, without a run's entry beside them.

        Args:
            lines: Line protocol in UTF-8, without newlines at the ends, times in ns.

        Raises:
            StorageError: The server cannot be reached or refused some of it.
        """
        refused: list[StorageError] = []
        size = max(1, self._options.batch_size)
        rest = iter(lines)
        with ThreadPoolExecutor(1, "multimeter-store") as sender:
            sent: Future[list[StorageError]] | None = None
            # Each batch is encoded while the server takes the one before.
            while some := list(islice(rest, size)):
                refused += sent.result() if sent else []
                sent = self._submit(sender, some)
            refused += sent.result() if sent else []
        if refused:
            raise refused[0]

    def _submit(
        self, sender: ThreadPoolExecutor, lines: list[bytes]
    ) -> Future[list[StorageError]]:
        try:
            return sender.submit(self._write, lines)
        except RuntimeError:  # the interpreter ends, and starts no thread any more
            done: Future[list[StorageError]] = Future()
            done.set_result(self._write(lines))
            return done

    def _write(self, lines: list[bytes]) -> list[StorageError]:
        """Write a batch; return what was refused of it while the rest was stored."""
        body_hash = hashlib.sha256(b"\n".join(lines)).hexdigest()
        try:
            answer = self._shared.send(Batch(body_hash[:32], lines))
        except Exception as error:
            raise StorageError(
                f"{self._sink.name} failed: {error!r}", next_step=_STORE_AGAIN
            ) from error
        if isinstance(answer, Accepted):
            return []
        problem = StorageError(
            f"{self._sink.name}: {answer.reason}", next_step=_next_step(answer)
        )
        if isinstance(answer, Retry) or not answer.others_stored:
            raise problem
        return [problem]

    def close(self, *, quiet: bool = False) -> int:
        """Deliver what waits, and close the connections; see :meth:`Storage.close`."""
        lost = 0
        if self._delivery:
            report = self._delivery.close(self._end_timeout)
            lost = report.lost
            self._waiting = report.queued - report.lost
            if not (report.complete or quiet or self._delivery.is_reported(report)):
                log().warning("%s: %s.", self._sink.name, report)
        self._shared.close()
        return lost

    @property
    def waiting(self) -> int:
        """How many points wait in a spool, after :meth:`close`."""
        return self._waiting


class _SharedSink:
    """A sink that a delivery and whole results use in turn."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._sink.name

    @property
    def address(self) -> Mapping[str, str]:
        return self._sink.address

    def send(self, batch: Batch) -> Answer:
        with self._lock:
            return self._sink.send(batch)

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        self._sink.after_fork()

    def close(self) -> None:
        self._sink.close()


def _next_step(answer: Retry | Rejected) -> str:
    if isinstance(answer, Retry):
        return f"{answer.next_step} {_STORE_AGAIN}".lstrip()
    if answer.too_large:
        return "Use a smaller batch_size."
    if answer.others_stored:
        return "Rename a measure that changed its type; all else was stored."
    return _STORE_AGAIN


def _left(run: LiveRun, delivery: Delivery, *, spilled: bool) -> str:
    queued = delivery.stats().queued
    summary = (
        f"The run '{run.result.identifier}' has ended, and {queued} points have not "
        "arrived yet:"
    )
    if spilled:
        return (
            f"{summary} they lie in {delivery.spool}, and are sent as soon as the server "
            f"takes them, by this program or by: {delivery.command}"
        )
    return (
        f"{summary} they wait in memory only, as {delivery.spool} cannot be written. They "
        "are sent when the server takes them before this program ends; else they are lost."
    )
