"""Ports: which are free, and who has the others."""

from __future__ import annotations

import contextlib
import errno
import os
import socket

import psutil

from multimeter.visualization.errors import PortTakenError, VisualizationError

__all__ = ["free_port", "listen", "require_free"]

_BACKLOG = 2048


def free_port(host: str) -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def require_free(host: str, port: int) -> None:
    """Check that a port can be listened on.

    Raises:
        PortTakenError: Another program listens there; it is named where it is known.
        VisualizationError: The system does not allow it.
    """
    listen(host, port).close()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on a port.

    Raises:
        PortTakenError: Another program listens there; it is named where it is known.
        VisualizationError: The system does not allow it.
    """
    # asyncio sends answers at once (TCP_NODELAY) on sockets that say they are TCP; on
    # others the body of each waits for the client to acknowledge the head: 40 ms.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            # Connections that have just ended are no reason to refuse a start. On
            # Windows the option means something else: to share the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"Port {port} is taken{_by_whom(port)}.",
                next_step="Stop that program, or choose another port with --port.",
            ) from error
        raise VisualizationError(
            f"Nothing can listen on port {port}: {error.strerror}",
            cause="Ports below 1024 belong to root." if port < 1024 else "",  # noqa: PLR2004
            next_step="Choose another port with --port.",
        ) from error
    return listener


def _by_whom(port: int) -> str:
    # The system may hide it: other users' processes are seen by root only.
    with contextlib.suppress(psutil.Error, OSError):
        for each in psutil.net_connections(kind="tcp"):
            here = getattr(each.laddr, "port", None) == port
            if here and each.status == psutil.CONN_LISTEN and each.pid:
                return f" by {psutil.Process(each.pid).name()} (pid {each.pid})"
    return " by another program"
