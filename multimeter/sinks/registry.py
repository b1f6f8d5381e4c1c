"""Find the sink for an address: those of Multimeter, and those of other packages.

The address beside a spool says where its points go, and holds no secrets. Its ``kind`` is
the name of an entry point in the group ``multimeter.sinks``: a function that takes the
address and the credentials, and returns the sink.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, EntryPoints, entry_points

from multimeter.connection import Connection
from multimeter.errors import ConfigurationError
from multimeter.sinks.base import Sink

__all__ = ["ENTRY_POINTS", "Address", "Credentials", "make_sink"]

ENTRY_POINTS = "multimeter.sinks"
"""The group of entry points: each is a function ``(address, credentials) -> Sink``."""

# Not among the entry points of the package: those are as old as its installation.
_OWN = EntryPoints(
    EntryPoint(kind, f"multimeter.sinks.{function}", ENTRY_POINTS)
    for kind, function in (
        ("influxdb", "influx:open_sink"),
        ("mysql", "sql_address:open_mysql"),
        ("odbc", "sql_address:open_odbc"),
    )
)

Address = Mapping[str, str]
"""How to find a place again; see :attr:`multimeter.sinks.base.Sink.address`."""


@dataclass(frozen=True)
class Credentials:
    """What opens places: the stack's own tokens, and files that the user names.

    Attributes:
        stack: The installed stack, if there is one.
        token_file: A file with the token of another server.
        url_file: A file with the URLs of databases, one a line, with user and password.
        ca: A file of certificates to trust.
    """

    stack: Connection | None = None
    token_file: pathlib.Path | None = None
    url_file: pathlib.Path | None = None
    ca: pathlib.Path | None = None

    def read(self, path: pathlib.Path) -> str:
        """Return what is in one of the files.

        Raises:
            ConfigurationError: It cannot be read.
        """
        try:
            return path.expanduser().read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{path} cannot be read: {error}") from error


def make_sink(address: Address, credentials: Credentials) -> Sink:
    """Return the sink for an address.

    Raises:
        ConfigurationError: There is no sink of its kind, or the credentials do not open it.
        MissingExtraError: The driver of its database is not installed.
    """
    kind = address.get("kind", "")
    entries = EntryPoints((*_OWN, *entry_points(group=ENTRY_POINTS)))
    if kind not in entries.names:
        raise ConfigurationError(
            f"There is no sink of the kind '{kind}': there are "
            f"{', '.join(sorted(entries.names))}.",
            cause="The package that has it is not installed here.",
            next_step="Install it, or start the program that wrote the points: it sends "
            "what it has left.",
        )
    sink: Sink = next(iter(entries.select(name=kind))).load()(address, credentials)
    return sink
