"""Links to the page: print them, open a browser, and forward the port over SSH."""

from __future__ import annotations

import getpass
import ipaddress
import os
import socket
import webbrowser
from collections.abc import Mapping
from urllib.parse import urlsplit

from multimeter.visualization.console import Console
from multimeter.visualization.engines.base import Links

__all__ = ["has_browser", "open_links", "print_links", "tunnel_command"]

_FIELDS = 4
_SSH_PORT = 22


def print_links(links: Links, console: Console) -> None:
    """Print the best link, and how to log in."""
    console.line(f"  {links.best}")
    if links.login_hint:
        console.line(f"  {links.login_hint}")
    if tunnel := tunnel_command(links.page, os.environ):
        console.line(f"  Over SSH, first run this on your own machine: {tunnel}")


def open_links(links: Links, console: Console) -> None:
    """Open the best link if the output is a terminal and a browser would be visible."""
    if console.is_terminal and has_browser(os.environ):
        webbrowser.open(links.best)


def has_browser(environment: Mapping[str, str]) -> bool:
    """Whether a browser opened here is visible to the user.

    Args:
        environment: The environment of the process.
    """
    forwarded = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    return bool(forwarded) or not environment.get("SSH_CONNECTION")


def tunnel_command(url: str, environment: Mapping[str, str]) -> str:
    """Return the command that forwards the port of a URL; empty if none is needed.

    Args:
        url: A URL of this machine.
        environment: The environment of the process; sshd sets ``SSH_CONNECTION`` to the
            addresses and ports of the client and of this machine.
    """
    connection = environment.get("SSH_CONNECTION", "").split()
    port = urlsplit(url).port
    if not connection or not port:
        return ""
    machine, ssh_port = socket.gethostname(), _SSH_PORT
    if len(connection) == _FIELDS and connection[3].isdecimal() and _is_ip(connection[2]):
        machine, ssh_port = connection[2], int(connection[3])
    option = "" if ssh_port == _SSH_PORT else f" -p {ssh_port}"
    return f"ssh{option} -L {port}:127.0.0.1:{port} {_user(environment)}{machine}"


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _user(environment: Mapping[str, str]) -> str:
    try:
        name = environment.get("USER") or getpass.getuser()
    except (OSError, KeyError, ImportError):  # a uid without a name
        return ""
    return f"{name}@"
