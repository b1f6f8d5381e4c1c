"""The options of ``multimeter run`` and ``multimeter attach``, and a parser for them.

Building a command line with typer takes longer than many a command that is measured. So
words that are understood without it are parsed here; all others, such as a misspelt
option or ``--help``, typer answers, from the same table.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["ATTACH", "OPTIONS", "RUN", "Option", "parse_attach", "parse_run"]


class Option:
    """An option of the command line.

    Attributes:
        kind: ``text``, ``texts`` (may be repeated), ``number`` or ``flag``.
        names: Its names.
        help: What it does.
        metavar: The word for its value in the help.
    """

    __slots__ = ("help", "kind", "metavar", "names")

    def __init__(self, kind: str, *names: str, text: str, metavar: str = "") -> None:
        self.kind = kind
        self.names = names
        self.help = text
        self.metavar = metavar or None


OPTIONS = {
    "name": Option("text", "--name", text="The name of the run; by default a new one."),
    "tag": Option("texts", "--tag", metavar="KEY=VALUE", text="A tag; may be repeated."),
    "cycle_time": Option(
        "number",
        "--cycle-time",
        metavar="SECONDS",
        text="Seconds between two samples; by default 0.02 at first, and up to 1 the "
        "longer it goes on.",
    ),
    "storage": Option(
        "text",
        "-o",
        "--storage",
        metavar="PATH",
        text="A file (.json, .line) or a folder; by default the installed stack, or "
        "~/.multimeter/runs where there is none.",
    ),
    "probe": Option(
        "texts",
        "--probe",
        metavar="NAME",
        text="Measure this beside the process: system, cgroup, gpu, ...; may be "
        "repeated. By default all that this machine can serve; 'process' for none.",
    ),
    "wait_all": Option(
        "flag",
        "--wait-all",
        text="Wait for all processes that the command has started, also those that "
        "outlive it.",
    ),
    "duration": Option(
        "number", "--duration", metavar="SECONDS", text="Stop after this many seconds."
    ),
    "quiet": Option("flag", "-q", "--quiet", text="Print errors only."),
    "json": Option(
        "text",
        "--json",
        metavar="FILE",
        text="Write the summary as JSON to this file; '-' is the error output, in the "
        "place of the summary for people.",
    ),
}
"""The options of both commands, by the names of the arguments."""

_BOTH = ("name", "tag", "cycle_time", "storage", "probe", "quiet", "json")
RUN = (*_BOTH, "wait_all")
"""The options of ``run``."""
ATTACH = (*_BOTH, "duration")
"""The options of ``attach``."""


def parse_run(words: Sequence[str]) -> dict[str, Any] | None:
    """Return the arguments of ``run``; None where typer has to decide.

    What follows the command belongs to the command, whatever it looks like.
    """
    parsed = _parse(list(words), RUN, stops_at_argument=True)
    if parsed is None or not parsed[1]:
        return None
    return {**parsed[0], "command": parsed[1]}


def parse_attach(words: Sequence[str]) -> dict[str, Any] | None:
    """Return the arguments of ``attach``; None where typer has to decide."""
    parsed = _parse(list(words), ATTACH, stops_at_argument=False)
    if parsed is None or len(parsed[1]) != 1 or not parsed[1][0].isdecimal():
        return None
    pid, duration = int(parsed[1][0]), parsed[0].get("duration")
    if pid < 1 or (duration is not None and not duration >= 0):
        return None
    return {**parsed[0], "pid": pid}


def _parse(
    words: list[str], keys: Sequence[str], *, stops_at_argument: bool
) -> tuple[dict[str, Any], list[str]] | None:
    """Return values and arguments; None for what is not understood."""
    names = {name: key for key in keys for name in OPTIONS[key].names}
    values: dict[str, Any] = {}
    arguments: list[str] = []
    try:
        while words:
            word = words.pop(0)
            if word == "--":
                break
            if word.startswith("-") and word != "-":
                _take_option(word, words, names, values)
                continue
            arguments.append(word)
            if stops_at_argument:
                break
    except (KeyError, ValueError, IndexError):
        return None
    return values, [*arguments, *words]


def _take_option(
    word: str, words: list[str], names: dict[str, str], values: dict[str, Any]
) -> None:
    """Add the value of an option, which may be the next of the words.

    Raises:
        KeyError: There is no such option.
        ValueError: Its value is not understood.
        IndexError: It has no value.
    """
    name, equals, value = word.partition("=")
    key = names[name]
    kind = OPTIONS[key].kind
    if equals and (kind == "flag" or not name.startswith("--")):
        raise ValueError(word)
    if kind == "flag":
        values[key] = True
        return
    if not equals:
        value = words.pop(0)
    if kind == "texts":
        values.setdefault(key, []).append(value)
    else:
        values[key] = float(value) if kind == "number" else value
