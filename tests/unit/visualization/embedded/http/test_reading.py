from __future__ import annotations

import asyncio
import threading

from starlette.applications import Starlette

from multimeter.visualization.embedded.http.access import Access, Sessions
from multimeter.visualization.embedded.http.reading import ReadRoutes
from multimeter.visualization.embedded.http.responses import EXCEPTION_HANDLERS
from multimeter.visualization.errors import QueryCancelledError

HEADERS = [(b"host", b"127.0.0.1"), (b"authorization", b"Token the-read-token")]
SCOPE = {"type": "http", "method": "GET", "path": "/api/slow", "query_string": b""}


class SlowQuery:
    """Takes until it is interrupted; gives up by itself in the end."""

    def __init__(self):
        self.begun = threading.Event()
        self.ended = threading.Event()

    def __call__(self, _asked, interrupt):
        interrupt.set = self.ended.set
        self.begun.set()
        if self.ended.wait(30):
            raise QueryCancelledError("ended")
        return "nobody ended it"


def test_the_query_of_a_client_that_goes_away_is_ended():
    access = Access("o", "b", "the-write-token", "the-read-token")
    query = SlowQuery()
    route = ReadRoutes(access, Sessions("the-read-token", lambda: 0)).route("slow", query)
    app = Starlette(routes=[route], exception_handlers=EXCEPTION_HANDLERS)

    async def receive():
        await asyncio.to_thread(query.begun.wait, 30)
        return {"type": "http.disconnect"}

    async def send(_message):
        pass

    asyncio.run(app({**SCOPE, "headers": HEADERS}, receive, send))
    assert query.ended.is_set()
