"""The launch of the server of an embedded stack.

The tool starts it with :func:`main`. Only the path of a file and a pid are on its command
line, no secret.
"""

from __future__ import annotations

import os
import pathlib
import signal
import sys
from types import FrameType
from typing import NoReturn

from multimeter.errors import MultimeterError
from multimeter.visualization.config import StackConfig, read_config
from multimeter.visualization.embedded.folder import DataFolder

__all__ = ["launch", "main"]

_HOST = "127.0.0.1"


def main() -> None:
    """Run the server until it receives a signal.

    The arguments of the process are the path of the configuration and the pid of the
    parent.
    """
    try:
        launch(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
    except MultimeterError as error:
        sys.exit(str(error))


def launch(config_file: pathlib.Path, parent: int | None = None) -> None:
    """Serve the embedded stack of a configuration until SIGTERM or SIGINT.

    Args:
        config_file: The configuration.
        parent: The process that waits for the server; if it has ended already, the server
            does not start.

    Raises:
        NotInstalledError: There is no such configuration.
        PortTakenError: Another program listens on its port.
        StoreError: Its store cannot be opened.
        VisualizationError: Its server is running already.
    """
    # uvicorn shuts down and then raises the signal again; the store must be closed
    # after that.
    signal.signal(signal.SIGTERM, _leave)
    config = read_config(config_file)
    folder = DataFolder.of(config)
    # Recorded before anything is loaded or opened: if the install is killed now, the next
    # one finds this process.
    with folder.running():
        if parent is not None and os.getppid() != parent:
            return
        _serve(config_file, config, folder)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _serve(config_file: pathlib.Path, config: StackConfig, folder: DataFolder) -> None:
    """Open the store and the socket, and serve the application."""
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
            # The socket queues connections until the server accepts them, so it counts as
            # ready now.
            folder.record_ready()
            server.run(sockets=[listener])
        finally:
            store.close()
