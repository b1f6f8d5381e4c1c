"""As much of Flux as an install asks: from, range, filter, limit, count, first, last.

https://docs.influxdata.com/flux/. What is not known here is refused, never guessed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

Row = dict[str, Any]
Predicate = Callable[[Row], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<regex>/(?:[^/\\]|\\.)+/)
      | (?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z)
      | (?P<duration>-?\d+(?:ms|s|m|h|d))
      | (?P<number>-?\d+)
      | (?P<operator>\|>|=>|==|!=|=~|!~|[():,.])
      | (?P<name>\w+)
    )""",
    re.VERBOSE,
)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TYPES = {bool: "boolean", int: "long", float: "double", str: "string"}


class FluxError(Exception):
    """A query that is not known here, or not Flux."""


@dataclass(frozen=True)
class Query:
    """A query that has been read.

    Attributes:
        bucket: The name of the bucket.
        start: The first time, in ns.
        stop: The time after the last, in ns.
        predicate: Which rows are wanted.
        functions: What is done with each table.
    """

    bucket: str
    start: int = 0
    stop: int = 0
    predicate: Predicate = lambda _: True
    functions: tuple[tuple[str, int], ...] = ()


class _Reader:
    """Reads one query, token by token."""

    def __init__(self, text: str, now_ns: int) -> None:
        self._tokens = list(self._split(text))
        self._now = now_ns

    @staticmethod
    def _split(text: str) -> Iterator[tuple[str, str]]:
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise FluxError(f"invalid token at {position}")
            position = match.end()
            yield str(match.lastgroup), match[str(match.lastgroup)]
        yield "end", "EOF"

    def next(self, *wanted: str) -> str:
        kind, text = self._tokens.pop(0)
        if wanted and text not in wanted and kind not in wanted:
            raise FluxError(f"expected {wanted[0]}, got {text}")
        return text

    def is_next(self, *texts: str) -> bool:
        return self._tokens[0][1] in texts

    def query(self) -> Query:
        for text in ("from", "(", "bucket", ":"):
            self.next(text)
        query = Query(_unquoted(self.next("string")))
        self.next(")")
        while self.is_next("|>"):
            self.next("|>")
            query = self._function(query)
        self.next("EOF")
        return query

    def _function(self, query: Query) -> Query:
        name = self.next("name")
        self.next("(")
        if name == "range":
            query = self._range(query)
        elif name == "filter":
            query = self._filter(query)
        elif name == "limit":
            for text in ("n", ":"):
                self.next(text)
            query = replace(query, functions=(*query.functions, (name, int(self.next()))))
        elif name in ("count", "first", "last"):
            query = replace(query, functions=(*query.functions, (name, 0)))
        else:
            raise FluxError(f"undefined identifier {name}")
        self.next(")")
        return query

    def _range(self, query: Query) -> Query:
        times = {"stop": self._now}
        while True:
            key = self.next("start", "stop")
            self.next(":")
            times[key] = self._time()
            if not self.is_next(","):
                return replace(query, start=times["start"], stop=times["stop"])
            self.next(",")

    def _time(self) -> int:
        if self.is_next("time"):
            for text in ("time", "(", "v", ":"):
                self.next(text)
            nanoseconds = int(self.next("number"))
            self.next(")")
            return nanoseconds
        kind, text = self._tokens.pop(0)
        if kind == "time":
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            return int(moment.timestamp()) * 10**9
        if kind == "duration":
            number, unit = re.fullmatch(r"(-?\d+)(\w+)", text).groups()  # type: ignore[union-attr]
            return self._now + int(float(number) * _SECONDS[unit] * 1e9)
        return int(text) * 10**9

    def _filter(self, query: Query) -> Query:
        for text in ("fn", ":", "(", "r", ")", "=>"):
            self.next(text)
        before, added = query.predicate, self._either()
        return replace(query, predicate=lambda row: before(row) and added(row))

    def _either(self) -> Predicate:
        left = self._both()
        while self.is_next("or"):
            self.next("or")
            left = _any(left, self._both())
        return left

    def _both(self) -> Predicate:
        left = self._comparison()
        while self.is_next("and"):
            self.next("and")
            left = _all(left, self._comparison())
        return left

    def _comparison(self) -> Predicate:
        if self.is_next("("):
            self.next("(")
            inner = self._either()
            self.next(")")
            return inner
        for text in ("r", "."):
            self.next(text)
        column, operator = self.next("name"), self.next("==", "!=", "=~", "!~")
        if operator in ("==", "!="):
            value = _unquoted(self.next("string"))
            return lambda row: (row.get(column) == value) == (operator == "==")
        pattern = re.compile(self.next("regex")[1:-1].replace("\\/", "/"))
        return lambda row: bool(pattern.search(row.get(column, ""))) == (operator == "=~")


def _any(left: Predicate, right: Predicate) -> Predicate:
    return lambda row: left(row) or right(row)


def _all(left: Predicate, right: Predicate) -> Predicate:
    return lambda row: left(row) and right(row)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def read_query(text: str, now_ns: int) -> Query:
    """Read a query.

    Raises:
        FluxError: It is not Flux, or more of it than is known here.
    """
    return _Reader(text, now_ns).query()


def run_query(query: Query, rows: Iterable[Row]) -> list[list[Row]]:
    """Return the tables of a query, each the rows of one series in order of time."""
    series: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if query.start <= row["_time"] < query.stop and query.predicate(row):
            key = tuple(
                sorted((k, v) for k, v in row.items() if k not in ("_time", "_value"))
            )
            series.setdefault(key, []).append(row)
    tables = []
    for key in sorted(series):
        table = sorted(series[key], key=lambda row: row["_time"])
        for name, number in query.functions:
            table = _apply(name, number, table)
        tables.append(table)
    return tables


def _apply(name: str, number: int, table: list[Row]) -> list[Row]:
    if name == "limit":
        return table[:number]
    if name == "count":
        return [
            {**{k: v for k, v in table[0].items() if k != "_time"}, "_value": len(table)}
        ]
    return table[:1] if name == "first" else table[-1:]


def write_csv(query: Query, tables: list[list[Row]], annotations: list[str]) -> str:
    """Return tables as annotated CSV, as InfluxDB writes them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    before: list[Any] = []
    for number, table in enumerate(tables):
        tags = sorted(key for key in table[0] if not key.startswith("_"))
        names = ["_start", "_stop", "_time", "_value", "_field", "_measurement", *tags]
        names = [name for name in names if name in ("_start", "_stop") or name in table[0]]
        types = [_type(name, table[0]) for name in names]
        if before != [names, types]:
            text.write("\r\n" if before else "")
            before = [names, types]
            _write_header(writer, names, types, annotations)
        for row in table:
            full = {**row, "_start": query.start, "_stop": query.stop}
            cells = [_cell(full[name], kind) for name, kind in zip(names, types)]
            writer.writerow(["", "", number, *cells])
    return text.getvalue() + "\r\n"


def _write_header(
    writer: Any, names: list[str], types: list[str], annotations: list[str]
) -> None:
    grouped = [str(name not in ("_time", "_value")).lower() for name in names]
    lines = {
        "datatype": ["#datatype", "string", "long", *types],
        "group": ["#group", "false", "false", *grouped],
        "default": ["#default", "_result", *[""] * (len(names) + 1)],
    }
    for annotation in annotations:
        writer.writerow(lines[annotation])
    writer.writerow(["", "result", "table", *names])


def _type(name: str, row: Row) -> str:
    if name in ("_start", "_stop", "_time"):
        return "dateTime:RFC3339"
    return _TYPES[type(row[name])] if name == "_value" else "string"


def _cell(value: Any, kind: str) -> str:
    if kind == "dateTime:RFC3339":
        moment = datetime.fromtimestamp(value // 10**9, timezone.utc)
        fraction = f".{value % 10**9:09d}".rstrip("0").rstrip(".")
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"
    if kind == "boolean":
        return str(value).lower()
    return repr(value).removesuffix(".0") if kind == "double" else str(value)
