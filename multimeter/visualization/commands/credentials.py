"""``multimeter-visu credentials``: show every login and token of the stack."""

from __future__ import annotations

import typer

from multimeter.visualization.console import Console
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.options import Config, Json, Name, Yes, config_file_of
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["credentials"]


def credentials(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Show every login and token, after a confirmation."""
    config_file, console = config_file_of(context, config, name), Console(as_json=json)
    if not yes and config_file.exists():
        typer.confirm("Show passwords and tokens on this screen?", abort=True)
    with console.errors_reported():
        rows = installed_engine(config_file).credentials()
        console.table(rows)
        console.result(rows)
