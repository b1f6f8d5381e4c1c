"""The embedded engine: one process of our own, and a folder with its store."""

from __future__ import annotations

import pathlib
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from multimeter.errors import MultimeterError
from multimeter.visualization.client import StackClient
from multimeter.visualization.config import StackConfig
from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.embedded.ports import free_port, require_free
from multimeter.visualization.embedded.process import ServerProcess
from multimeter.visualization.engines.base import (
    DEFAULT_NAME,
    Links,
    Request,
    Run,
    option_of_name,
)
from multimeter.visualization.examples.load import EXAMPLE, example_lines
from multimeter.visualization.plan import Action, Resource, State, Step
from multimeter.visualization.report import Check, Reporter

__all__ = ["EmbeddedEngine"]

_HOST = "127.0.0.1"
_DATA = "data"
_SERVER = "server"
_FOLLOW_SECONDS = 0.2


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
        self._data = Resource(_DATA, str(self._folder.path), holds_data=True)
        self._server = Resource(_SERVER, f"{_HOST}:{self._port}", runs=True)

    @staticmethod
    def describe(request: Request) -> StackConfig:
        """Return the configuration of a stack that is still to be made.

        Raises:
            PortTakenError: Another program listens on the port.
        """
        named = request.name == DEFAULT_NAME
        folder = "embedded" if named else f"embedded-{request.name}"
        directory = request.directory or request.config_file.parent / folder
        port = request.port or free_port(_HOST)
        require_free(_HOST, port)
        url = f"http://{_HOST}:{port}"
        return StackConfig(
            name=request.name,
            engine="embedded",
            url=url,
            org=request.org,
            bucket=request.bucket,
            token=secrets.token_urlsafe(48),
            read_token=secrets.token_urlsafe(48),
            page=url,
            engine_state={"directory": str(directory.absolute()), "port": port},
        )

    @property
    def data_needs_secrets(self) -> bool:
        """No: the server opens its store with whatever the configuration says."""
        return False

    def observe(self) -> Mapping[Resource, State]:
        """Return whether there is data, and whether the server runs."""
        running = self._process.find() is not None
        return {
            self._data: State.STOPPED if self._folder.is_there() else State.ABSENT,
            self._server: State.RUNNING if running else State.STOPPED,
        }

    def obstacle(self, step: Step) -> str:  # noqa: ARG002 - a port is looked at before
        """Return nothing: nothing is fetched."""
        return ""

    def apply(self, step: Step, report: Reporter) -> None:  # noqa: ARG002 - it is quick
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

    def finish(
        self, config: StackConfig, report: Reporter
    ) -> tuple[StackConfig, Run | None]:
        """Load the example; the configuration was complete before the start."""
        with report.step("Load the example"), StackClient(config) as client:
            client.write(example_lines())
            runs = client.runs()
        return config, next(run for run in runs if run["identifier"] == EXAMPLE)

    def wait(self, report: Reporter) -> None:
        """Return at once: a server that has been started listens."""

    def runs(self, config: StackConfig) -> Sequence[Run]:
        """Return the runs, newest first."""
        with StackClient(config) as client:
            return client.runs()

    def page_of(self, config: StackConfig, run: Run | None) -> str:
        """Return the page of a run, from its first to its last point."""
        return config.page + _path(run)

    def links(self, config: StackConfig, run: Run | None) -> Links:
        """Return the links to the page; the server must be running."""
        with StackClient(config) as client:
            code = client.login_code()
        login = f"{config.page}/login?{urlencode({'code': code, 'next': _path(run)})}"
        return Links(self.page_of(config, run), login, "multimeter-visu open")

    def details(self) -> Mapping[str, Any]:
        """Return the process, and what its data takes."""
        process = self._process.find()
        return {
            "pid": process.pid if process else None,
            "directory": str(self._folder.path),
            "size_bytes": self._folder.size_bytes(),
            "log": str(self._folder.log),
        }

    def services(self) -> list[str]:
        """Return the only one."""
        return [_SERVER]

    def logs(self, service: str, lines: int, *, follow: bool) -> Iterator[str]:  # noqa: ARG002
        """Return the last lines of the server's log, and those to come."""
        yield from self._folder.last_log_lines(lines).splitlines()
        if not follow:
            return
        with self._folder.log.open(encoding="utf-8", errors="replace") as stream:
            stream.seek(0, 2)
            while True:
                if line := stream.readline():
                    yield line.rstrip("\n")
                else:
                    time.sleep(_FOLLOW_SECONDS)

    def diagnose(self, config: StackConfig) -> Iterator[Check]:
        """Look at the server, whether it answers, and its token."""
        process = self._process.find()
        where = f"{_HOST}:{self._port}"
        if process is None:
            start = f"multimeter-visu start{option_of_name(config.name)}"
            if self._folder.has_ended_in_order:
                yield Check("server", None, "it is stopped; all data is there", start)
            else:
                detail = "it has ended without being stopped; see multimeter-visu logs"
                yield Check("server", False, detail, start)
            return
        yield Check("server", True, f"it runs (pid {process.pid}) at {where}")
        try:
            runs = self.runs(config)
        except MultimeterError as error:
            yield Check("read token", False, error.what, error.next_step)
            return
        yield Check("read token", True, f"it reads {len(runs)} runs")
        try:
            with StackClient(config) as client:
                client.write(b"")
        except MultimeterError as error:
            yield Check("write token", False, error.what, error.next_step)
        else:
            yield Check("write token", True, "it may write")

    def credentials(self, config: StackConfig) -> Mapping[str, str]:
        """Return the tokens; the page opens by a link."""
        return {
            "page": config.page,
            "login": "multimeter-visu open",
            "write token": config.token,
            "read token": config.read_token,
        }


def _path(run: Run | None) -> str:
    return f"/?{urlencode(_view(run))}" if run else "/"


def _view(run: Run) -> dict[str, Any]:
    """Return the query that shows a run from its first to its last point."""
    view: dict[str, Any] = {"run": run["identifier"]}
    if run["start"] is not None:
        # Outwards to whole milliseconds, so that no point is cut off.
        view |= {"from": run["start"] // 1_000_000, "to": -(-run["end"] // 1_000_000)}
    return view
