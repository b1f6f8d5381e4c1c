"""A storage for InfluxDB 2, and for every server that speaks its write API."""

from __future__ import annotations

import itertools
import logging
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from multimeter.connection import find_connection
from multimeter.errors import (
    ConfigurationError,
    MissingExtraError,
    StorageError,
)
from multimeter.result import Result
from multimeter.result_lines import encode_result
from multimeter.storages.base import Storage

if TYPE_CHECKING:
    from influxdb_client.client.influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import WriteApi

__all__ = ["InfluxDBStorage"]

logger = logging.getLogger("multimeter")

_NEXT_STEPS = {
    401: "Use a token that the server knows: multimeter-visu status shows the stack.",
    403: "Use a token that may write to this bucket.",
    404: "Check the names of the organisation and the bucket.",
    413: "Use a smaller batch_size.",
    422: "Give the measure that changed its type another key; the rest was stored.",
}
_UNREACHABLE = "Start the server (multimeter-visu start), or check the url."


class InfluxDBStorage(Storage):
    """Stores each result in a bucket of InfluxDB 2.

    The identifier is the measurement, measure keys are fields, tags are tags; marks
    and the run itself stand beside it, see :mod:`multimeter.result_lines`. Storing a
    result again replaces what is there, so it is safe to repeat after an error.

    Args:
        token: The token that may write to the bucket.
        url: The URL of the server.
        org: The name or id of the organisation.
        bucket: The name or id of the bucket.
        batch_size: How many lines go into one request.
        timeout: How many seconds a request may take.

    Raises:
        ConfigurationError: There is no token, or the URL is none.
        MissingExtraError: influxdb-client is not installed.
    """

    def __init__(
        self,
        token: str,
        url: str = "http://localhost:8086",
        org: str = "kantai",
        bucket: str = "multimeter",
        *,
        batch_size: int = 5_000,
        timeout: float = 30.0,
    ) -> None:
        if not token:
            raise ConfigurationError(
                "'token' must be set.",
                next_step="InfluxDBStorage.from_stack() finds that of the installed stack.",
            )
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ConfigurationError(
                f"'{url}' is not the URL of a server.",
                next_step="Use something like http://localhost:8086.",
            )
        self._url = url
        self._bucket = bucket
        self._batch_size = max(1, batch_size)
        self._client = _client(url, token, org, timeout)

    @classmethod
    def from_stack(cls, config: str | os.PathLike[str] | None = None) -> InfluxDBStorage:
        """Return a storage for the installed stack.

        Args:
            config: The configuration of the stack. By default the environment is
                asked (``INFLUXDB_V2_URL``, ``_TOKEN``, ``_ORG``, ``_BUCKET``), then
                the home folder.

        Raises:
            NoStackError: No stack is installed.
            ConfigurationError: Its configuration cannot be used.
        """
        found = find_connection(config)
        return cls(found.token, found.url, found.org, found.bucket)

    def store(self, result: Result) -> None:
        """Write a result; returns when the server has taken all of it.

        Args:
            result: What was measured; it needs an identifier.

        Raises:
            StorageError: The server cannot be reached or refused some of it.
            FormatError: The result has no identifier, or measure keys that line
                protocol cannot tell apart.
        """
        from influxdb_client.client.write_api import SYNCHRONOUS

        lines = encode_result(result)
        with self._client.write_api(write_options=SYNCHRONOUS) as write_api:
            while batch := list(itertools.islice(lines, self._batch_size)):
                self._write(write_api, "\n".join(batch).encode("utf-8"))
        logger.debug("Stored %r at %s.", result.identifier, self._url)

    def _write(self, write_api: WriteApi, body: bytes) -> None:
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        try:
            write_api.write(bucket=self._bucket, record=body)
        except ApiException as error:
            raise StorageError(
                f"{self._url} answered {error.status}: {_reason(error)}",
                next_step=_NEXT_STEPS.get(error.status, "Store the result again."),
            ) from error
        except (HTTPError, OSError) as error:
            raise StorageError(
                f"{self._url} does not answer: {error}",
                cause="The server is not running, or a network is in the way.",
                next_step=f"{_UNREACHABLE} Then call storage.store(measurement.result):"
                " the result is still in memory.",
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]


def _client(url: str, token: str, org: str, timeout: float) -> InfluxDBClient:
    try:
        from influxdb_client.client.influxdb_client import InfluxDBClient
    except ImportError as error:
        raise MissingExtraError("influxdb-client", "influx") from error
    return InfluxDBClient(url, token, org=org, timeout=round(timeout * 1_000))


def _reason(error: object) -> str:
    """Return what the server said, without headers that might hold secrets."""
    message = getattr(error, "message", None) or getattr(error, "body", None)
    return str(message or getattr(error, "reason", ""))
