"""``multimeter deliver``: send what programs have left in a spool."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from multimeter.connection import Connection, find_connection
from multimeter.errors import ConfigurationError, MultimeterError, NoStackError

if TYPE_CHECKING:
    from multimeter.delivery.backlog import Backlog
    from multimeter.delivery.spool import Address
    from multimeter.sinks.base import Sink

__all__ = ["deliver"]

# typer reads these annotations when the module runs, on every Python from 3.10 on.
Folder = Annotated[
    Optional[pathlib.Path],  # noqa: UP045
    typer.Argument(help="The spool; by default ~/.multimeter/spool.", metavar="[FOLDER]"),
]
Config = Annotated[
    Optional[pathlib.Path],  # noqa: UP045
    typer.Option(
        "-c", "--config", help="The file that describes the stack.", metavar="FILE"
    ),
]
TokenFile = Annotated[
    Optional[pathlib.Path],  # noqa: UP045
    typer.Option(help="A file with the token of another server.", metavar="FILE"),
]
Wait = Annotated[
    float,
    typer.Option(min=0, help="How long to go on trying while a server does not answer."),
]
List = Annotated[bool, typer.Option("--list", help="Say what waits, and send nothing.")]


_CLOSE_SECONDS = 5.0


def deliver(
    folder: Folder = None,
    config: Config = None,
    token_file: TokenFile = None,
    wait: Wait = 0.0,
    only_list: List = False,  # noqa: FBT002 - a switch
) -> None:
    """Send what programs have left in a spool. Ends with 1 when not all has arrived."""
    from multimeter.delivery.backlog import find_backlogs
    from multimeter.delivery.spool import default_spool

    root = (folder or default_spool()).expanduser().absolute()
    stack = _find_stack(config)
    backlogs = find_backlogs(root, [_address(stack)] if stack else [])
    if not any(each.records or each.in_use for each in backlogs):
        typer.echo(f"Nothing waits in {root}.")
    complete = True
    for backlog in backlogs:
        if backlog.in_use:
            typer.echo(f"{backlog.in_use} points belong to programs that still run.")
        if backlog.records and only_list:
            typer.echo(f"{backlog.records} points wait for {_place(backlog)}.")
        elif backlog.records:
            complete &= _deliver(root, backlog, stack, token_file, wait)
    if not complete:
        raise typer.Exit(1)


def _deliver(
    root: pathlib.Path,
    backlog: Backlog,
    stack: Connection | None,
    token_file: pathlib.Path | None,
    wait: float,
) -> bool:
    """Send what waits for one place; tell whether all of it has arrived."""
    from multimeter.delivery import Delivery

    try:
        sink = _sink(backlog, stack, token_file)
    except MultimeterError as error:
        waiting = f"{backlog.records} points wait for {_place(backlog)}."
        typer.echo(f"{waiting} {error}", err=True)
        return False
    delivery = Delivery(sink, spool=root)
    done = delivery.flush(patient=False)
    if not done and wait:
        done = delivery.flush(wait)
    report = delivery.close(_CLOSE_SECONDS if done else 0)
    typer.echo(f"{sink.name}: {report}.")
    return report.complete


def _sink(
    backlog: Backlog, stack: Connection | None, token_file: pathlib.Path | None
) -> Sink:
    """Make the sink that a backlog goes to.

    Raises:
        ConfigurationError: Its place is not known, or what opens it.
    """
    from multimeter.sinks.influx import InfluxDBSink

    address = backlog.address
    if address is None:
        raise ConfigurationError(
            f"The description in {backlog.folders[0]} is damaged.",
            next_step="multimeter deliver --config FILE, with the stack they are for.",
        )
    if address.get("kind") != "influxdb":
        raise ConfigurationError(
            f"This version cannot send to '{address.get('kind')}'.",
            next_step="Start the program that wrote them: it sends what it has left.",
        )
    if token_file:
        token = _read_token(token_file)
    elif stack and _address(stack) == address:
        token = stack.token
    else:
        raise ConfigurationError(
            f"The token for {address.get('url')} is not known.",
            next_step="multimeter deliver --token-file FILE",
        )
    return InfluxDBSink(token, address["url"], address["org"], address["bucket"])


def _read_token(path: pathlib.Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The token in {path} cannot be read: {error}") from error


def _find_stack(config: pathlib.Path | None) -> Connection | None:
    """Return the stack, or None where there is none and nobody named one.

    Raises:
        ConfigurationError: Its configuration cannot be used.
    """
    try:
        return find_connection(config)
    except NoStackError:
        if config:
            raise
        return None


def _address(stack: Connection) -> Address:
    from multimeter.sinks.influx import InfluxDBSink

    return InfluxDBSink(stack.token, stack.url, stack.org, stack.bucket).address


def _place(backlog: Backlog) -> str:
    address = backlog.address
    if address is None:
        return "a place that cannot be read any more"
    rest = ", ".join(f"{key} {value}" for key, value in address.items() if key != "kind")
    return f"{address.get('kind')} ({rest})"
