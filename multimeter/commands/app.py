"""All commands of ``multimeter``, built with typer."""

from __future__ import annotations

import typer

from multimeter.commands import attach, bench, run
from multimeter.commands.compare import compare
from multimeter.commands.deliver import deliver
from multimeter.commands.export import export
from multimeter.commands.gate import gate
from multimeter.commands.import_runs import import_runs
from multimeter.commands.ls import ls
from multimeter.commands.options import Version
from multimeter.commands.rm import rm
from multimeter.commands.selftest import selftest
from multimeter.commands.show import show

__all__ = ["app"]

app = typer.Typer(
    help="Measure what code uses, and bring what was measured where it belongs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# What follows the command belongs to the command, whatever it looks like.
_COMMAND = {"allow_interspersed_args": False}
app.command(epilog=run.EPILOG, context_settings=_COMMAND)(run.run)
app.command(epilog=attach.EPILOG)(attach.attach)
app.command(epilog=bench.EPILOG)(bench.bench)
app.command()(ls)
app.command()(show)
app.command()(rm)
app.command()(compare)
app.command()(export)
app.command("import")(import_runs)
app.command()(gate)
app.command()(deliver)
app.command()(selftest)


@app.callback()
def _multimeter(version: Version = False) -> None:
    """Take the options that no verb has."""
