"""The other stacks of this machine, as far as they are known: which ports are theirs."""

from __future__ import annotations

import contextlib
import json
import pathlib
import urllib.parse
from typing import Any

from multimeter.connection import CONFIGURATION_VERSION, default_config_file

__all__ = ["ports_of_others"]

_LONGEST_CONFIGURATION = 1 << 16
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def ports_of_others(path: pathlib.Path) -> dict[int, str]:
    """Return the ports of the other stacks that are known here, running or not.

    Known are those whose configuration is in the usual folder, or beside this one.

    Args:
        path: The configuration of the stack that asks.

    Returns:
        Who uses each port, as it can be said in a message.
    """
    ports = {}
    for folder in {default_config_file().parent, path.parent}:
        for each in sorted(folder.glob("*.json")):
            other = {} if each == path else _configuration(each)
            for url in (other.get("url"), other.get("page")):
                if port := _local_port(url):
                    ports[port] = _described(str(other.get("name")), each)
    return ports


def _configuration(path: pathlib.Path) -> dict[str, Any]:
    """Return what the configuration of a stack says; nothing where it is another file.

    It is only looked at: whether it is private is the business of its own stack.
    """
    try:
        if not path.is_file() or path.stat().st_size > _LONGEST_CONFIGURATION:
            return {}
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    known = isinstance(data, dict) and data.get("version") == CONFIGURATION_VERSION
    return data if known and "engine" in data else {}


def _described(name: str, path: pathlib.Path) -> str:
    place = "" if path == default_config_file(name) else f" ({path})"
    return f"the stack {name!r:.60}{place}"


def _local_port(url: object) -> int | None:
    with contextlib.suppress(ValueError):
        parts = urllib.parse.urlsplit(str(url))
        if parts.hostname in _LOOPBACK:
            return parts.port
    return None
