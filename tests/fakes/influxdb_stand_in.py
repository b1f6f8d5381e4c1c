"""The stand-in for InfluxDB 2 without a container, for unit tests."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fakes.answering import running

__all__ = ["ORG", "stand_in"]

ORG = "kantai"
# Its modules lie side by side in its container.
sys.path.append(str(pathlib.Path(__file__).with_name("influxdb")))


@contextmanager
def stand_in(folder: pathlib.Path, token: str = "") -> Iterator[str]:
    """Run it, and lend its URL.

    Args:
        folder: Where its data goes.
        token: The token that has all rights, where it is set up already: with the
            organisation :data:`ORG` and the bucket ``multimeter``.
    """
    from server import Database, Handler

    class Here(Handler):
        database = Database(folder)

        def log_message(self, *args: object) -> None:
            pass

    if token:
        Here.database.org = {"id": "0" * 16, "name": ORG}
        Here.database.add_bucket("multimeter")
        Here.database.tokens = {token: {"id": "1", "all": True, "may": []}}
    with running(Here) as url:
        yield url
