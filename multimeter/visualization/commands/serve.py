"""``multimeter-visu serve``: run the server of an embedded stack in the foreground."""

from __future__ import annotations

import typer

from multimeter.visualization import stack
from multimeter.visualization.config import read_config
from multimeter.visualization.console import Console
from multimeter.visualization.engines.factory import engine_of
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.invocation import command_of
from multimeter.visualization.options import Config, Name, config_file_of
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["serve"]


def serve(context: typer.Context, config: Config = None, name: Name = DEFAULT_NAME) -> None:
    """Run the server of an embedded stack in the foreground."""
    config_file, console = config_file_of(context, config, name), Console()
    with console.errors_reported():
        installed = read_config(config_file)
        if installed.engine != "embedded":
            raise VisualizationError(
                f"A stack on the engine '{installed.engine}' has no embedded server.",
                next_step="multimeter-visu start",
            )
        if stack.status(engine_of(config_file, installed)).state != "stopped":
            raise VisualizationError(
                "The server is already running in the background.",
                next_step="multimeter-visu stop, then multimeter-visu serve",
            )
        from multimeter.visualization.embedded.launch import launch

        console.progress(f"Serving {installed.page} until Ctrl+C; for a login, elsewhere:")
        console.progress(f"  {command_of('open', config_file, installed.name)}")
        launch(config_file)
