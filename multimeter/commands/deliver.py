"""``multimeter deliver``: send the points that programs left in a spool."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Annotated

import typer

from multimeter.commands.options import Config, existing_folder
from multimeter.commands.output import say
from multimeter.connection import Connection, find_connection
from multimeter.errors import ConfigurationError, MultimeterError, NoStackError

if TYPE_CHECKING:
    from multimeter.delivery.backlog import Backlog
    from multimeter.sinks.registry import Credentials

__all__ = ["deliver"]

Spool = Annotated[
    pathlib.Path | None,
    typer.Argument(help="The spool; by default ~/.multimeter/spool.", metavar="[FOLDER]"),
]
TokenFile = Annotated[
    pathlib.Path | None,
    typer.Option(help="A file with the token of another server.", metavar="FILE"),
]
UrlFile = Annotated[
    pathlib.Path | None,
    typer.Option(
        help="A file with a line mysql://user:password@host/database for each database, "
        "or odbc://user:password@source.",
        metavar="FILE",
    ),
]
Authorities = Annotated[
    pathlib.Path | None,
    typer.Option("--ca", help="A file of certificates to trust.", metavar="FILE"),
]
Wait = Annotated[
    float,
    typer.Option(min=0, help="How long to retry while a server does not answer."),
]
List = Annotated[
    bool, typer.Option("--list", help="List the waiting points, and send nothing.")
]


_CLOSE_SECONDS = 5.0


def deliver(
    folder: Spool = None,
    config: Config = None,
    token_file: TokenFile = None,
    url_file: UrlFile = None,
    ca: Authorities = None,
    wait: Wait = 0.0,
    only_list: List = False,
) -> None:
    """Send the points that programs left in a spool. Exits with 1 if some are left."""
    from multimeter.delivery.backlog import find_backlogs
    from multimeter.delivery.spool import default_spool, foreign_folders
    from multimeter.sinks.registry import Credentials

    root = (existing_folder(folder, "FOLDER") or default_spool()).absolute()
    for option, file in (
        ("--token-file", token_file),
        ("--url-file", url_file),
        ("--ca", ca),
    ):
        if file is not None and not file.expanduser().exists():
            raise typer.BadParameter(f"{file} does not exist.", param_hint=option)
    from multimeter.sinks.influx import stack_address

    stack = _find_stack(config)
    credentials = Credentials(stack, token_file, url_file, ca)
    backlogs = find_backlogs(root, [stack_address(stack)] if stack else [])
    if not any(each.records or each.in_use for each in backlogs):
        typer.echo(f"Nothing waits in {root}.")
    for path in foreign_folders(root):
        typer.echo(
            f"{path} is a link or belongs to another user: it is not sent. "
            "Run this command as that user.",
            err=True,
        )
    complete = True
    for backlog in backlogs:
        if backlog.in_use:
            say(f"{backlog.in_use} points belong to programs that still run.")
        if backlog.records and only_list:
            say(f"{backlog.records} points wait for {_place(backlog)}.")
        elif backlog.records:
            complete &= _deliver(root, backlog, credentials, wait)
    if not complete:
        raise typer.Exit(1)


def _deliver(
    root: pathlib.Path, backlog: Backlog, credentials: Credentials, wait: float
) -> bool:
    """Send the points that wait for one sink; return whether all were delivered."""
    from multimeter.delivery import Delivery
    from multimeter.sinks.registry import make_sink

    try:
        if backlog.address is None:
            raise ConfigurationError(
                f"The description in {backlog.folders[0]} is damaged.",
                next_step="multimeter deliver --config FILE, with the stack they are for; "
                "or start the program that wrote them: it sends what it has left.",
            )
        sink = make_sink(backlog.address, credentials)
    except MultimeterError as error:
        waiting = f"{backlog.records} points wait for {_place(backlog)}."
        typer.echo(f"{waiting} {error}", err=True)
        return False
    delivery = Delivery(sink, spool=root)
    done = delivery.flush(patient=False)
    if not done and wait:
        done = delivery.flush(wait)
    report = delivery.close(_CLOSE_SECONDS if done else 0)
    say(f"{sink.name}: {report}.")
    return report.complete


def _find_stack(config: pathlib.Path | None) -> Connection | None:
    """Return the stack, or None if there is none and none was named.

    Raises:
        ConfigurationError: Its configuration cannot be used.
    """
    try:
        return find_connection(config)
    except NoStackError:
        if config:
            raise
        return None


def _place(backlog: Backlog) -> str:
    address = backlog.address
    if address is None:
        return "a place that cannot be read any more"
    rest = ", ".join(f"{key} {value}" for key, value in address.items() if key != "kind")
    return f"{address.get('kind')} ({rest})"
