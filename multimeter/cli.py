"""``multimeter``: the verbs of the library on the command line.

``run`` and ``attach`` are understood without typer, and a short command is measured
without the library: importing either takes longer than many a command.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Sequence

    from multimeter.commands.app import app

__all__ = ["app", "main"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import the commands when they are first asked for (PEP 562)."""
        if name != "app":
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        from multimeter.commands.app import app

        return app


def main(args: Sequence[str] | None = None) -> None:
    """Run the tool ``multimeter``.

    Args:
        args: The words of the command line; by default those of this process.

    Raises:
        SystemExit: Always; its code is the exit code.
    """
    words = list(sys.argv[1:] if args is None else args)
    if words[:1] == ["run"]:
        from multimeter.processes.quick import run_quickly

        code = run_quickly(words[1:])
        if code is not None:
            _exit(code, is_program=args is None)
    from multimeter.system.standard_streams import run_tool

    sys.exit(run_tool(lambda: _run(words)))


def _exit(code: int, *, is_program: bool) -> None:
    """End the program; at once, where the library was not needed: nothing is left open.

    Taking the interpreter apart takes longer than a short command.
    """
    if is_program and "multimeter.measurement" not in sys.modules:
        os._exit(code)
    sys.exit(code)


def _run(words: list[str]) -> None:
    from multimeter.errors import MultimeterError
    from multimeter.system.log import log
    from multimeter.system.standard_streams import OutputError

    try:
        _run_command(words)
    except MultimeterError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the message of a tool
        sys.exit(1)
    except OutputError:
        raise
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user
        log().debug("Unexpected error.", exc_info=True)
        print(  # noqa: T201
            f"Something unexpected happened: {type(error).__name__}: {error}\n"
            "Next: report it, with what you did.",
            file=sys.stderr,
        )
        sys.exit(1)


def _run_command(words: list[str]) -> None:
    """Run a command that was parsed without typer, or have typer parse it."""
    from multimeter.processes.options import parse_attach, parse_run

    if words[:1] == ["run"] and (run := parse_run(words[1:])):
        from multimeter.processes.command import run_command

        sys.exit(run_command(**run))
    if words[:1] == ["attach"] and (attach := parse_attach(words[1:])):
        from multimeter.processes.command import attach_process

        attach_process(**attach)
        return
    from multimeter.commands.app import app

    app(words)
