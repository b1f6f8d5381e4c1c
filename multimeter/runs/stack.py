"""Runs in the stack: in its embedded server, or in InfluxDB 2."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from multimeter.connection import Connection, find_connection
from multimeter.data.identifiers import FIGURE_PREFIX, MARKS, RUN_TAG, RUNS
from multimeter.data.record import Record
from multimeter.errors import MultimeterError, NoStackError, StorageError
from multimeter.http.embedded import EmbeddedServer
from multimeter.http.influxdb import EVER, InfluxDBApi, flux_text
from multimeter.lines.protocol import portable_measurement
from multimeter.lines.result_decoder import decode_result
from multimeter.lines.run_entry import (
    FIGURES_FIELD,
    figures_from_json,
    stored_figures,
)
from multimeter.result import Result
from multimeter.runs.source import Listing, RunEntry
from multimeter.storages.line_format import LineFormat

__all__ = ["InfluxDBRuns", "Stack", "find_stack"]

_SMALL = 2_000
_LISTED = ("duration", "peak_memory", "cpu", "cpu_time")


def find_stack(config: str | os.PathLike[str] | None = None) -> Stack | None:
    """Return the stack that is installed, or None where there is none.

    Args:
        config: The configuration of a stack; by default as in
            :func:`~multimeter.connection.find_connection`.

    Raises:
        ConfigurationError: Its configuration cannot be used, or there is none where one
            was named.
    """
    try:
        return Stack(find_connection(config))
    except NoStackError:
        if config is not None:
            raise
        return None


class Stack:
    """The runs of a server, whichever of the two it is; it is asked when needed.

    Args:
        connection: Where it is.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> Listing:
        """Return the runs of the server."""
        try:
            return self._server.list()
        except MultimeterError as error:
            return Listing((), (str(error),))

    def find(self, identifier: str) -> RunEntry | None:  # noqa: ARG002 - it is asked
        """Return None: only :meth:`list` has it."""
        return None

    def load(self, entry: RunEntry) -> Result:
        """Read a run back.

        Raises:
            StorageError: The server does not answer, or refuses it.
            FormatError: It holds something else under this name.
        """
        return self._server.load(entry)

    def remove(self, entry: RunEntry) -> None:
        """Remove a run: its points, its marks, and last its entry, by which it is listed.

        Raises:
            StorageError: The server does not answer, or refuses it.
        """
        where = self._connection
        predicates = _predicates(portable_measurement(entry.identifier), entry.id)
        if isinstance(self._server, _EmbeddedRuns):
            writer = EmbeddedServer(where.url, where.token)
            writer.delete(where.org, where.bucket, predicates)
            return
        if entry.id is None:
            self._require_only(entry)
        with contextlib.closing(InfluxDBApi(where.url)) as server:
            server.delete(where.token, where.org, where.bucket, predicates)

    def _require_only(self, entry: RunEntry) -> None:
        """Check that no other run has the name of one without an id.

        Raises:
            StorageError: One has: what is removed by the name would be of both.
        """
        same = [e for e in self.list().entries if e.identifier == entry.identifier]
        if len(same) > 1:
            raise StorageError(
                f"'{entry.identifier}' cannot be removed: other runs have this name.",
                cause="It was stored by a version that gave runs no id.",
                next_step="Delete its time with InfluxDB: influx delete --start T --stop T",
            )

    @cached_property
    def _server(self) -> _EmbeddedRuns | InfluxDBRuns:
        where = self._connection
        token = where.read_token or where.token
        embedded = EmbeddedServer(where.url, token)
        if embedded.is_there():
            return _EmbeddedRuns(embedded)
        return InfluxDBRuns(InfluxDBApi(where.url), token, where.org, where.bucket)


def _predicates(measurement: str, run_id: str | None) -> list[str]:
    """Return what points, marks and entry of a run have, in this order.

    Keys are quoted, too: some, as ``measurement``, are keywords.
    """
    own = {} if run_id is None else {RUN_TAG: run_id}
    beside = [{"_measurement": each, "measurement": measurement} for each in (MARKS, RUNS)]
    return [
        " AND ".join(f"{_quoted(key)}={_quoted(text)}" for key, text in tags.items())
        for tags in (
            {"_measurement": measurement, **own},
            *({**each, **own} for each in beside),
        )
    ]


def _quoted(text: str) -> str:
    """Return a text as a predicate has it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _EmbeddedRuns:
    """The runs of the embedded server.

    Args:
        server: The server.
    """

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server

    def list(self) -> Listing:
        """Return the runs.

        Raises:
            StorageError: The server does not answer, or refuses it.
        """
        try:
            entries = tuple(map(self._entry, self._server.runs()))
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"{self._server.url} lists runs without what belongs to them: {error!r}",
                cause="It is of another version of Multimeter.",
                next_step="multimeter-visu stop, then multimeter-visu start",
            ) from error
        return Listing(entries)

    def load(self, entry: RunEntry) -> Result:
        """Read a run back, as it comes.

        Raises:
            StorageError: The server does not answer, or refuses it.
            FormatError: It has several tag sets under this name.
        """
        # Here a run is listed by its measurement.
        with self._server.lines(entry.identifier) as lines:
            return LineFormat().load(lines)

    def _entry(self, run: Mapping[str, Any]) -> RunEntry:
        return RunEntry(
            str(run["identifier"]),
            self._server.url,
            int(run["start"]),
            int(run["end"]),
            int(run["points"]),
            dict(run["tags"]),
            str(run["state"]),
            is_small=run["points"] <= _SMALL,
            figures=figures_from_json(run["figures"]),
        )


class InfluxDBRuns:
    """The runs of a bucket of InfluxDB 2 that have an entry in ``multimeter_runs``.

    Args:
        server: The server.
        token: The token that may read the bucket.
        org: The organisation.
        bucket: The bucket.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(
        self,
        server: InfluxDBApi,
        token: str,
        org: str,
        bucket: str,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._server = server
        self._token = token
        self._org = org
        self._bucket = bucket
        self._now_ns = now_ns

    def list(self) -> Listing:
        """Return the runs.

        Raises:
            StorageError: The server does not answer, or refuses it.
        """
        rows: list[Record] = sorted(
            self._ask(_list_query(self._bucket)), key=lambda row: row.time_ns or 0
        )
        runs: dict[tuple[str, str | None], dict[str, Any]] = {}
        for row in rows:
            key = row.tags.get("measurement", ""), row.tags.get(RUN_TAG)
            runs.setdefault(key, {}).update(row.fields)
        return Listing(tuple(self._entry(*key, each) for key, each in runs.items()))

    def load(self, entry: RunEntry) -> Result:
        """Read a run back.

        Raises:
            StorageError: The server does not answer, or refuses it.
            FormatError: It has several tag sets under this name.
        """
        name = portable_measurement(entry.identifier)
        query = _run_query(self._bucket, name, entry.id)
        return decode_result(self._ask(query))

    def _ask(self, query: str) -> Iterator[Record]:
        with contextlib.closing(self._server) as server:
            yield from server.query(self._token, self._org, query)

    def _entry(
        self, measurement: str, run_id: str | None, fields: Mapping[str, Any]
    ) -> RunEntry:
        start, end, points = (fields.get(key) for key in ("start", "end", "points"))
        state = "live" if fields.get("state") == "running" else "ended"
        alive = fields.get("alive_until")
        if state == "live" and isinstance(alive, int) and alive < self._now_ns():
            state = "died"
        entry = RunEntry(
            str(fields.get("identifier", measurement)),
            self._server.url,
            start if isinstance(start, int) else None,
            end if isinstance(end, int) else None,
            points if isinstance(points, int) else None,
            state=state,
            is_small=isinstance(points, int) and points <= _SMALL,
            id=run_id,
            figures=stored_figures(fields),
        )
        try:
            return replace(entry, tags=dict(json.loads(fields["tags"])))
        except (KeyError, TypeError, ValueError, RecursionError):
            return entry


def _list_query(bucket: str) -> str:
    """Return the query for the entries of all runs, without what is long in them."""
    own = ("identifier", "tags", "points", "start", "end", "state", "alive_until")
    fields = (*own, FIGURES_FIELD, *(f"{FIGURE_PREFIX}{key}" for key in _LISTED))
    wanted = " or ".join(f'r._field == "{field}"' for field in fields)
    return (
        f"from(bucket: {flux_text(bucket)}) |> {EVER}"
        f' |> filter(fn: (r) => r._measurement == "{RUNS}" and ({wanted})) |> last()'
    )


def _run_query(bucket: str, measurement: str, run_id: str | None) -> str:
    """Return the query for all that there is of a run: points, marks, and its entry."""
    name = flux_text(measurement)
    beside = f'(r._measurement == "{MARKS}" or r._measurement == "{RUNS}")'
    wanted = f"r._measurement == {name} or ({beside} and r.measurement == {name})"
    if run_id is not None:
        wanted = f"({wanted}) and r.{RUN_TAG} == {flux_text(run_id)}"
    return f"from(bucket: {flux_text(bucket)}) |> {EVER} |> filter(fn: (r) => {wanted})"
