"""The visualization: a stack that stores measurements and shows them.

The tool ``multimeter-visu`` is :func:`main`. The other functions do the same for programs
with their own command line. They raise ``SystemExit`` with the exit codes of the tool when
a step fails.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Sequence

from multimeter.visualization.errors import naming_the_extra

__all__ = ["install", "main", "remove", "start", "stop"]


def main(args: Sequence[str] | None = None) -> None:
    """Run the tool ``multimeter-visu``.

    Args:
        args: The command line; by default that of this process.

    Raises:
        SystemExit: The command failed; the code is the exit code.
    """
    from multimeter.visualization.cli import main as run

    run(args)


@naming_the_extra()
def install(args: argparse.Namespace) -> None:
    """Install a stack, load the example, and print the link to it.

    Args:
        args: ``config_file``, ``data_dir``, ``org`` and ``bucket``; also ``engine`` and
            ``port``, which may be missing. Without a port, the default one or the next
            free one is used.

    Raises:
        SystemExit: 255 no engine, 254 already installed, 252 a step failed.
        MissingExtraError: The extra ``visu`` is not installed.
    """
    from multimeter.visualization.commands.install import install_stack
    from multimeter.visualization.console import Console
    from multimeter.visualization.stack_spec import StackSpec

    spec = StackSpec(
        engine_name=getattr(args, "engine", StackSpec.engine_name),
        org=getattr(args, "org", StackSpec.org),
        bucket=getattr(args, "bucket", StackSpec.bucket),
        directory=str(getattr(args, "data_dir", None) or ""),
        port=getattr(args, "port", None),
    )
    install_stack(_config_file(args), spec, Console())


@naming_the_extra()
def start(args: argparse.Namespace) -> None:
    """Start the stack.

    Args:
        args: ``config_file``.

    Raises:
        SystemExit: 253 not installed, 252 a step failed.
        MissingExtraError: The extra ``visu`` is not installed.
    """
    from multimeter.visualization.commands.start import start_stack
    from multimeter.visualization.console import Console

    start_stack(_config_file(args), Console())


@naming_the_extra()
def stop(args: argparse.Namespace) -> None:
    """Stop the stack; all data stays.

    Args:
        args: ``config_file``.

    Raises:
        SystemExit: 253 not installed, 252 a step failed.
        MissingExtraError: The extra ``visu`` is not installed.
    """
    from multimeter.visualization.commands.stop import stop_stack
    from multimeter.visualization.console import Console

    stop_stack(_config_file(args), Console())


@naming_the_extra()
def remove(args: argparse.Namespace) -> None:
    """Remove the stack with all its data, without confirmation.

    Args:
        args: ``config_file``.

    Raises:
        SystemExit: 253 not installed, 252 a step failed.
        MissingExtraError: The extra ``visu`` is not installed.
    """
    from multimeter.visualization.commands.remove import remove_stack
    from multimeter.visualization.console import Console

    remove_stack(_config_file(args), Console())


def _config_file(args: argparse.Namespace) -> pathlib.Path:
    from multimeter.connection import default_config_file

    return pathlib.Path(getattr(args, "config_file", None) or default_config_file())
