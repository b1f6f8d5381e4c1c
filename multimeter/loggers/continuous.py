"""ContinuousLogger: values of codenames into a table or a bucket, in the background."""

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
from multimeter.errors import ConfigurationError, StateError, UnknownCodenameError
from multimeter.http.tls import Authorities
from multimeter.loggers.codenames import (
    checked_codenames,
    codename_records,
    series_heads,
    stored_codenames,
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
# A float of seconds since the epoch is exact to a quarter of it, and so are tables.
_TICKS_PER_SECOND = 1_000_000
_TICK_NS = 1_000


class ContinuousLogger:
    """Logs values to a table of MySQL or MariaDB, in the background.

    A call of :meth:`enqueue_point` returns at once, whatever the database does. Points
    leave the queue when they are stored, each once; see
    :class:`multimeter.delivery.Delivery`. The table has the columns ``type`` (the id of
    the codename in ``dateplots_descriptions``), ``time`` and ``value``.

    It may be created and started while the database is down. It is thread-safe.

    Args:
        table: The table to log to; with a ``sink``, the measurement.
        username: The user, who may write to the table.
        password: The password of the user.
        measurement_codenames: The codenames that points can have.
        dequeue_timeout: How many seconds :meth:`stop` goes on trying while the database
            does not take points.
        reconnect_waittime: The most seconds between attempts to reach the database.
        dsn: The name of a data source of ODBC; in place of ``host`` and the like.
        host: The host; by default the attribute ``host`` of the class.
        port: The port; by default the attribute ``port`` of the class.
        database: The database; by default the attribute ``database`` of the class.
        url: ``mysql://user:password@host:port/database`` in place of them all.
        sink: Another place to write to, in place of a database of this kind.
        spool: The folder of the queue on disk: a program that is killed loses nothing,
            and the next one sends what it had left. Without, points wait in memory, and
            what is left at the end of the program is moved to ``~/.multimeter/spool``.
        tier: ``spool+fsync`` where a loss of power must lose nothing, either.
        when_full: What happens when there is no room for a point; by default the oldest
            are dropped without a spool, and the newest with one.
        max_records: The most points in memory.
        max_bytes: The most bytes in memory: some 100 to 230 for each point, by the length
            of its codename.
        batch_size: The most points in one transaction.
        thinning: Which points are worth keeping: for all codenames, or for each. Off
            by default.
        timeout: How many seconds the database may be silent.
        startup_timeout: How many seconds the constructor waits for what the database says
            to user, table and codenames; then it goes on without.
        ca: The file of certificates to trust, or True for those that the system trusts;
            the connection is encrypted then, and the server verified. A database on
            another machine needs it.
        units: The units of codenames, for those who look at the values. With a ``sink``
            of InfluxDB's API; a database of this kind has no place for them.
        descriptions: What codenames are, in words; as ``units``.
        health: Whether what the logger did is stored, too, as measurement
            ``multimeter_health``: every ten seconds, and at the end. As ``units``.

    Raises:
        StartupException: The database has answered, and will not take the points: a
            codename does not have exactly one entry in ``dateplots_descriptions``, or
            it refuses the user or the table. While it does not answer, this is told in
            the log, and points of such a codename are refused later.
        ConfigurationError: An argument cannot be used.
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
            named = {"username": username, "password": password, **given}
            usual = {"host": self.host, "port": self.port, "database": self.database}
            server = find_server(url, dsn, named, usual, timeout, ca)
            make_sink = functools.partial(SQLSink, server, table)
            sink = checked_sink(make_sink, stored_codenames(self._heads), startup_timeout)
        said = codename_records(self.codenames, units or {}, descriptions or {})
        if (said or health) and isinstance(sink, SQLSink):
            raise ConfigurationError(
                "A table of values has no place for units, descriptions, and health.",
                next_step="Write units into a column of dateplots_descriptions.",
            )
        self._given = said
        self._thinners = make_thinners(thinning, self.codenames)
        self._last_ticks = dict.fromkeys(self.codenames, 0)
        self._lock = threading.Lock()
        self._is_started = False
        in_memory = spool is None and tier in (None, "memory")
        self._delivery = Delivery(
            sink,
            # Without a spool of its own it is where goes what is left at the end.
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
            config: The configuration of the stack; by default the environment is asked,
                then the home folder.
            **more: Keywords of the class, such as ``spool``, ``units`` or ``thinning``.
                ``health`` is on: the stack has a place where it is shown.

        Raises:
            NoStackError: No stack is installed.
            ConfigurationError: Its configuration, or an argument, cannot be used.
        """
        from multimeter.sinks.influx import InfluxDBSink

        more = {"table": LOGS, "health": True, **more}
        sink = InfluxDBSink.from_stack(config)
        return cls(measurement_codenames=codenames, sink=sink, **more)

    def start(self) -> None:
        """Start to log. What was enqueued before is not lost.

        Raises:
            StateError: It was started before.
        """
        if self._is_started:
            raise StateError(
                "The logger was started before.", next_step="Make another ContinuousLogger."
            )
        self._is_started = True
        for record in self._given:
            self._delivery.put(record)

    def enqueue_point_now(self, codename: str, value: float) -> float:
        """Log a value with the time of now.

        Two points of a codename never get the same time, also when the clock is set
        back.

        Args:
            codename: One of the codenames of the logger.
            value: The value. NaN and infinity are counted, but not stored.

        Returns:
            The time, in seconds since the epoch.

        Raises:
            UnknownCodenameError: The codename is another one.
            ConfigurationError: The value is not a number.
            StateError: The logger was stopped.
            QueueFullError: There is no room, and ``when_full`` is ``raise``.
        """
        if type(codename) is not str:
            codename = plain(codename)
        try:
            with self._lock:
                now = max(time.time_ns() // _TICK_NS, self._last_ticks[codename] + 1)
                self._last_ticks[codename] = now
        except Exception:  # noqa: BLE001 - so may the hash of what is no codename
            raise self._unknown(codename) from None
        # What is returned and what is stored are one time, to the last digit.
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
            UnknownCodenameError: The codename is another one.
            ConfigurationError: The point is not a pair of numbers.
            StateError: The logger was stopped.
            QueueFullError: There is no room, and ``when_full`` is ``raise``.
        """
        if type(codename) is not str:
            codename = plain(codename)
        try:
            unixtime, value = point
            if type(unixtime) is not float:
                unixtime = plain(unixtime)
                float(unixtime)  # an integer beyond its range is no time
            time_ns = round(unixtime * _TICKS_PER_SECOND) * _TICK_NS
            number = value if type(value) is float else _number(value)
        except Exception:  # noqa: BLE001 - a value of any type may raise anything
            raise _not_a_point(point) from None
        try:
            head = self._heads[codename]
        except Exception:  # noqa: BLE001 - so may the hash of what is no codename
            raise self._unknown(codename) from None
        if self._thinners:
            self._put_thinned(codename, time_ns, number)
        # The difference is NaN for NaN and for infinity, and 0 for all else.
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

    def _unknown(self, codename: object) -> UnknownCodenameError:
        return UnknownCodenameError(
            f"The codename '{text_of(codename)}' is not one of this logger: "
            f"{', '.join(self.codenames)}.",
            next_step="Name it in measurement_codenames.",
        )

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was enqueued before is stored; tell whether it is.

        Args:
            timeout: The most seconds to wait; None: as long as it takes.
        """
        return self._delivery.flush(timeout)

    def stop(self, timeout: float | None = None) -> Report:
        """Store what waits, and end.

        While points are being stored, it goes on until none is left; while they are
        not, for ``dequeue_timeout`` seconds (but a second at least for what is being
        sent). What is left then lies in the spool, by
        default ``~/.multimeter/spool``; where that cannot be written it is lost. The log
        says so, and what sends it.

        Args:
            timeout: The most seconds in all; None: as above.

        Returns:
            What became of all points.
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
        with contextlib.suppress(StateError):  # it was stopped before
            self._put_points(codename, thinner.rest())

    def stats(self) -> Stats:
        """Return how many points are accepted, stored, refused, waiting and dropped."""
        return self._delivery.stats()

    @property
    def thinned_out(self) -> int:
        """How many points were left out by thinning; they are not in :meth:`stats`."""
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
        """Have a lock that no thread of the parent holds."""
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} by {self._delivery!r}>"


def _number(value: Any) -> float:
    """Return a value as a float; what is masked or missing is NaN.

    Raises:
        Exception: It is no number.
    """
    if issubclass(type(value), (bytes, bytearray)):
        raise TypeError  # float() would read them as text
    number = plain(value)
    return math.nan if number is None is not value else float(number)


def _not_a_point(point: object) -> ConfigurationError:
    return ConfigurationError(
        f"{text_of(point)} is not a point.",
        cause="A point is a pair of numbers: seconds since the epoch, and the value.",
    )
