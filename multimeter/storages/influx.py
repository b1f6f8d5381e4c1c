"""A storage for InfluxDB 2, and for every server that has its write API."""

from __future__ import annotations

import functools
import http.client
import json
import os
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from multimeter.connection import (
    DEFAULT_BUCKET,
    DEFAULT_ORG,
    DEFAULT_URL,
    Connection,
    find_connection,
)
from multimeter.data.identifiers import RUNS
from multimeter.delivery import Tier
from multimeter.delivery.settings import DeliveryOptions
from multimeter.errors import MultimeterError
from multimeter.http.embedded import EmbeddedServer
from multimeter.http.influxdb import EVER, flux_text
from multimeter.http.transport import Token, Transport
from multimeter.lines.protocol import portable_measurement
from multimeter.sinks.influx import InfluxDBSink
from multimeter.storages.sink import SinkStorage

__all__ = ["InfluxDBStorage", "server_has_run", "stack_token"]

# A chart that moves needs no more; each batch costs the program a request.
_LINGER_SECONDS = 0.5
# It is not waited for this long: see FreeIdentifiers.
_ASK_SECONDS = 30.0


def stack_token(config: str | os.PathLike[str] | None = None) -> str:
    """Return the token of the installed stack, as it is now.

    Raises:
        NoStackError: No stack is installed.
        ConfigurationError: Its configuration cannot be used.
    """
    return find_connection(config).token


def server_has_run(
    server: Connection, ca: str | os.PathLike[str] | None, identifier: str
) -> bool:
    """Return whether a server has a run of an identifier; False where it does not answer.

    A run asks this at its start, in the process that is measured: so the server is asked
    over the transport of the write path. influxdb-client would load 500 modules there.

    Args:
        server: Where the server is, and the token that may read.
        ca: The file of certificates to trust, with ``https``; by default the system's.
        identifier: The identifier.
    """
    name, token = portable_measurement(identifier), server.read_token
    try:
        embedded = EmbeddedServer(server.url, token, timeout=_ASK_SECONDS, ca=ca)
        if embedded.is_there():
            return embedded.has_run(name)
        return _bucket_has_run(server, ca, name)
    except (MultimeterError, OSError, http.client.HTTPException):
        return False


def _bucket_has_run(
    server: Connection, ca: str | os.PathLike[str] | None, measurement: str
) -> bool:
    query = (
        f"from(bucket: {flux_text(server.bucket)}) |> {EVER} |> filter(fn: (r) =>"
        f' r._measurement == "{RUNS}" and r.measurement == {flux_text(measurement)}'
        ' and r._field == "identifier") |> last()'
    )
    body = {"query": query, "type": "flux", "dialect": {"annotations": []}}
    path = f"/api/v2/query?{urlencode({'org': server.org})}"
    headers = {"Content-Type": "application/json", "Accept": "application/csv"}
    transport = Transport(server.url, server.read_token, timeout=_ASK_SECONDS, ca=ca)
    try:
        answer = transport.request("POST", path, json.dumps(body).encode(), headers)
    finally:
        transport.close()
    # Without a row there is no head of columns; with an error it has other names.
    head = answer.body.partition(b"\n")[0]
    return answer.status == HTTPStatus.OK and b",_value," in head


class InfluxDBStorage(SinkStorage):
    """Stores each result in a bucket of InfluxDB 2, while the run goes on.

    The identifier is the measurement, measure keys are fields, tags are tags; marks
    and the run itself are beside it, see :mod:`multimeter.lines.result_encoder`. Storing
    a result again replaces what is there, so it is safe to repeat after an error.

    Failures of the server neither slow nor break what is measured: points wait in
    memory, then on disk, and are sent when it answers again; see
    :class:`multimeter.delivery.Delivery`. What has not arrived when a run ends is
    reported in the log, with the folder where it is kept.

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
            only the runs of this storage count; others of the same name and tags share a
            series with it.

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
        server = Connection(url, org, bucket, "", read_token)
        super().__init__(
            InfluxDBSink(token, url, org, bucket, timeout=timeout, gzip=gzip, ca=ca),
            DeliveryOptions(
                spool=spool,
                tier=tier,
                batch_size=max(1, batch_size),
                linger=_LINGER_SECONDS,
                health=health,
            ),
            live=live,
            end_timeout=end_timeout,
            has_run=functools.partial(server_has_run, server, ca) if read_token else None,
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
        stack = find_connection(config)
        more = {"health": True, "read_token": stack.read_token, **more}
        # Read the token lazily: reinstalling the stack rotates it.
        token = functools.partial(stack_token, config)
        return cls(token, stack.url, stack.org, stack.bucket, **more)
