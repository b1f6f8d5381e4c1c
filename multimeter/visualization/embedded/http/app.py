"""The application: everything that the embedded server answers, without the server.

::

    app = create_app(Store(path), Access(org, bucket, write_token, read_token))
    uvicorn.Server(server_config(app, "127.0.0.1", 8086)).run()
"""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware

from multimeter.visualization.embedded.http.access import Access, Sessions
from multimeter.visualization.embedded.http.assets import asset_routes
from multimeter.visualization.embedded.http.export_api import ExportApi
from multimeter.visualization.embedded.http.guard import Guard
from multimeter.visualization.embedded.http.health_api import HealthApi
from multimeter.visualization.embedded.http.influx_api import InfluxApi
from multimeter.visualization.embedded.http.limits import BodyLimits, Limits
from multimeter.visualization.embedded.http.lines_api import LinesApi
from multimeter.visualization.embedded.http.logs_api import LogsApi
from multimeter.visualization.embedded.http.page_api import PageApi
from multimeter.visualization.embedded.http.pages import Pages
from multimeter.visualization.embedded.http.reading import ReadRoutes
from multimeter.visualization.embedded.http.responses import EXCEPTION_HANDLERS
from multimeter.visualization.embedded.http.run_view import PanelSource
from multimeter.visualization.embedded.http.write_api import WriteApi
from multimeter.visualization.embedded.store.store import Store

__all__ = ["create_app"]


def create_app(
    store: Store,
    access: Access,
    *,
    limits: Limits | None = None,
    now_ns: Callable[[], int] = time.time_ns,
    user_panels: PanelSource = tuple,
    sessions_file: pathlib.Path | None = None,
    open_command: str = "multimeter-visu open",
) -> Starlette:
    """Return the application.

    Args:
        store: Where the points are; it is used from several threads, and not closed.
        access: The organisation, the bucket, and the tokens.
        limits: What one request may take.
        now_ns: Returns the time, in ns since the epoch.
        user_panels: Panels that somebody has made; by default there are none.
        sessions_file: Where it is kept who has logged out; by default in memory alone.
        open_command: The command that prints a link to log in.
    """
    limits = limits or Limits()
    sessions = Sessions(access.read_token, now_ns, sessions_file)
    reading = ReadRoutes(access, sessions)
    app = Starlette(
        routes=[
            *WriteApi(store, access, limits, now_ns).routes(),
            *InfluxApi(access, now_ns).routes(),
            *PageApi(store, reading, limits, now_ns, user_panels).routes(),
            *LogsApi(store, reading, limits).routes(),
            *LinesApi(store, reading, now_ns).routes(),
            *ExportApi(store, reading, now_ns, user_panels).routes(),
            *HealthApi(store, reading, limits, now_ns).routes(),
            *Pages(access, sessions, now_ns, open_command).routes(),
            *asset_routes(),
        ],
        middleware=[Middleware(BodyLimits, limits=limits), Middleware(Guard)],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    app.router.redirect_slashes = False
    return app
