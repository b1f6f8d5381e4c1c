"""A sink for InfluxDB 2, and for every server that speaks its write API.

https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostWrite
"""

from __future__ import annotations

import gzip
import http.client
import os
import pathlib
import ssl
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from multimeter.connection import find_connection
from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.sinks.base import Answer, Batch, Retry
from multimeter.sinks.http_answers import answer_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["InfluxDBSink", "Token"]

Token = str | Callable[[], str]
"""A token, or what gives it; asked again after the server has refused one."""

_LONGEST_ANSWER = 2**20
_CONNECT_SECONDS = 10.0
# Beyond the first levels, time grows much faster than bytes shrink.
_GZIP_LEVEL = 3
_BROKEN = (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected)


class InfluxDBSink:
    """Writes batches to a bucket, over one connection that stays open.

    Sending a batch again is harmless: points replace themselves.

    Args:
        token: The token that may write to the bucket. It appears in no error message,
            log line or ``repr``.
        url: The URL of the server; a path in it stands before ``/api``.
        org: The name or id of the organisation.
        bucket: The name or id of the bucket.
        timeout: How many seconds the server may be silent.
        gzip: Whether bodies are compressed, which pays off on slow networks only.
        ca: The file of certificates to trust, with ``https``; by default the system's.

    Raises:
        ConfigurationError: There is no token, or it, the URL or ``ca`` cannot be used.
    """

    def __init__(
        self,
        token: Token,
        url: str = "http://localhost:8086",
        org: str = "kantai",
        bucket: str = "multimeter",
        *,
        timeout: float = 30.0,
        gzip: bool = False,
        ca: str | os.PathLike[str] | None = None,
    ) -> None:
        self._token = token
        self._header = "" if callable(token) else _header(token)
        self._url = _checked_url(url)
        self._org = org
        self._bucket = bucket
        self._timeout = timeout
        self._gzip = gzip
        self._tls = _tls(ca) if url.startswith("https:") else None
        self._connection: http.client.HTTPConnection | None = None
        query = urlencode({"org": org, "bucket": bucket, "precision": "ns"})
        self._path = f"{urlsplit(self._url).path}/api/v2/write?{query}"

    @classmethod
    def from_stack(cls, config: str | os.PathLike[str] | None = None) -> Self:
        """Return a sink for the installed stack.

        Args:
            config: The configuration of the stack. By default the environment is
                asked (``INFLUXDB_V2_URL``, ``_TOKEN``, ``_ORG``, ``_BUCKET``), then
                the home folder.

        Raises:
            NoStackError: No stack is installed.
            ConfigurationError: Its configuration cannot be used.
        """
        found = find_connection(config)
        # Who installs anew gets a new token: then it is read again.
        return cls(
            lambda: find_connection(config).token, found.url, found.org, found.bucket
        )

    @property
    def name(self) -> str:
        """The URL and the bucket."""
        return f"InfluxDB at {self._url} (bucket {self._bucket})"

    @property
    def address(self) -> Mapping[str, str]:
        """``kind``, ``url``, ``org`` and ``bucket``."""
        return {
            "kind": "influxdb",
            "url": self._url,
            "org": self._org,
            "bucket": self._bucket,
        }

    def send(self, batch: Batch) -> Answer:
        """Write a batch."""
        body = batch.body
        if self._gzip:
            body = gzip.compress(body, _GZIP_LEVEL)
        try:
            self._header = self._header or _header(self._token)
        except MultimeterError as error:
            return Retry(f"there is no token: {error}", refused=True)
        try:
            status, headers, text = self._post(body)
        except ssl.SSLCertVerificationError as error:
            return Retry(f"its certificate is not trusted: {error.reason}", refused=True)
        except TimeoutError:
            return Retry(f"it did not answer within {self._timeout:g} s", smaller=True)
        except (OSError, http.client.HTTPException) as error:
            # Who refuses a large body may cut the connection while it is being sent.
            cut = isinstance(error, _BROKEN)
            return Retry(f"it does not answer: {_what(error)}", smaller=cut)
        if status in (401, 403) and callable(self._token):
            self._header = ""
        return answer_of(status, headers, text, batch, time.time())

    def _post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        used_before = self._connection is not None
        try:
            return self._exchange(self._connect(), body)
        except _BROKEN:
            self.close()
            if not used_before:
                raise
        except BaseException:
            self.close()
            raise
        # The server has closed a connection that was idle: not worth a word.
        try:
            return self._exchange(self._connect(), body)
        except BaseException:
            self.close()
            raise

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            parts = urlsplit(self._url)
            assert parts.hostname, "the URL was checked"
            seconds = min(self._timeout, _CONNECT_SECONDS)
            if self._tls:
                self._connection = http.client.HTTPSConnection(
                    parts.hostname, parts.port, timeout=seconds, context=self._tls
                )
            else:
                self._connection = http.client.HTTPConnection(
                    parts.hostname, parts.port, timeout=seconds
                )
            self._connection.connect()
            self._connection.sock.settimeout(self._timeout)
        return self._connection

    def _exchange(
        self, connection: http.client.HTTPConnection, body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = {
            "Authorization": self._header,
            "Content-Type": "text/plain; charset=utf-8",
        }
        if self._gzip:
            headers["Content-Encoding"] = "gzip"
        try:
            connection.request("POST", self._path, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            # Perhaps it has said why before it cut the connection.
            response = connection.getresponse()
        else:
            response = connection.getresponse()
        text = response.read(_LONGEST_ANSWER)
        found = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close or not response.isclosed():
            self.close()
        return response.status, found, text.replace(self._header[6:].encode(), b"...")

    def after_fork(self) -> None:
        """Forget the connection: it is the parent's."""
        self._connection = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"


def _header(token: Token) -> str:
    """Return the header that a token makes.

    Raises:
        ConfigurationError: There is none, or it does not fit in a header, and would
            end up in an error message of the client.
    """
    found = token() if callable(token) else token
    if not found:
        raise ConfigurationError(
            "'token' must be set.",
            next_step="InfluxDBStorage.from_stack() finds that of the installed stack.",
        )
    if not (isinstance(found, str) and found.isascii() and found.isprintable()):
        raise ConfigurationError(
            "The token holds characters that no token has.",
            cause="It was copied with a line break, or from the wrong place.",
        )
    return f"Token {found}"


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_server = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_server = False
    if not is_server or "@" in parts.netloc or parts.query or not url.isprintable():
        raise ConfigurationError(
            f"'{url}' is not the URL of a server.",
            next_step="Use something like http://localhost:8086.",
        )
    return url.rstrip("/")


def _tls(ca: str | os.PathLike[str] | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else pathlib.Path(ca))
    except OSError as error:
        raise ConfigurationError(
            f"The certificates in {ca} cannot be used: {error}",
            next_step="Name a file of certificates in PEM format.",
        ) from error


def _what(error: BaseException) -> str:
    return str(error) or type(error).__name__
