"""Runs in the stack: in its embedded server, or in InfluxDB 2."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from multimeter.connection import Connection, find_connection
from multimeter.data.identifiers import FIGURE_PREFIX
from multimeter.data.record import Record
from multimeter.errors import MultimeterError, NoStackError, StorageError
from multimeter.lines.protocol import portable_measurement
from multimeter.lines.result_decoder import decode_result
from multimeter.result import Result
from multimeter.runs.client import ReadClient
from multimeter.runs.flux import list_query, name_query, read_records, run_query
from multimeter.runs.source import Listing, RunEntry
from multimeter.storages.line_format import LineFormat

__all__ = ["EmbeddedServer", "InfluxDB", "Stack", "find_stack"]

_SMALL = 2_000


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
        """Return None: only the list tells."""
        return None

    def load(self, entry: RunEntry) -> Result:
        """Read a run back.

        Raises:
            StorageError: The server does not answer, or refuses it.
            FormatError: It holds something else under this name.
        """
        return self._server.load(entry)

    def has(self, identifier: str) -> bool:
        """Return whether there is a run of exactly this identifier.

        Raises:
            StorageError: The server does not answer, or refuses to say.
        """
        return self._server.has(identifier)

    @cached_property
    def _server(self) -> EmbeddedServer | InfluxDB:
        client = ReadClient(self._connection)
        if client.is_embedded():
            return EmbeddedServer(client)
        return InfluxDB(client, self._connection.org, self._connection.bucket)


class EmbeddedServer:
    """The runs of the embedded server; see docs/http-api.md.

    Args:
        client: Asks it.
    """

    def __init__(self, client: ReadClient) -> None:
        self._client = client

    def list(self) -> Listing:
        """Return the runs.

        Raises:
            StorageError: The server does not answer, or refuses it.
        """
        try:
            entries = tuple(map(self._entry, self._client.json("/api/runs")))
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"{self._client.url} gives an odd list: {error!r}"
            ) from error
        return Listing(entries)

    def load(self, entry: RunEntry) -> Result:
        """Read a run back, as it comes.

        Raises:
            StorageError: The server does not answer, or refuses it.
            FormatError: It has several tag sets under this name.
        """
        run = {"run": entry.identifier}  # here a run is listed by its measurement
        with self._client.answer("/api/lines", run) as response:
            return LineFormat().load(response)

    def has(self, identifier: str) -> bool:
        """Return whether there is a run of exactly this identifier.

        Raises:
            StorageError: The server does not answer, or refuses to say.
        """
        try:
            self._client.json("/api/marks", {"run": portable_measurement(identifier)})
        except StorageError as error:
            if "404" in error.what:
                return False
            raise
        return True

    def _entry(self, run: Mapping[str, Any]) -> RunEntry:
        return RunEntry(
            str(run["identifier"]),
            self._client.url,
            int(run["start"]),
            int(run["end"]),
            int(run["points"]),
            dict(run["tags"]),
            str(run["state"]),
            is_small=run["points"] <= _SMALL,
            figures={key: float(v) for key, v in run["figures"].items()},
        )


class InfluxDB:
    """The runs of a bucket of InfluxDB 2 that have an entry in ``multimeter_runs``.

    Args:
        client: Asks the server.
        org: The organisation.
        bucket: The bucket.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(
        self,
        client: ReadClient,
        org: str,
        bucket: str,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._client = client
        self._org = org
        self._bucket = bucket
        self._now_ns = now_ns

    def list(self) -> Listing:
        """Return the runs.

        Raises:
            StorageError: The server does not answer, or refuses it.
        """
        said: dict[str, dict[str, Any]] = {}
        for record in self._ask(list_query(self._bucket)):
            said.setdefault(record.tags.get("measurement", ""), {}).update(record.fields)
        return Listing(tuple(self._entry(name, each) for name, each in said.items()))

    def load(self, entry: RunEntry) -> Result:
        """Read a run back.

        Raises:
            StorageError: The server does not answer, or refuses it.
            FormatError: It has several tag sets under this name.
        """
        name = portable_measurement(entry.identifier)
        return decode_result(self._ask(run_query(self._bucket, name)))

    def has(self, identifier: str) -> bool:
        """Return whether there is a run of exactly this identifier.

        Raises:
            StorageError: The server does not answer, or refuses to say.
        """
        query = name_query(self._bucket, portable_measurement(identifier))
        return any(True for _ in self._ask(query))

    def _ask(self, query: str) -> Iterator[Record]:
        body = {
            "query": query,
            "type": "flux",
            "dialect": {"annotations": ["datatype", "group", "default"]},
        }
        with (
            self._client.answer("/api/v2/query", {"org": self._org}, body) as response,
            io.TextIOWrapper(response, "utf-8", newline="") as lines,
        ):
            yield from read_records(lines)

    def _entry(self, measurement: str, fields: Mapping[str, Any]) -> RunEntry:
        start, end, points = (fields.get(key) for key in ("start", "end", "points"))
        state = "live" if fields.get("state") == "running" else "ended"
        alive = fields.get("alive_until")
        if state == "live" and isinstance(alive, int) and alive < self._now_ns():
            state = "died"
        entry = RunEntry(
            str(fields.get("identifier", measurement)),
            self._client.url,
            start if isinstance(start, int) else None,
            end if isinstance(end, int) else None,
            points if isinstance(points, int) else None,
            state=state,
            is_small=isinstance(points, int) and points <= _SMALL,
            figures={
                key.removeprefix(FIGURE_PREFIX): float(value)
                for key, value in fields.items()
                if key.startswith(FIGURE_PREFIX) and isinstance(value, (int, float))
            },
        )
        try:
            return replace(entry, tags=dict(json.loads(fields["tags"])))
        except (KeyError, TypeError, ValueError, RecursionError):
            return entry
