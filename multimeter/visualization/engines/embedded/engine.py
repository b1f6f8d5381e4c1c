"""The embedded engine: a data folder and a server process as the resources of a stack."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from multimeter.connection import run_page
from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.http.embedded import EmbeddedServer
from multimeter.http.proof import ProvingToken, new_token
from multimeter.visualization.config import StackConfig, missing_folders
from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.embedded.store.wal import UnreadLog, unread_logs
from multimeter.visualization.engines.base import (
    HOST,
    Links,
    Run,
    way_out_of_taken_port,
    write_lines,
)
from multimeter.visualization.engines.embedded.process import ServerProcess
from multimeter.visualization.errors import PortTakenError, VisualizationError
from multimeter.visualization.examples import EXAMPLE, example_lines
from multimeter.visualization.invocation import command_of
from multimeter.visualization.plan import Action, Resource, State, Step
from multimeter.visualization.ports import choose_port, require_free
from multimeter.visualization.report import Check, Reporter
from multimeter.visualization.stack_spec import (
    DEFAULT_NAME,
    WRITE_PORT,
    StackSpec,
    checked_port,
)

__all__ = ["EmbeddedEngine", "describe_embedded"]

_DATA = "data"
_SERVER = "server"
_FOLLOW_SECONDS = 0.2


def describe_embedded(
    config_file: pathlib.Path,
    spec: StackSpec,
    reserved: Mapping[int, str],
    report: Reporter,
) -> StackConfig:
    """Return the configuration of a stack that is not installed yet.

    Args:
        config_file: The path of the configuration.
        spec: The specification.
        reserved: Ports that must not be chosen, each with its user.
        report: Receives a note if the port is not the default one.

    Raises:
        PortTakenError: Another program listens on the requested port.
        ConfigurationError: Other users own the folder or may write to it.
    """
    usual = "embedded" if spec.name == DEFAULT_NAME else f"embedded-{spec.name}"
    directory = pathlib.Path(spec.directory or config_file.parent / usual).absolute()
    made = missing_folders(directory)
    if not made and (DataFolder(directory).is_there() or not spec.directory):
        made = [directory]  # by an earlier stack, whose data was kept
    DataFolder(directory).require_ours()
    choice = choose_port(HOST, spec.port, WRITE_PORT, reserved)
    require_free(HOST, choice.port)
    if choice.note:
        report.note(choice.note)
    url = f"http://{HOST}:{choice.port}"
    return StackConfig.of_spec(
        dataclasses.replace(
            spec, engine_name="embedded", directory=str(directory), port=choice.port
        ),
        url=url,
        page=url,
        token=new_token(),
        read_token=new_token(),
        state={"made_folders": [str(each) for each in made]},
    )


class EmbeddedEngine:
    """The stack that one configuration describes.

    Args:
        config_file: The configuration, which the server reads itself.
        config: The content of the configuration.
    """

    def __init__(self, config_file: pathlib.Path, config: StackConfig) -> None:
        self.config_file = config_file
        self.config = config
        self._folder = DataFolder.of(config)
        self._port = checked_port(config.spec.port)
        self._process = ServerProcess(self._folder, config_file)
        self._data = Resource(_DATA, str(self._folder.path), holds_data=True)
        self._server = Resource(_SERVER, f"{HOST}:{self._port}", runs=True)

    @property
    def data_needs_secrets(self) -> bool:
        """Always false: the store needs no secrets."""
        return False

    def observe(self) -> Mapping[Resource, State]:
        """Return the state of the data and of the server."""
        running = self._process.find() is not None
        return {
            self._data: State.STOPPED if self._folder.is_there() else State.ABSENT,
            self._server: State.RUNNING if running else State.STOPPED,
        }

    def obstacle(self, step: Step) -> str:  # noqa: ARG002 - ports are checked before
        """Return an empty string: no step needs a download."""
        return ""

    def apply(self, step: Step, report: Reporter) -> None:  # noqa: ARG002 - too quick to report
        """Create or remove the folder, start or stop the server."""
        match step.action, step.resource:
            case Action.CREATE, self._data:
                self._folder.create()
            case Action.REMOVE, self._data:
                self._folder.remove()
            case Action.START, self._server:
                self._start()
            case Action.STOP, self._server:
                self._process.stop()

    def _start(self) -> None:
        try:
            require_free(HOST, self._port)
            try:
                self._process.start()
            except VisualizationError:
                # Another program may have taken the port in the meantime.
                require_free(HOST, self._port)
                raise
        except PortTakenError as error:
            if not self.config.installing:
                error.next_step = way_out_of_taken_port(self.config_file, self.config)
            raise

    def finish(self, report: Reporter) -> Run | None:
        """Load the example; the configuration is complete already."""
        with report.step("Load the example"):
            write_lines(self.config, example_lines())
            runs = self.runs()
        return next(run for run in runs if run["identifier"] == EXAMPLE)

    def wait(self, report: Reporter) -> None:
        """Return at once: a started server listens already."""

    def runs(self) -> Sequence[Run]:
        """Return the runs, newest first."""
        return self._api().runs()

    def _api(self) -> EmbeddedServer:
        return EmbeddedServer(self.config.url, ProvingToken(self.config.read_token))

    def links(self, run: Run | None) -> Links:
        """Return the links to a run, or to the list; the server must be running."""
        root = self.config.page
        code = self._api().login_code()
        page = run_page(root, run["identifier"]) if run else f"{root}/"
        query = urlencode({"code": code, "next": page.removeprefix(root)}, safe="/?=")
        again = command_of("open", self.config_file, self.config.name)
        hint = f"It logs you in once, within ten minutes. For a new link: {again}"
        return Links(page, f"{root}/login?{query}", hint)

    def left(self) -> list[pathlib.Path]:
        """Return foreign files in the folder."""
        return self._folder.left()

    def details(self) -> Mapping[str, Any]:
        """Return the process, and the size of its data."""
        process = self._process.find()
        return {
            "pid": process.pid if process else None,
            "directory": str(self._folder.path),
            "size_bytes": self._folder.size_bytes(),
            "log": str(self._folder.log),
            "damage": " ".join(each.describe() for each in self._unread()) or None,
        }

    def _unread(self) -> list[UnreadLog]:
        return unread_logs(self._folder.store)

    def services(self) -> list[str]:
        """Return the one service."""
        return [_SERVER]

    def logs(self, service: str, lines: int, *, follow: bool) -> Iterator[str]:  # noqa: ARG002
        """Return the last lines of the server's log, and with ``follow`` new ones."""
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

    def diagnose(self) -> Iterator[Check]:
        """Check the folder, the server, its answers and its tokens."""
        yield from self._diagnose_folder()
        yield from self._diagnose_logs()
        process = self._process.find()
        where = f"{HOST}:{self._port}"
        if process is None:
            yield from self._diagnose_stopped()
            yield from self._check_port()
            return
        yield Check("server", True, f"it is running (pid {process.pid}) at {where}")
        try:
            runs = self.runs()
        except MultimeterError as error:
            yield Check("read token", False, error.what, error.next_step)
            return
        yield Check("read token", True, f"it reads {len(runs)} runs")
        try:
            write_lines(self.config, b"")
        except MultimeterError as error:
            yield Check("write token", False, error.what, error.next_step)
        else:
            yield Check("write token", True, "it may write")

    def _diagnose_folder(self) -> Iterator[Check]:
        """Check for what would prevent a start of the server."""
        try:
            self._folder.require_ours()
        except ConfigurationError as error:
            yield Check("folder", False, error.what, error.next_step)

    def _diagnose_logs(self) -> Iterator[Check]:
        for each in self._unread():
            # A loss of power leaves a torn write, which was never acknowledged.
            ok = False if each.commits else None
            then = f"When it is not needed any more: rm '{each.path}'"
            yield Check("write-ahead log", ok, each.describe(), then)

    def _diagnose_stopped(self) -> Iterator[Check]:
        """Check why no server is running, and whether a start would help."""
        from multimeter.visualization.embedded.store.database import require_readable

        try:
            note = require_readable(self._folder.store)
        except MultimeterError as error:
            detail = f"{error.what} {error.cause}".strip()
            yield Check("store", False, detail, error.next_step)
            yield Check("server", False, "it is not running: the store cannot be opened")
            return
        if note:
            yield Check("store", None, note)
        start = command_of("start", self.config_file, self.config.name)
        if self._folder.has_ended_in_order:
            yield Check("server", None, "it is stopped; all data is there", start)
        else:
            detail = "it ended without being stopped; see multimeter-visu logs"
            yield Check("server", False, detail, start)

    def _check_port(self) -> Iterator[Check]:
        """Check whether another program listens on the server's port."""
        try:
            require_free(HOST, self._port)
        except MultimeterError as error:
            way_out = way_out_of_taken_port(self.config_file, self.config)
            yield Check("port", False, error.what, way_out)

    def credentials(self) -> Mapping[str, str]:
        """Return the tokens, and the command that prints a login link."""
        return {
            "page": self.config.page,
            "login": command_of("open", self.config_file, self.config.name),
            "write token": self.config.token,
            "read token": self.config.read_token,
        }
