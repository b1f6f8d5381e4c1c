"""A sink for InfluxDB 2, and for every server that has its write API.

https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostWrite

It does without influxdb-client: a batch stays the bytes that it is, goes over one
connection from the program that is measured, and each answer has a meaning for it
(:mod:`multimeter.sinks.http_answers`).
"""

from __future__ import annotations

import gzip as gzip_module
import http.client
import os
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from multimeter.connection import (
    DEFAULT_BUCKET,
    DEFAULT_ORG,
    DEFAULT_URL,
    Connection,
    find_connection,
)
from multimeter.errors import ConfigurationError
from multimeter.http.proven_connection import UnprovenServerError
from multimeter.http.transport import Token, Transport
from multimeter.sinks.base import Answer, Batch, Retry
from multimeter.sinks.http_answers import answer_of
from multimeter.sinks.registry import Address, Credentials

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["InfluxDBSink", "open_sink", "stack_address"]

# Beyond the first levels, time grows much faster than bytes shrink.
_GZIP_LEVEL = 3


class InfluxDBSink:
    """Writes batches to a bucket.

    InfluxDB 2, InfluxDB Cloud, the embedded server and VictoriaMetrics take them.
    Sending a batch again is harmless: equal points replace each other (but in
    VictoriaMetrics, which keeps both).

    Args:
        token: The token that may write to the bucket, or a function that returns it:
            it is called again when the server has refused what it gave before.
        url: The URL of the server; a path in it precedes ``/api``.
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
        url: str = DEFAULT_URL,
        org: str = DEFAULT_ORG,
        bucket: str = DEFAULT_BUCKET,
        *,
        timeout: float = 30.0,
        gzip: bool = False,
        ca: str | os.PathLike[str] | None = None,
    ) -> None:
        self._transport = Transport(url, token, timeout=timeout, ca=ca)
        self._org = org
        self._bucket = bucket
        self._timeout = timeout
        self._gzip = gzip
        query = urlencode({"org": org, "bucket": bucket, "precision": "ns"})
        self._path = f"/api/v2/write?{query}"
        self._headers = {"Content-Type": "text/plain; charset=utf-8"}
        if gzip:
            self._headers["Content-Encoding"] = "gzip"

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
        stack = find_connection(config)
        # Read the token lazily: reinstalling the stack rotates it.
        return cls(
            lambda: find_connection(config).token, stack.url, stack.org, stack.bucket
        )

    @property
    def name(self) -> str:
        """The URL and the bucket."""
        return f"InfluxDB at {self._transport.url} (bucket {self._bucket})"

    @property
    def address(self) -> Mapping[str, str]:
        """``kind``, ``url``, ``org`` and ``bucket``."""
        return {
            "kind": "influxdb",
            "url": self._transport.url,
            "org": self._org,
            "bucket": self._bucket,
        }

    def send(self, batch: Batch) -> Answer:
        """Write a batch."""
        body = batch.body
        if self._gzip:
            body = gzip_module.compress(body, _GZIP_LEVEL)
        try:
            answer = self._transport.request("POST", self._path, body, self._headers)
        except ConfigurationError as error:
            return Retry(f"there is no usable token. {error}", refused=True)
        except UnprovenServerError as error:
            return Retry(str(error), refused=True)
        except ssl.SSLCertVerificationError as error:
            return Retry(
                f"its certificate is not trusted: {error.verify_message}", refused=True
            )
        except TimeoutError:
            return Retry(f"it did not answer within {self._timeout:g} s", smaller=True)
        except (OSError, http.client.HTTPException) as error:
            # A server that finds a body too large may cut the connection meanwhile.
            cut = isinstance(error, ConnectionError)
            refused = isinstance(error, ConnectionRefusedError)
            why = str(error) or type(error).__name__
            return Retry(
                f"it does not answer: {why}",
                smaller=cut and not refused,
                next_step="Start the server (multimeter-visu start), or check the url.",
            )
        return answer_of(answer, batch, time.time())

    def after_fork(self) -> None:
        """Close our end of the connection, which the parent does not notice."""
        self._transport.close()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"


def stack_address(stack: Connection) -> Address:
    """Return the address of the bucket of a stack."""
    return InfluxDBSink(stack.token, stack.url, stack.org, stack.bucket).address


def open_sink(address: Address, credentials: Credentials) -> InfluxDBSink:
    """Return the sink for a bucket.

    Raises:
        ConfigurationError: There is no token for it.
    """
    stack = credentials.stack
    if credentials.token_file:
        token = credentials.read(credentials.token_file).strip()
    elif stack and stack_address(stack) == address:
        token = stack.token
    else:
        raise ConfigurationError(
            f"There is no token for {address.get('url')}.",
            next_step="multimeter deliver --token-file FILE",
        )
    url, org, bucket = address["url"], address["org"], address["bucket"]
    return InfluxDBSink(token, url, org, bucket, ca=credentials.ca)
