"""The server: the configuration of uvicorn, and limits of connections.

https://www.uvicorn.org/settings/
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from multimeter.errors import ConfigurationError

__all__ = ["CONNECTIONS", "ClientConnection", "server_config"]

CONNECTIONS = 256
"""The maximum number of connections; others are answered 503, or closed."""

_HEAD_BYTES = 64 * 1024
_KEEP_ALIVE_SECONDS = 75
_SHUTDOWN_SECONDS = 10

# URLs of requests may contain login codes, so requests are not logged.
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
}


def server_config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    """Return the configuration of uvicorn for the application.

    On SIGTERM or SIGINT the server accepts no more connections, closes idle ones, and
    gives running requests ten seconds. The caller closes the store after
    :meth:`uvicorn.Server.run` has returned.

    Args:
        app: The application, from
            :func:`~multimeter.visualization.embedded.http.app.create_app`.
        host: The address to listen on, ``127.0.0.1``, ``::1`` or ``localhost``.
        port: The port to listen on.

    Raises:
        ConfigurationError: The address is reachable from other machines.
    """
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise ConfigurationError(
            f"The server does not listen on {host}: other machines could reach it.",
            next_step="Use 127.0.0.1, and a tunnel: ssh -L 8086:127.0.0.1:8086 HOST",
        )
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="asyncio",
        http=ClientConnection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=_LOGGING,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )


class ClientConnection(H11Protocol):
    """A connection with a limited time to start each of its requests.

    uvicorn answers 503 beyond its limit of connections, but waits for ever for those that
    send nothing, or only a part of a request. Here they are closed, and so is every
    connection beyond twice the limit.
    """

    head_seconds: ClassVar[float] = 10.0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Handle a new connection."""
        super().connection_made(transport)
        if len(self.connections) > 2 * CONNECTIONS:
            transport.abort()
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Handle received bytes."""
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end of a connection."""
        super().connection_lost(exc)
        self._stop_timer()

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _give_up(self) -> None:
        self._head_timer = None
        if self.conn.their_state is h11.IDLE:
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
