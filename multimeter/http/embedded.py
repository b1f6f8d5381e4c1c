"""The embedded server's own API: its runs, their lines, and the way into its page.

See docs/http-api.md. It is no part of InfluxDB's API, and the server has to prove that it
knows the token (:mod:`multimeter.http.proof`): so it is asked over the transport of the
write path, not by influxdb-client. docs/decisions/influxdb-client.md has the reasons.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import IO, Any, cast
from urllib.parse import urlencode

from multimeter.data.timestamps import EVER_ISO
from multimeter.errors import StorageError
from multimeter.http.proof import expects_proof
from multimeter.http.tls import Authorities
from multimeter.http.transport import (
    Transport,
    refusal_error,
    unreachable_error,
)

__all__ = ["EmbeddedServer"]


class EmbeddedServer:
    """Asks an embedded server.

    Args:
        url: Its URL.
        token: The token that may read.
        timeout: How many seconds it may be silent.
        ca: The file of certificates to trust, with ``https``; by default the system's.

    Attributes:
        url: Its URL.

    Raises:
        ConfigurationError: There is no token, or it, the URL or ``ca`` cannot be used.
    """

    def __init__(
        self, url: str, token: str, *, timeout: float = 60.0, ca: Authorities | None = None
    ) -> None:
        self._transport = Transport(url, token, timeout=timeout, ca=ca)
        self._has_proof = expects_proof(token)
        self.url = self._transport.url

    def is_there(self) -> bool:
        """Return whether what listens there is an embedded server, and not InfluxDB.

        Raises:
            StorageError: It does not answer.
        """
        if self._has_proof:
            return True
        with self._exchange():
            answer = self._transport.request("GET", "/ping", with_token=False)
        return answer.headers.get("x-influxdb-build") == "multimeter"

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs, newest first.

        Raises:
            StorageError: The server does not answer, or refuses it.
        """
        with self._json_errors(), self._answer("/api/runs") as answer:
            return [dict(each) for each in json.load(answer)]

    def has_run(self, measurement: str) -> bool:
        """Return whether there is a run of this measurement.

        Raises:
            StorageError: The server does not answer, or refuses to say.
        """
        path = f"/api/marks?{urlencode({'run': measurement})}"
        with self._exchange(), self._transport.stream(path) as answer:
            if answer.status != HTTPStatus.NOT_FOUND:
                self._require_ok(answer)
            return answer.status == HTTPStatus.OK

    @contextlib.contextmanager
    def lines(self, measurement: str) -> Iterator[IO[bytes]]:
        """Lend a run as lines of line protocol.

        Raises:
            StorageError: The server does not answer, refuses it, or stops half way.
        """
        path = f"/api/lines?{urlencode({'run': measurement})}"
        with self._answer(path) as answer:
            yield answer

    def delete(self, org: str, bucket: str, predicates: Iterable[str]) -> None:
        """Delete points, one predicate after the other; the token must be one that writes.

        Raises:
            StorageError: The server does not answer, or refuses it; what comes after that
                predicate is not deleted.
        """
        path = f"/api/v2/delete?{urlencode({'org': org, 'bucket': bucket})}"
        with self._exchange():
            for predicate in predicates:
                body = json.dumps({**EVER_ISO, "predicate": predicate}).encode()
                answer = self._transport.request("POST", path, body)
                if answer.status != HTTPStatus.NO_CONTENT:
                    raise refusal_error(self.url, answer.status, answer.message)

    def login_code(self) -> str:
        """Return a code that opens the page once.

        Raises:
            StorageError: The server does not answer, or refuses it.
        """
        with self._json_errors(), self._exchange():
            answer = self._transport.request("POST", "/api/login-codes", b"{}")
            if answer.status != HTTPStatus.OK:
                raise refusal_error(self.url, answer.status, answer.message)
            return str(json.loads(answer.body)["code"])

    @contextlib.contextmanager
    def _answer(self, path: str) -> Iterator[IO[bytes]]:
        with self._exchange(), self._transport.stream(path) as answer:
            self._require_ok(answer)
            yield cast("IO[bytes]", answer)

    def _require_ok(self, response: http.client.HTTPResponse) -> None:
        if response.status != HTTPStatus.OK:
            answer = self._transport.read(response)
            raise refusal_error(self.url, answer.status, answer.message)

    @contextlib.contextmanager
    def _exchange(self) -> Iterator[None]:
        """Give errors of the connection their cause, and close it: the next may be far."""
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            raise unreachable_error(self.url, error) from error
        finally:
            self._transport.close()

    @contextlib.contextmanager
    def _json_errors(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, RecursionError, TypeError, KeyError) as error:
            raise StorageError(
                f"{self.url} does not answer as an embedded server: {error!r}",
                cause="Another server listens there, or a network asks for a login.",
                next_step="multimeter-visu status",
            ) from error
