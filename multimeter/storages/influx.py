"""A storage for InfluxDB 2, and for every server that speaks its write API."""

from __future__ import annotations

import functools
import http.client
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from multimeter.connection import (
    DEFAULT_BUCKET,
    DEFAULT_ORG,
    DEFAULT_URL,
    Connection,
    find_connection,
)
from multimeter.data.identifiers import is_made_up
from multimeter.data.timestamps import from_ns
from multimeter.delivery import Delivery, Tier
from multimeter.errors import StorageError
from multimeter.lines.result_encoder import encode_batches
from multimeter.result import Mark, Result
from multimeter.sinks.http_answers import NEXT_STEPS, message_of
from multimeter.sinks.influx import InfluxDBSink
from multimeter.sinks.write_client import Token, WriteClient
from multimeter.storages.base import Storage
from multimeter.storages.free_identifier import first_free, is_taken_in
from multimeter.storages.live_run import LiveRun
from multimeter.system.log import log

__all__ = ["InfluxDBStorage", "stack_token"]

_STORED = 204
_PARTLY_STORED = 422
_LONGEST_REASON = 500
_NEXT_STEPS = NEXT_STEPS | {
    413: "Use a smaller batch_size.",
    _PARTLY_STORED: "Rename a measure that changed its type; all else was stored.",
}
_UNREACHABLE = (
    "Start the server (multimeter-visu start), or check the url. Then call "
    "storage.store(measurement.result): the result is still in memory."
)
# A chart that moves needs no more; each batch costs the program a request.
_LINGER_SECONDS = 0.5


def stack_token(config: str | os.PathLike[str] | None = None) -> str:
    """Return the token of the installed stack, as it is now.

    Raises:
        NoStackError: No stack is installed.
        ConfigurationError: Its configuration cannot be used.
    """
    return find_connection(config).token


class InfluxDBStorage(Storage):
    """Stores each result in a bucket of InfluxDB 2, while the run goes on.

    The identifier is the measurement, measure keys are fields, tags are tags; marks
    and the run itself stand beside it, see :mod:`multimeter.lines.result_encoder`. Storing
    a result again replaces what is there, so it is safe to repeat after an error.

    IncidentLog of the server neither slows nor breaks what is measured: points wait in
    memory, then on disk, and are sent when it answers again; see
    :class:`multimeter.delivery.Delivery`. What has not arrived when a run ends is
    reported in the log, with the place where it lies.

    Args:
        token: The token that may write to the bucket.
        url: The URL of the server; a path in it precedes ``/api``.
        org: The name or id of the organisation.
        bucket: The name or id of the bucket.
        live: Whether points are sent while the run goes on, or all at its end.
        spool: The folder where points are kept on disk until they have arrived, so
            that a program that is killed loses none. By default they go to disk
            (``~/.multimeter/spool``) only when memory is full, or the run ends while the
            server is away.
        tier: ``spool``, or ``spool+fsync`` where a loss of power must lose nothing.
        batch_size: How many lines go into one request.
        timeout: How many seconds the server may be silent.
        end_timeout: How many seconds the end of a run waits for what has not arrived.
        gzip: Whether requests are compressed, which pays off on slow networks only.
        ca: The file of certificates to trust, with ``https``; by default the system's.
        health: Whether what the delivery did is stored, too, as measurement
            ``multimeter_health``: every ten seconds while a run goes on, and at the end.
        read_token: A token that may read the bucket: with it, a run whose identifier the
            server has already gets a number at its end, such as ``train-2``. Without it,
            only the runs of this storage are known; others of the same name and tags
            share a series with it.

    Raises:
        ConfigurationError: There is no token, or an argument cannot be used.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of the user
        self,
        token: Token,
        url: str = DEFAULT_URL,
        org: str = DEFAULT_ORG,
        bucket: str = DEFAULT_BUCKET,
        *,
        live: bool = True,
        spool: str | os.PathLike[str] | None = None,
        tier: Tier | None = None,
        batch_size: int = 5_000,
        timeout: float = 30.0,
        end_timeout: float = 10.0,
        gzip: bool = False,
        ca: str | os.PathLike[str] | None = None,
        health: bool = False,
        read_token: str = "",
    ) -> None:
        # Another process makes one of its own: locks and connections stay here.
        self._made_of = {
            "token": token,
            "url": url,
            "org": org,
            "bucket": bucket,
            "live": live,
            "spool": spool,
            "tier": tier,
            "batch_size": batch_size,
            "timeout": timeout,
            "end_timeout": end_timeout,
            "gzip": gzip,
            "ca": ca,
            "health": health,
            "read_token": read_token,
        }
        self._naming = threading.Lock()
        self._names: set[str] = set()
        self._reserved: set[str] = set()
        self._readable = Connection(url, org, bucket, "", read_token)
        self._client = WriteClient(
            token, url, org, bucket, timeout=timeout, gzip=gzip, ca=ca
        )
        self._batch_size = max(1, batch_size)
        self._is_live = live
        self._end_timeout = end_timeout
        self._runs: dict[int, LiveRun] = {}
        self._lock = threading.Lock()
        self._delivery: Delivery | None = None
        self._gone = 0
        self._waiting = 0
        self._make_delivery: Callable[[], Delivery] = lambda: Delivery(
            InfluxDBSink(token, url, org, bucket, timeout=timeout, gzip=gzip, ca=ca),
            spool=spool,
            tier=tier,
            batch_size=self._batch_size,
            linger=_LINGER_SECONDS,
            health=health,
        )

    @classmethod
    def from_stack(
        cls, config: str | os.PathLike[str] | None = None, **more: Any
    ) -> InfluxDBStorage:
        """Return a storage for the installed stack.

        Args:
            config: The configuration of the stack. By default the environment is
                asked (``INFLUXDB_V2_URL``, ``_TOKEN``, ``_ORG``, ``_BUCKET``), then
                the home folder.
            **more: Keywords of the class, such as ``spool``. ``health`` is on: the stack
                has a place where it is shown.

        Raises:
            NoStackError: No stack is installed.
            ConfigurationError: Its configuration, or an argument, cannot be used.
        """
        found = find_connection(config)
        more = {"health": True, "read_token": found.read_token, **more}
        # Who installs it anew gives it a new token: then that is found.
        token = functools.partial(stack_token, config)
        return cls(token, found.url, found.org, found.bucket, **more)

    def __getstate__(self) -> dict[str, Any]:
        return self._made_of

    def __setstate__(self, made_of: dict[str, Any]) -> None:
        InfluxDBStorage.__init__(self, **made_of)

    def free_identifier(self, identifier: str) -> str:
        """Return the identifier, with a number where a run has it that is known here."""
        if is_made_up(identifier):
            return identifier
        with self._naming:
            if identifier in self._reserved:
                self._reserved.discard(identifier)
                return identifier
            found = first_free(identifier, self._is_taken)
            self._names.add(found)
        return found

    def reserve_identifier(self, identifier: str) -> str:
        """Return such an identifier ahead of the start, so that the start need not ask."""
        found = self.free_identifier(identifier)
        with self._naming:
            self._reserved.add(found)
        return found

    def _is_taken(self, identifier: str) -> bool:
        if identifier in self._names:
            return True
        readable = self._readable
        return bool(readable.read_token) and is_taken_in(readable, identifier)

    def open(self, result: Result) -> None:
        """Begin to send a run: its entry in the list of runs goes first."""
        if self._is_live:
            with self._lock:
                self._delivery = self._delivery or self._make_delivery()
            run = LiveRun(result, self._delivery.put_line, time.time_ns())
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
            self.store_lines(encode_batches(result, self._batch_size))
            log().debug("Stored %r at %s.", result.identifier, self._client.url)
        else:
            self._end(run, self._delivery)

    def _end(self, run: LiveRun, delivery: Delivery) -> None:
        run.close()
        if not delivery.flush(self._end_timeout, patient=False):
            secured = delivery.spill()
            log().warning("%s", _left(run, delivery, secured=secured))
        stats = delivery.stats()
        gone = (
            stats.rejected + sum(stats.dropped.values()) - stats.dropped.get("no value", 0)
        )
        if gone > self._gone:
            log().warning(
                "%d points were refused by %s for good, or dropped: see %s.",
                gone - self._gone,
                self._client.url,
                delivery.rejects,
            )
            self._gone = gone

    def store_lines(self, batches: Iterable[bytes]) -> None:
        """Write lines as they are, without a run's entry beside them.

        Args:
            batches: Some lines of line protocol each, with times in ns.

        Raises:
            StorageError: The server cannot be reached or refused some of it.
        """
        refused: list[StorageError] = []
        with ThreadPoolExecutor(1, "multimeter-store") as sender:
            sent: Future[list[StorageError]] | None = None
            # Each batch is encoded while the server takes the one before.
            for body in batches:
                refused += sent.result() if sent else []
                sent = self._submit(sender, body)
            refused += sent.result() if sent else []
        if refused:
            raise refused[0]

    def _submit(
        self, sender: ThreadPoolExecutor, body: bytes
    ) -> Future[list[StorageError]]:
        try:
            return sender.submit(self._write, body)
        except RuntimeError:  # the interpreter ends, and starts no thread any more
            done: Future[list[StorageError]] = Future()
            done.set_result(self._write(body))
            return done

    def _write(self, body: bytes) -> list[StorageError]:
        """Write a batch; return what was refused of it while the rest was stored."""
        try:
            answer = self._client.post(body)
        except (OSError, http.client.HTTPException) as error:
            raise StorageError(
                f"{self._client.url} does not answer: {error}",
                cause="The server is not running, or a network is in the way.",
                next_step=_UNREACHABLE,
            ) from error
        if answer.status == _STORED:
            return []
        if answer.status < 400:  # noqa: PLR2004 - the first status of an error
            raise StorageError(
                f"{self._client.url} answered {answer.status}, where InfluxDB answers "
                f"{_STORED}.",
                cause="Another server listens there, or a network asks for a login.",
                next_step="Check the url, then store the result again.",
            )
        problem = StorageError(
            f"{self._client.url} answered {answer.status}: "
            f"{message_of(answer)[:_LONGEST_REASON]}",
            next_step=_NEXT_STEPS.get(answer.status, "Store the result again."),
        )
        if answer.status == _PARTLY_STORED:
            return [problem]
        raise problem

    def close(self, *, quiet: bool = False) -> int:
        """Deliver what waits, and close the connections.

        Args:
            quiet: Whether the caller reports itself what has become of the points.

        Returns:
            How many points are lost: the server did not take them, nor a spool.
        """
        lost = 0
        if self._delivery:
            report = self._delivery.close(self._end_timeout)
            lost = report.lost
            self._waiting = report.queued - report.lost
            if not (report.complete or quiet or self._delivery.is_reported(report)):
                log().warning("%s: %s.", self._client.url, report)
        self._client.close()
        return lost

    @property
    def waiting(self) -> int:
        """How many points wait in a spool, after ``close``."""
        return self._waiting


def _left(run: LiveRun, delivery: Delivery, *, secured: bool) -> str:
    queued = delivery.stats().queued
    says = (
        f"The run '{run.result.identifier}' has ended, and {queued} points have not "
        "arrived yet:"
    )
    if secured:
        return (
            f"{says} they lie in {delivery.spool}, and are sent as soon as the server "
            f"takes them, by this program or by: {delivery.command}"
        )
    return (
        f"{says} they wait in memory only, as {delivery.spool} cannot be written. They are "
        "sent when the server takes them before this program ends; else they are lost."
    )
