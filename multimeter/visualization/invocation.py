"""Commands in messages: what to type to run a program of this environment."""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import sys

from multimeter.connection import default_config_file

__all__ = ["command_of", "typed"]


def command_of(verb: str, config_file: pathlib.Path, name: str) -> str:
    """Return the command line of a verb for one of several stacks.

    Args:
        verb: The verb, with its options.
        config_file: The configuration of the stack.
        name: The name of the stack.
    """
    if config_file == default_config_file():
        option = ""
    elif config_file == default_config_file(name):
        option = f" --name {name}"
    else:
        option = f" -c {shlex.quote(str(config_file))}"
    return f"{typed('multimeter-visu')} {verb}{option}"


def typed(program: str) -> str:
    """Return the name of a program, or its path if the shell would not find it.

    In a virtual environment that is not activated, the shell would find none, or another
    one.

    Args:
        program: The name of a program installed beside this Python.
    """
    ours = pathlib.Path(sys.executable).with_name(program)
    if os.name == "nt" or not ours.exists():
        return program
    try:
        on_path = shutil.which(program)
        if on_path and ours.samefile(on_path):
            return program
        here = pathlib.Path.cwd()
    except OSError:  # the working folder was removed
        return shlex.quote(str(ours))
    if not ours.is_relative_to(here):
        return shlex.quote(str(ours))
    path = str(ours.relative_to(here))
    return shlex.quote(path if "/" in path else f"./{path}")
