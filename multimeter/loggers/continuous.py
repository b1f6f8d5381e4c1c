"""The continuous logger: writes values to a table or a bucket, in the background."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from multimeter.data.identifiers import LOGS
from multimeter.data.values import plain, text_of
from multimeter.delivery import Delivery, Report, RetryPolicy, Stats, Tier, WhenFull
from multimeter.delivery.spool import default_spool
from multimeter.errors import ConfigurationError, StateError
from multimeter.http.tls import Authorities
from multimeter.loggers.codenames import (
    checked_codenames,
    codename_records,
    series_heads,
    stored_codenames,
    unknown_codename,
)
from multimeter.loggers.database import checked_sink, find_server
from multimeter.loggers.thinning import DeadBand, Thinner, make_thinners
from multimeter.sinks.base import Sink
from multimeter.sinks.sql import SQLSink
from multimeter.system.log import log
from multimeter.system.process_hooks import call_after_fork

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ContinuousLogger"]

_TRY_SECONDS = 1.0
# 1 us: a float of seconds since the epoch resolves a quarter of it, and tables store it.
_TICKS_PER_SECOND = 1_000_000
_TICK_NS = 1_000


class ContinuousLogger:
    """Logs values to a table of MySQL or MariaDB, in the background.

    :meth:`enqueue_point` returns at once, even if the database is slow or down. Points
    leave the queue once they are stored, without duplicates; see
    :class:`multimeter.delivery.Delivery`. The table has the columns ``type`` (the id of
    the codename in ``dateplots_descriptions``), ``time`` and ``value``.

    It can be created and started while the database is down. It is thread-safe.

    Args:
        table: The table to log to; with a ``sink``, the measurement.
        username: A user with write access to the table.
        password: The password of the user.
        measurement_codenames: The codenames that points can have.
        dequeue_timeout: How many seconds :meth:`stop` keeps trying while the database
            does not accept points.
        reconnect_waittime: The maximum time between attempts to reach the database, in s.
        dsn: The name of an ODBC data source, in place of ``host``, ``port``, ``database``.
        host: The host; by default the attribute ``host`` of the class.
        port: The port; by default the attribute ``port`` of the class.
        database: The database; by default the attribute ``database`` of the class.
        url: ``mysql://user:password@host:port/database`` in place of them all.
        sink: Where to write instead of a SQL database.
        spool: The folder of the queue on disk: a program that is killed loses nothing,
            and the next one sends the points that are left. Without it, points wait in
            memory, and those left at the exit are moved to ``~/.multimeter/spool``.
        tier: ``spool+fsync`` if points must survive a loss of power, too.
        when_full: What happens when the queue is full; by default the oldest points are
            dropped without a spool, and the newest with one.
        max_records: The maximum number of points in memory.
        max_bytes: The maximum number of bytes in memory: a point takes 100 to 230,
            depending on the length of its codename.
        batch_size: The maximum number of points in one transaction.
        thinning: Which points to keep, for all codenames or for each. By default, all.
        timeout: The maximum time without a response of the database, in s.
        startup_timeout: How many seconds the constructor waits for the database to
            check user, table and codenames; after that it continues unchecked.
        ca: A file with the certificates to trust, or True for those of the system; this
            encrypts the connection and verifies the server. Required for a database on
            another machine.
        units: The units of codenames, for display. They need a ``sink`` of InfluxDB's
            API; SQL tables cannot store them.
        descriptions: Descriptions of codenames; limited like ``units``.
        health: Whether to store the statistics of the logger, too, as measurement
            ``multimeter_health``, every ten seconds and at the end; limited like
            ``units``.

    Raises:
        StartupException: The database refuses the points: a codename does not have
            exactly one entry in ``dateplots_descriptions``, or the user or table is
            refused. If the database does not answer in time, this is logged, and points
            of such a codename are refused later.
        ConfigurationError: An argument is invalid.
        MissingExtraError: PyMySQL (with ``dsn``: pyodbc) is not installed.

    Attributes:
        dequeue_timeout: As above.
        reconnect_waittime: As above.
        codenames: The codenames that points can have.
    """

    host = "localhost"
    port = 3306
    database = "cinfdata"

    def __init__(  # noqa: PLR0913 - the first are an old interface
        self,
        table: str,
        username: str = "",
        password: str = "",
        measurement_codenames: Sequence[str] = (),
        dequeue_timeout: float = 1,
        reconnect_waittime: float = 60,
        dsn: str | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        database: str | None = None,
        url: str | None = None,
        sink: Sink | None = None,
        spool: str | os.PathLike[str] | None = None,
        tier: Tier | None = None,
        when_full: WhenFull | None = None,
        max_records: int = 1_000_000,
        max_bytes: int = 256 * 2**20,
        batch_size: int = 5_000,
        thinning: DeadBand | Mapping[str, DeadBand] | None = None,
        timeout: float = 30.0,
        startup_timeout: float = 5.0,
        ca: Authorities | None = None,
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        health: bool = False,
    ) -> None:
        self.codenames = checked_codenames(measurement_codenames)
        self._heads = series_heads(table, self.codenames)
        self.dequeue_timeout = dequeue_timeout
        self.reconnect_waittime = reconnect_waittime
        retry = RetryPolicy(
            first=min(0.5, reconnect_waittime),
            most=reconnect_waittime,
            refused=reconnect_waittime,
        )
        if sink is None:
            given = {"host": host, "port": port, "database": database}
            arguments = {"username": username, "password": password, **given}
            defaults = {"host": self.host, "port": self.port, "database": self.database}
            server = find_server(url, dsn, arguments, defaults, timeout, ca)
            make_sink = functools.partial(SQLSink, server, table)
            sink = checked_sink(make_sink, stored_codenames(self._heads), startup_timeout)
        metadata = codename_records(self.codenames, units or {}, descriptions or {})
        if (metadata or health) and isinstance(sink, SQLSink):
            raise ConfigurationError(
                "A table of values has no place for units, descriptions, and health.",
                next_step="Write units into a column of dateplots_descriptions.",
            )
        self._metadata = metadata
        self._thinners = make_thinners(thinning, self.codenames)
        self._last_ticks = dict.fromkeys(self.codenames, 0)
        self._lock = threading.Lock()
        self._is_started = False
        in_memory = spool is None and tier in (None, "memory")
        self._delivery = Delivery(
            sink,
            # Without a spool, points that are left at the end go to the default one.
            spool=spool or default_spool(),
            tier=tier or ("memory" if in_memory else "spool"),
            when_full=when_full or ("drop_oldest" if in_memory else "spill"),
            max_records=max_records,
            max_bytes=max_bytes,
            batch_size=batch_size,
            retry=retry,
            health=health,
        )
        self._put_line = self._delivery.put_line
        call_after_fork(self._after_fork)

    @classmethod
    def to_stack(
        cls,
        codenames: Sequence[str],
        *,
        config: str | os.PathLike[str] | None = None,
        **more: Any,
    ) -> Self:
        """Return a logger that writes to the installed stack.

        Args:
            codenames: The codenames that points can have.
            config: The configuration of the stack; by default from the environment,
                then from the home folder.
            **more: Keywords of the class, such as ``spool``, ``units`` or ``thinning``.
                ``health`` is on by default: the stack has a dashboard for it.

        Raises:
            NoStackError: No stack is installed.
            ConfigurationError: Its configuration, or an argument, is invalid.
        """
        from multimeter.sinks.influx import InfluxDBSink

        more = {"table": LOGS, "health": True, **more}
        sink = InfluxDBSink.from_stack(config)
        return cls(measurement_codenames=codenames, sink=sink, **more)

    def start(self) -> None:
        """Start logging. Points that were enqueued earlier are kept.

        Raises:
            StateError: It was already started.
        """
        if self._is_started:
            raise StateError(
                "The logger was already started.",
                next_step="Create another ContinuousLogger.",
            )
        self._is_started = True
        for record in self._metadata:
            self._delivery.put(record)

    def enqueue_point_now(self, codename: str, value: float) -> float:
        """Log a value with the current time.

        The times of a codename increase strictly, even if the clock is set back.

        Args:
            codename: One of the codenames of the logger.
            value: The value. NaN and infinity are counted, but not stored.

        Returns:
            The time, in seconds since the epoch.

        Raises:
            UnknownCodenameError: The logger does not have this codename.
            ConfigurationError: The value is not a number.
            StateError: The logger was stopped.
            QueueFullError: The queue is full, and ``when_full`` is ``raise``.
        """
        if type(codename) is not str:
            codename = plain(codename)
        try:
            with self._lock:
                now = max(time.time_ns() // _TICK_NS, self._last_ticks[codename] + 1)
                self._last_ticks[codename] = now
        except Exception:  # noqa: BLE001 - a value that is not text may not be hashable
            raise unknown_codename(codename, self.codenames) from None
        # Return exactly the time that is stored, to the last digit.
        unixtime = now / _TICKS_PER_SECOND
        self.enqueue_point(codename, (unixtime, value))
        return unixtime

    def enqueue_point(self, codename: str, point: Iterable[float]) -> None:
        """Log a value with a time.

        Args:
            codename: One of the codenames of the logger.
            point: The time, in seconds since the epoch, kept to the microsecond, and
                the value. NaN and infinity are counted, but not stored.

        Raises:
            UnknownCodenameError: The logger does not have this codename.
            ConfigurationError: The point is not a pair of numbers.
            StateError: The logger was stopped.
            QueueFullError: The queue is full, and ``when_full`` is ``raise``.
        """
        if type(codename) is not str:
            codename = plain(codename)
        try:
            unixtime, value = point
            if type(unixtime) is not float:
                unixtime = plain(unixtime)
                float(unixtime)  # raises for integers beyond the range of a float
            time_ns = round(unixtime * _TICKS_PER_SECOND) * _TICK_NS
            number = value if type(value) is float else _number(value)
        except Exception:  # noqa: BLE001 - a value of any type may raise anything
            raise _not_a_point(point) from None
        try:
            head = self._heads[codename]
        except Exception:  # noqa: BLE001 - a value that is not text may not be hashable
            raise unknown_codename(codename, self.codenames) from None
        if self._thinners:
            self._put_thinned(codename, time_ns, number)
        # The difference is 0 for finite numbers, and NaN for NaN and infinity.
        elif number - number == 0:
            self._put_line(f"{head}{number!r} {time_ns}".encode())
        else:
            self._put_line(None, 1)

    def _put_thinned(self, codename: str, time_ns: int, number: float) -> None:
        thinner = self._thinners.get(codename)
        with self._lock:
            points = thinner.take((time_ns, number)) if thinner else ((time_ns, number),)
            self._put_points(codename, points)

    def _put_points(self, codename: str, points: Iterable[tuple[int, float]]) -> None:
        for time_ns, number in points:
            if number - number == 0:
                self._put_line(f"{self._heads[codename]}{number!r} {time_ns}".encode())
            else:
                self._put_line(None, 1)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all points enqueued so far are stored; return whether they are.

        Args:
            timeout: The maximum time to wait, in s; None waits without limit.
        """
        return self._delivery.flush(timeout)

    def stop(self, timeout: float | None = None) -> Report:
        """Store the queued points, and stop.

        It continues as long as the database accepts points, until none is left; while it
        does not, for ``dequeue_timeout`` seconds, but a second at least for points in
        flight. Points that are left are moved to the spool, by default
        ``~/.multimeter/spool``; if that cannot be written they are lost. The log reports
        them, and the command that sends them.

        Args:
            timeout: The maximum time in total, in s; None: as above.

        Returns:
            How many points were stored, and where the others are.
        """
        with self._lock:
            for codename, thinner in self._thinners.items():
                self._put_rest(codename, thinner)
        deadline = time.monotonic() + (math.inf if timeout is None else timeout)
        delivered = -1
        while delivered < (delivered := self.stats().delivered):
            progress = time.monotonic()
            patience = max(self.dequeue_timeout, _TRY_SECONDS)
            if self._delivery.flush(min(patience, deadline - progress), patient=False):
                break
        until = min(progress + self.dequeue_timeout, deadline)
        report = self._delivery.close(max(0.0, until - time.monotonic()))
        if not report.complete:
            log().warning("%s: %s.", type(self).__name__, report)
        return report

    def _put_rest(self, codename: str, thinner: Thinner) -> None:
        with contextlib.suppress(StateError):  # already stopped
            self._put_points(codename, thinner.rest())

    def stats(self) -> Stats:
        """Return how many points were accepted, stored, refused, queued and dropped."""
        return self._delivery.stats()

    @property
    def thinned_out(self) -> int:
        """How many points thinning left out; :meth:`stats` does not count them."""
        return sum(thinner.left_out for thinner in self._thinners.values())

    def __enter__(self) -> Self:
        """Start, and return the logger itself."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _after_fork(self) -> None:
        """Replace the lock: a thread of the parent may have held it."""
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} by {self._delivery!r}>"


def _number(value: Any) -> float:
    """Return a value as a float; NaN if it is masked or missing.

    Raises:
        Exception: It is not a number.
    """
    if issubclass(type(value), (bytes, bytearray)):
        raise TypeError  # float() would parse them as text
    number = plain(value)
    return math.nan if number is None is not value else float(number)


def _not_a_point(point: object) -> ConfigurationError:
    return ConfigurationError(
        f"{text_of(point)} is not a point.",
        cause="A point is a pair of numbers: seconds since the epoch, and the value.",
    )
