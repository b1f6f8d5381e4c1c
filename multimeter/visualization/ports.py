"""Ports: choose one, listen on it, and find the program or stack that uses it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import socket
import urllib.parse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from multimeter.connection import CONFIGURATION_VERSION, default_config_file
from multimeter.visualization.errors import PortTakenError, VisualizationError
from multimeter.visualization.stack_spec import HIGHEST_PORT

__all__ = [
    "PortChoice",
    "choose_port",
    "free_port",
    "listen",
    "owner_of",
    "require_free",
    "reserved_ports",
]

_BACKLOG = 2048
_NEXT_PORTS = 100
_IPV6_LOOPBACK = "::1"
""""localhost" often resolves to this first: a port that is taken here is not free."""
_LOOPBACK = ("127.0.0.1", "localhost", _IPV6_LOOPBACK)
_LONGEST_CONFIGURATION = 1 << 16


@dataclass(frozen=True)
class PortChoice:
    """The chosen port of a stack.

    Attributes:
        port: The port.
        note: Why it is not the default; empty if it is, or was requested.
    """

    port: int
    note: str = ""


def choose_port(
    host: str,
    wanted: int | None,
    usual: int,
    reserved: Mapping[int, str],
    *,
    look: bool = True,
) -> PortChoice:
    """Choose the port of a stack.

    Args:
        host: The address to listen on.
        wanted: The requested port, which need not be free; 0 for any free one; None for
            the default, or the next free one if that is taken.
        usual: The default port.
        reserved: Ports that must not be chosen even if they are free, each with its user.
        look: Whether the address is on this machine, so that free ports can be detected.
    """
    if wanted:
        return PortChoice(wanted)
    if wanted == 0:
        return PortChoice(_any_port(host, reserved))
    addresses = (host, _IPV6_LOOPBACK) if look else ()
    obstacle = _obstacle(addresses, usual, reserved)
    if not obstacle:
        return PortChoice(usual)
    following = range(usual + 1, min(usual + _NEXT_PORTS, HIGHEST_PORT) + 1)
    free = (each for each in following if not _obstacle(addresses, each, reserved))
    port = next(free, None) or _any_port(host, reserved)
    return PortChoice(port, f"Port {usual} {obstacle}; this stack uses {port} instead.")


def _any_port(host: str, reserved: Mapping[int, str]) -> int:
    while True:
        port = free_port(host)
        if port not in reserved:
            return port


def _obstacle(addresses: Sequence[str], port: int, reserved: Mapping[int, str]) -> str:
    """Return why a stack cannot use a port, or an empty string."""
    if port in reserved:
        return f"is used by {reserved[port]}"
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family) as probe:
                _allow_reuse(probe)
                probe.bind((address, port))
                probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"is taken by {owner_of(port)}"
            if address != _IPV6_LOOPBACK:  # IPv6 may be unavailable
                return f"cannot be used ({error.strerror})"
    return ""


def free_port(host: str) -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def require_free(host: str, port: int) -> None:
    """Check that a stack can listen on a port.

    Raises:
        PortTakenError: Another program listens there; the message names it if it is known.
        VisualizationError: The system does not allow it.
    """
    listen(host, port).close()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on a port.

    Raises:
        PortTakenError: Another program listens there; the message names it if it is known.
        VisualizationError: The system does not allow it.
    """
    # asyncio sets TCP_NODELAY only on sockets with an explicit protocol; on others the body
    # of each response waits for the client's acknowledgement of the head: 40 ms.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    try:
        _allow_reuse(listener)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            taken = PortTakenError(
                f"Port {port} is taken by {owner_of(port)}.",
                next_step="Stop that program, or choose another port with --port.",
            )
            taken.port = port
            raise taken from error
        raise VisualizationError(
            f"Nothing can listen on port {port}: {error.strerror}",
            cause="Ports below 1024 belong to root." if port < 1024 else "",  # noqa: PLR2004
            next_step="Choose another port with --port.",
        ) from error
    return listener


def _allow_reuse(listener: socket.socket) -> None:
    """Allow a port with connections that were closed a moment ago.

    On Windows the option would share the port instead.
    """
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def owner_of(port: int) -> str:
    """Return the program that listens on a port, with its pid if known."""
    # The system may hide it: only root sees the processes of other users.
    with contextlib.suppress(psutil.Error, OSError):
        for each in psutil.net_connections(kind="tcp"):
            here = getattr(each.laddr, "port", None) == port
            if here and each.status == psutil.CONN_LISTEN and each.pid:
                return f"{psutil.Process(each.pid).name()} (pid {each.pid})"
    return "another program"


def reserved_ports(
    config_file: pathlib.Path, taken: Collection[int] = ()
) -> dict[int, str]:
    """Return the ports that an install must not choose, each with its user.

    The ports of another stack are reserved even while it is stopped. Other stacks are those
    with a configuration in the default folder, or beside this one.

    Args:
        config_file: The configuration of the stack that is installed.
        taken: Ports that were taken although they seemed free.
    """
    ports = dict.fromkeys(taken, "another program")
    for folder in {default_config_file().parent, config_file.parent}:
        for each in sorted(folder.glob("*.json")):
            other = {} if each == config_file else _configuration(each)
            for url in (other.get("url"), other.get("page")):
                if port := _local_port(url):
                    ports[port] = _description(str(other.get("name")), each)
    return ports


def _configuration(path: pathlib.Path) -> dict[str, Any]:
    """Return the configuration of a stack; empty for any other file.

    Its permissions are not checked: that is done by the commands of its own stack.
    """
    try:
        if not path.is_file() or path.stat().st_size > _LONGEST_CONFIGURATION:
            return {}
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    readable = isinstance(data, dict) and data.get("version") == CONFIGURATION_VERSION
    return data if readable and "engine" in data else {}


def _description(name: str, path: pathlib.Path) -> str:
    place = "" if path == default_config_file(name) else f" ({path})"
    return f"the stack {name!r:.60}{place}"


def _local_port(url: object) -> int | None:
    with contextlib.suppress(ValueError):
        parts = urllib.parse.urlsplit(str(url))
        if parts.hostname in _LOOPBACK:
            return parts.port
    return None
