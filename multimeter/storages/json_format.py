"""Results as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import orjson

from multimeter.analysis.figures import figures_of
from multimeter.data.identifiers import VERSION
from multimeter.data.timestamps import format_iso, parse_iso
from multimeter.data.values import PLAIN, json_text, text_of
from multimeter.errors import FormatError
from multimeter.lines.run_entry import figures_from_json
from multimeter.lines.schema_json import schema_from_json, schema_to_json
from multimeter.result import Result
from multimeter.storages.formats import FileFormat, Stream, read_text, write_text

__all__ = ["JsonFormat"]

# Of an integer of so many digits, orjson makes a float.
_MANY_DIGITS = re.compile(r"[0-9]{19}")


class JsonFormat(FileFormat):
    """One JSON object a result.

    Its keys: ``version`` (2), ``id``, ``identifier``, ``tags``, ``meta_data``, ``schema``
    (``metrics``, ``subjects``, ``measures``), ``start``, ``end``, ``figures`` (ids to
    ``value``, ``low``, ``high``, ``source``, ``flags``), ``points`` (``datetime``,
    ``values``) and ``marks`` (``datetime``, ``label``). Times are ISO 8601 in UTC. JSON
    (RFC 8259) has neither NaN nor infinity: they become null. What JSON has no type for
    becomes text. Version 1 has no ``version``, ``id``, ``start``, ``end`` and ``figures``.
    """

    @property
    def extension(self) -> str:
        """``.json``."""
        return ".json"

    def save_result_to_stream(self, result: Result, stream: Stream) -> None:
        """Write a result as JSON, a line for each point.

        Args:
            result: What was measured.
            stream: A binary stream, which stays open.
        """
        write_text(stream, _texts(result))

    def load(self, stream: Stream) -> Result:
        """Read a result back.

        Args:
            stream: A binary stream, which stays open.

        Raises:
            FormatError: The stream does not hold a result in this format.
        """
        text = read_text(stream)
        try:
            return _result(_parsed(text))
        except FormatError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise FormatError(
                f"This is not a result in JSON: {_why(error)}",
                cause="The file was cut off, or another program wrote it.",
            ) from error


def _texts(result: Result) -> Iterator[str]:
    start_ns, end_ns = result.start_ns, result.end_ns
    head = {
        "version": VERSION,
        "id": result.id,
        "identifier": result.identifier,
        "tags": result.tags,
        "meta_data": result.meta_data,
        "schema": schema_to_json(result.schema),
        "start": None if start_ns is None else format_iso(start_ns),
        "end": None if end_ns is None else format_iso(end_ns),
        "figures": {each.id: each.estimate.to_json() for each in figures_of(result)},
    }
    yield json_text(head)[:-1]
    yield ', "points": ['
    separator = "\n"
    for time_ns, point in zip(result.times_ns, result.points):
        yield separator
        yield _point_text(format_iso(time_ns), point.values)
        separator = ",\n"
    yield '\n], "marks": ['
    separator = "\n"
    for time_ns, label in result.marks_ns:
        yield separator
        yield json_text({"datetime": format_iso(time_ns), "label": label})
        separator = ",\n"
    yield "\n]}\n"


def _point_text(moment: str, values: Mapping[str, Any]) -> str:
    point = {"datetime": moment, "values": values}
    if PLAIN.issuperset(map(type, values.values())):
        try:
            return orjson.dumps(point).decode()
        except orjson.JSONEncodeError:  # an integer beyond 64 bits, half a character
            pass
    return json_text(point)


def _parsed(text: str) -> Any:
    if not _MANY_DIGITS.search(text):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # NaN, which other programs write; or an error, which json describes
    return json.loads(text)


def _in_order(points: list[Any]) -> Iterable[tuple[int, dict[str, Any]]]:
    """Return points in the order of time, each time once, as lines are read."""
    given = [(parse_iso(point["datetime"]), point["values"]) for point in points]
    if all(before < after for (before, _), (after, _) in pairwise(given)):
        return given
    merged: dict[int, dict[str, Any]] = {}
    for time_ns, values in given:
        merged.setdefault(time_ns, {}).update(values)
    return sorted(merged.items())


def _why(error: Exception) -> str:
    """Say what is wrong with the file, in the words of JSON."""
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}."
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return f"it lacks '{error.args[0]}'."
    return "it has another structure."


def _result(data: Any) -> Result:
    result = Result.of_schema(
        schema_from_json(data["schema"]),
        identifier=None if data["identifier"] is None else text_of(data["identifier"]),
        tags=data["tags"],
    )
    result.meta_data.update(data["meta_data"])
    for time_ns, values in _in_order(data["points"]):
        result.append(time_ns, values)
    for mark in data["marks"]:
        result.add_mark(parse_iso(mark["datetime"]), mark["label"])
    result.id = data.get("id")
    result.known_figures = figures_from_json(data.get("figures"))
    return result
