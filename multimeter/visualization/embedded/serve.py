"""Serve: the store, the application and the socket, put together."""

from __future__ import annotations

import pathlib

import uvicorn

from multimeter.visualization.config import StackConfig
from multimeter.visualization.dashboards.own_files import OwnPanels
from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.embedded.http.access import Access
from multimeter.visualization.embedded.http.app import create_app
from multimeter.visualization.embedded.http.server import server_config
from multimeter.visualization.embedded.store.store import Store
from multimeter.visualization.invocation import command_of
from multimeter.visualization.ports import listen
from multimeter.visualization.stack_spec import checked_port

__all__ = ["serve"]

_HOST = "127.0.0.1"


def serve(config_file: pathlib.Path, config: StackConfig, folder: DataFolder) -> None:
    """Serve a stack until a signal ends the process.

    Args:
        config_file: The configuration; dashboards of one's own are beside it.
        config: What is in it.
        folder: Where its data is.

    Raises:
        PortTakenError: Another program listens on its port.
        StoreError: Its store cannot be opened.
    """
    port = checked_port(config.spec.port)
    access = Access(config.org, config.bucket, config.token, config.read_token)
    with listen(_HOST, port) as listener:
        store = Store(folder.store)
        try:
            app = create_app(
                store,
                access,
                own_panels=OwnPanels(config_file),
                sessions_file=folder.sessions,
                open_command=command_of("open", config_file, config.name),
            )
            server = uvicorn.Server(server_config(app, _HOST, port))
            # Connections wait in the socket until the server takes them, so a
            # reader of this need not ask whether it answers.
            folder.record_ready()
            server.run(sockets=[listener])
        finally:
            store.close()
