"""Launch: the server of one embedded stack, from its first moment to its last."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
from types import FrameType
from typing import NoReturn

from multimeter.visualization.config import StackConfig, read_config
from multimeter.visualization.embedded.folder import DataFolder

__all__ = ["launch"]

_HOST = "127.0.0.1"


def launch(config_file: pathlib.Path, parent: int | None = None) -> None:
    """Serve the embedded stack of a configuration until SIGTERM or SIGINT.

    Args:
        config_file: The configuration.
        parent: The process that waits for the server; without it, by the time it
            could be waited for, the server does not even begin.

    Raises:
        NotInstalledError: There is no such configuration.
        PortTakenError: Another program listens on its port.
        StoreError: Its store cannot be opened.
        VisualizationError: Its server runs already.
    """
    # uvicorn ends in order and then sends itself the signal again; the store is to be
    # closed after that.
    signal.signal(signal.SIGTERM, _leave)
    config = read_config(config_file)
    folder = DataFolder.of(config)
    # Recorded before anything is loaded or opened: an install that is killed now leaves
    # nothing that the next one would not find.
    with folder.running():
        if parent is not None and os.getppid() != parent:
            return
        _serve(config_file, config, folder)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _serve(config_file: pathlib.Path, config: StackConfig, folder: DataFolder) -> None:
    """Put the store, the application and the socket together, and serve."""
    import uvicorn

    from multimeter.visualization.dashboards.user_defined import UserPanels
    from multimeter.visualization.embedded.http.access import Access
    from multimeter.visualization.embedded.http.app import create_app
    from multimeter.visualization.embedded.http.server import server_config
    from multimeter.visualization.embedded.store.store import Store
    from multimeter.visualization.invocation import command_of
    from multimeter.visualization.ports import listen
    from multimeter.visualization.stack_spec import checked_port

    port = checked_port(config.spec.port)
    access = Access(config.org, config.bucket, config.token, config.read_token)
    with listen(_HOST, port) as listener:
        store = Store(folder.store)
        try:
            app = create_app(
                store,
                access,
                user_panels=UserPanels(config_file),
                sessions_file=folder.sessions,
                open_command=command_of("open", config_file, config.name),
            )
            server = uvicorn.Server(server_config(app, _HOST, port))
            # Connections wait in the socket until the server takes them, so a reader
            # of this need not ask whether it answers.
            folder.record_ready()
            server.run(sockets=[listener])
        finally:
            store.close()
