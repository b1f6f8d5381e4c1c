"""A storage for InfluxDB 2, and for every server that speaks its write API."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from multimeter.connection import find_connection
from multimeter.errors import ConfigurationError, MissingExtraError, StorageError
from multimeter.log import log
from multimeter.result import Result
from multimeter.result_lines import encode_batches
from multimeter.storages.base import Storage

if TYPE_CHECKING:
    from influxdb_client.client.influxdb_client import InfluxDBClient

__all__ = ["InfluxDBStorage"]

_STORED = 204
_PARTLY_STORED = 422
_LONGEST_REASON = 500
_NEXT_STEPS = {
    401: "Use a token that the server knows: multimeter-visu status shows the stack.",
    403: "Use a token that may write to this bucket.",
    404: "Check the names of the organisation and the bucket.",
    413: "Use a smaller batch_size.",
    _PARTLY_STORED: "Rename a measure that changed its type; all else was stored.",
}
_UNREACHABLE = (
    "Start the server (multimeter-visu start), or check the url. Then call "
    "storage.store(measurement.result): the result is still in memory."
)


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
        gzip: Whether requests are compressed, which pays off on slow networks only.

    Raises:
        ConfigurationError: There is no token, or it or the URL cannot be used.
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
        gzip: bool = False,
    ) -> None:
        _check_token(token)
        _check_url(url)
        self._url = url
        self._org = org
        self._bucket = bucket
        self._batch_size = max(1, batch_size)
        self._client = _client(url, token, org=org, timeout=timeout, gzip=gzip)

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
        refused: list[StorageError] = []
        for batch in encode_batches(result, self._batch_size):
            refused += self._write(batch.encode("utf-8"))
        if refused:
            raise refused[0]
        log().debug("Stored %r at %s.", result.identifier, self._url)

    def _write(self, body: bytes) -> list[StorageError]:
        """Write a batch; return what was refused of it while the rest was stored."""
        from influxdb_client.rest import ApiException
        from influxdb_client.service.write_service import WriteService
        from urllib3.exceptions import HTTPError

        service = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]
        try:
            _, status, _ = service.post_write_with_http_info(  # type: ignore[no-untyped-call]
                self._org, self._bucket, body, precision="ns"
            )
        except ApiException as error:
            problem = StorageError(
                f"{self._url} answered {error.status}: {_reason(error)}",
                next_step=_NEXT_STEPS.get(error.status, "Store the result again."),
            )
            if error.status == _PARTLY_STORED:
                return [problem]
            raise problem from error
        except (HTTPError, OSError) as error:
            raise StorageError(
                f"{self._url} does not answer: {error}",
                cause="The server is not running, or a network is in the way.",
                next_step=_UNREACHABLE,
            ) from error
        except UnicodeDecodeError as error:
            raise self._foreign("text that is not UTF-8") from error
        if status != _STORED:
            raise self._foreign(str(status))
        return []

    def _foreign(self, answer: str) -> StorageError:
        return StorageError(
            f"{self._url} answered {answer}, where InfluxDB answers {_STORED}.",
            cause="Another server listens there, or a network asks for a login.",
            next_step="Check the url, then store the result again.",
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]


def _check_token(token: str) -> None:
    # What does not fit in a header would end up in an error message of the client.
    if not token:
        raise ConfigurationError(
            "'token' must be set.",
            next_step="InfluxDBStorage.from_stack() finds that of the installed stack.",
        )
    if not (isinstance(token, str) and token.isascii() and token.isprintable()):
        raise ConfigurationError(
            "The token holds characters that no token has.",
            cause="It was copied with a line break, or from the wrong place.",
        )


def _check_url(url: str) -> None:
    if "@" in url:
        raise ConfigurationError(
            "The URL holds a user or a password, which InfluxDB does not take there.",
            next_step="Give the token as 'token', and a URL without a user.",
        )
    try:
        parts = urlsplit(url)
        is_server = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_server = False
    if not is_server:
        raise ConfigurationError(
            f"'{url}' is not the URL of a server.",
            next_step="Use something like http://localhost:8086.",
        )


def _client(
    url: str, token: str, *, org: str, timeout: float, gzip: bool
) -> InfluxDBClient:
    try:
        from influxdb_client.client.influxdb_client import InfluxDBClient
    except ImportError as error:
        raise MissingExtraError("influxdb-client", "influx") from error
    milliseconds = round(timeout * 1_000)
    return InfluxDBClient(url, token, org=org, timeout=milliseconds, enable_gzip=gzip)


def _reason(error: object) -> str:
    """Return what the server said, without headers that might hold secrets."""
    message = getattr(error, "message", None) or getattr(error, "body", None)
    return str(message or getattr(error, "reason", ""))[:_LONGEST_REASON]
