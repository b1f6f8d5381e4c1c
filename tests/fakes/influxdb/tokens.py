"""The words of a Flux query, https://docs.influxdata.com/flux/v0/spec/lexical-elements/.

What no query of ours needs, such as text put into a string by ``${``, is refused.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["FluxTokenError", "Token", "tokens"]

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|//[^\n]*)
    | (?P<time>\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?)
    | (?P<duration>(?:\d+(?:ns|us|ms|mo|[smhdwy]))+)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<string>"(?:[^"\\$]|\$(?!\{)|\\(?:[nrt"\\]|\$\{|x[0-9a-fA-F]{2}))*")
    | (?P<operator>\|>|<-|=>|==|!=|=~|!~|<=|>=|[-+*%<>=(){}\[\],.:?])
    | (?P<regex>/(?:[^/\\\n]|\\[^\n])+/)
    | (?P<division>/)
    """,
    re.VERBOSE,
)
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_BEFORE_DIVISION = ("name", "number", "string", "duration")
_BEFORE_VALUE = ("and", "else", "if", "not", "or", "return", "then")


class FluxTokenError(Exception):
    """What is not Flux."""


class Token(NamedTuple):
    """A word of a query: what kind it is, and how it is written."""

    kind: str
    text: str


def tokens(query: str) -> list[Token]:
    """Return the words of a query.

    Raises:
        FluxTokenError: It holds something that is no word, or brackets do not match.
    """
    found: list[Token] = []
    brackets: list[str] = []
    position = 0
    while position < len(query):
        match = _TOKEN.match(query, position)
        if match and match.lastgroup == "regex" and _ends_value(found):
            match = re.compile(r"(?P<division>/)").match(query, position)
        if match is None or match.lastgroup is None:
            raise FluxTokenError(f"no word of Flux: {query[position : position + 40]!r}")
        position = match.end()
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup, match[0]))
            _keep_brackets(match[0], brackets)
    if brackets:
        raise FluxTokenError(f"not closed: {''.join(brackets)}")
    return found


def _ends_value(found: list[Token]) -> bool:
    """Whether a slash that follows divides."""
    if not found or found[-1].text in _BEFORE_VALUE:
        return False
    return found[-1].kind in _BEFORE_DIVISION or found[-1].text in ")]"


def _keep_brackets(text: str, brackets: list[str]) -> None:
    if text in ("(", "[", "{"):
        brackets.append(text)
    elif text in _BRACKETS and (not brackets or brackets.pop() != _BRACKETS[text]):
        raise FluxTokenError(f"nothing opens this: {text}")
