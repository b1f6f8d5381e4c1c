"""How Grafana's page puts variables into a query: the rules of two of its generations.

Up to version 10 dashboards were drawn by code in which ``:json`` quotes a single text;
since 11 they are drawn by the scenes library, which returns a single text under ``:json``
as it is. https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

__all__ = ["FORMATS", "Rules", "Value", "interpolate"]

Value = str | Sequence[str]
"""What is chosen: one value, or several."""

Rules = Mapping[str, Callable[[str, Value], str]]
"""What a format makes of a variable's name and value."""

_USE = re.compile(
    r"\$(?P<short>\w+)"
    r"|\[\[(?P<old>\w+)(?::(?P<old_format>\w+))?\]\]"
    r"|\$\{(?P<name>\w+)(?:\.[^:}]+)?(?::(?P<format>[^}]+))?\}"
)
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


def interpolate(text: str, values: Mapping[str, Value], rules: Rules) -> str:
    """Return a text with the values of its variables; others stay as they are."""

    def put_in(use: re.Match[str]) -> str:
        name = use["short"] or use["old"] or use["name"]
        if name not in values:
            return use[0]
        wanted = use["format"] or use["old_format"] or "glob"
        return rules[wanted](name, values[name])

    return _USE.sub(put_in, text)


def _glob(_name: str, value: Value) -> str:
    if isinstance(value, str):
        return value
    return f"{{{','.join(value)}}}" if len(value) > 1 else "".join(value)


def _regex(_name: str, value: Value) -> str:
    if isinstance(value, str):
        return _escape(value)
    escaped = [_escape(each) for each in value]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


def _joined(separator: str) -> Callable[[str, Value], str]:
    return lambda _name, value: value if isinstance(value, str) else separator.join(value)


def _quoted(mark: str) -> Callable[[str, Value], str]:
    # A backslash is left as it is: what is quoted so is no literal of every language.
    def format_value(_name: str, value: Value) -> str:
        values = [value] if isinstance(value, str) else value
        return ",".join(mark + each.replace(mark, "\\" + mark) + mark for each in values)

    return format_value


def _json(_name: str, value: Value) -> str:
    return json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)


def _json_in_scenes(name: str, value: Value) -> str:
    return value if isinstance(value, str) else _json(name, value)


def _percent_encoded(_name: str, value: Value) -> str:
    return quote(value if isinstance(value, str) else f"{{{','.join(value)}}}", safe="")


def _query_parameters(name: str, value: Value) -> str:
    values = [value] if isinstance(value, str) else value
    return "&".join(f"var-{name}={quote(each, safe='')}" for each in values)


_COMMON: Rules = {
    "csv": _joined(","),
    "doublequote": _quoted('"'),
    "glob": _glob,
    "percentencode": _percent_encoded,
    "pipe": _joined("|"),
    "queryparam": _query_parameters,
    "raw": _joined(","),
    "regex": _regex,
    "singlequote": _quoted("'"),
    "text": _joined(" + "),
}

FORMATS: Mapping[str, Rules] = {
    "9.3": {**_COMMON, "json": _json},
    "12": {**_COMMON, "json": _json_in_scenes},
}
"""The rules by the version of Grafana in which they were read."""
