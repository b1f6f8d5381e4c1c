"""Launch: the server, until it is told to end."""

from __future__ import annotations

import pathlib
import signal
import sys
from types import FrameType
from typing import NoReturn

import uvicorn

from multimeter.visualization.config import read_config
from multimeter.visualization.embedded.access import Access
from multimeter.visualization.embedded.app import create_app
from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.embedded.ports import listen
from multimeter.visualization.embedded.server import server_config
from multimeter.visualization.embedded.store import Store

__all__ = ["launch"]

_HOST = "127.0.0.1"


def launch(config_file: pathlib.Path) -> None:
    """Serve the embedded stack of a configuration until SIGTERM or SIGINT.

    Raises:
        NotInstalledError: There is no such configuration.
        PortTakenError: Another program listens on its port.
        StoreError: Its store cannot be opened.
    """
    config = read_config(config_file)
    folder = DataFolder(pathlib.Path(config.engine_state["directory"]))
    port = int(config.engine_state["port"])
    access = Access(config.org, config.bucket, config.token, config.read_token)
    # uvicorn ends in order and then sends itself the signal again; the store is to be
    # closed after that.
    signal.signal(signal.SIGTERM, _leave)
    # Connections wait in the socket until the server takes them, so whoever sees that
    # it runs need not ask twice.
    with listen(_HOST, port) as listener:
        store = Store(folder.store)
        try:
            server = uvicorn.Server(server_config(create_app(store, access), _HOST, port))
            with folder.running():
                server.run(sockets=[listener])
        finally:
            store.close()


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
