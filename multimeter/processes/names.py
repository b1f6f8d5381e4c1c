"""The name of a run that was given none, and the text of its command."""

from __future__ import annotations

import os

from multimeter.data.identifiers import new_identifier

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["command_text", "generated_name"]

_SAFE = frozenset(
    "%+,-./0123456789:=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)


def generated_name(program: str) -> str:
    """Return a new name that begins with that of the program."""
    label = os.path.basename(program)  # noqa: PTH119 - a word, that may be empty
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._") else "_" for c in label)
    return new_identifier(f"{plain.strip('.') or 'run'}-")


def command_text(command: Sequence[str]) -> str:
    """Return a command as a shell reads it; file names may not be valid text."""
    words = " ".join(
        each if each and _SAFE.issuperset(each) else _quoted(each) for each in command
    )
    return words.encode("utf-8", "backslashreplace").decode()


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\"'\"'") + "'"
