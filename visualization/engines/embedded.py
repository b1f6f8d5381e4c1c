"""The embedded engine: one process of our own, and a folder with its store."""

from __future__ import annotations

import pathlib
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from multimeter.visualization.client import StackClient
from multimeter.visualization.config import StackConfig
from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.embedded.ports import free_port, require_free
from multimeter.visualization.embedded.process import ServerProcess
from multimeter.visualization.engines.base import Links, Request
from multimeter.visualization.plan import Action, Resource, State, Step

__all__ = ["EmbeddedEngine"]

_HOST = "127.0.0.1"
_DATA = "data"
_SERVER = "server"


class EmbeddedEngine:
    """The stack that one configuration describes.

    Args:
        config_file: The configuration, which the server reads for itself.
        config: What it says.
    """

    def __init__(self, config_file: pathlib.Path, config: StackConfig) -> None:
        state = config.engine_state
        self._folder = DataFolder(pathlib.Path(state["directory"]))
        self._port = int(state["port"])
        self._process = ServerProcess(self._folder, config_file)
        self._data = Resource(_DATA, str(self._folder.path))
        self._server = Resource(_SERVER, f"{_HOST}:{self._port}", runs=True)

    @staticmethod
    def describe(request: Request) -> StackConfig:
        """Return the configuration of a stack that is still to be made.

        Raises:
            PortTakenError: Another program listens on the port.
        """
        directory = request.directory or request.config_file.parent / "embedded"
        port = request.port or free_port(_HOST)
        require_free(_HOST, port)
        url = f"http://{_HOST}:{port}"
        return StackConfig(
            name="multimeter",
            engine="embedded",
            url=url,
            org=request.org,
            bucket=request.bucket,
            token=secrets.token_urlsafe(48),
            read_token=secrets.token_urlsafe(48),
            page=url,
            engine_state={"directory": str(directory.absolute()), "port": port},
        )

    def observe(self) -> Mapping[Resource, State]:
        """Return whether there is data, and whether the server runs."""
        running = self._process.find() is not None
        return {
            self._data: State.STOPPED if self._folder.is_there() else State.ABSENT,
            self._server: State.RUNNING if running else State.STOPPED,
        }

    def apply(self, step: Step) -> None:
        """Make or remove the folder, start or stop the server."""
        match step.action, step.resource:
            case Action.CREATE, self._data:
                self._folder.create()
            case Action.REMOVE, self._data:
                self._folder.remove()
            case Action.START, self._server:
                require_free(_HOST, self._port)
                self._process.start()
            case Action.STOP, self._server:
                self._process.stop()

    def finish(self, config: StackConfig) -> StackConfig:
        """Return the configuration as it is: it was complete before the start."""
        return config

    def links(self, config: StackConfig, run: Mapping[str, Any] | None) -> Links:
        """Return the links to the page; the server must be running."""
        query = f"/?{urlencode(_view(run))}" if run else "/"
        with StackClient(config) as client:
            code = client.login_code()
        login = f"{config.page}/login?{urlencode({'code': code, 'next': query})}"
        return Links(config.page + query, login, "multimeter-visu open")

    def details(self) -> Mapping[str, Any]:
        """Return the process, and what its data takes."""
        process = self._process.find()
        return {
            "pid": process.pid if process else None,
            "directory": str(self._folder.path),
            "size_bytes": self._folder.size_bytes(),
            "log": str(self._folder.log),
        }


def _view(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query that shows a run from its first to its last point."""
    view: dict[str, Any] = {"run": run["identifier"]}
    if run["start"] is not None:
        # Outwards to whole milliseconds, so that no point is cut off.
        view |= {"from": run["start"] // 1_000_000, "to": -(-run["end"] // 1_000_000)}
    return view
