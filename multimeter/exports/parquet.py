"""Points as Parquet, written by DuckDB.

What is not a point is in the file's key-value meta data, so that nothing is lost.
https://duckdb.org/docs/stable/data/parquet/overview
"""

from __future__ import annotations

import pathlib
from typing import Any

from multimeter.analysis.figures import figures_of
from multimeter.data.identifiers import VERSION
from multimeter.data.record import Unsigned
from multimeter.data.timestamps import format_iso
from multimeter.data.values import field_value, json_text, text_of
from multimeter.errors import MissingExtraError, StorageError
from multimeter.lines.schema_json import schema_to_json
from multimeter.result import Result

__all__ = ["write_parquet"]

_DTYPES: dict[type, str] = {float: "float64", int: "int64", bool: "bool"}
_INT64 = 2**63


def write_parquet(result: Result, path: pathlib.Path) -> None:
    """Write a run to a file in Parquet.

    The columns are ``time`` (a timestamp in ns, UTC) and one for each measure; the
    key-value meta data are ``version``, ``id``, ``identifier``, ``start`` and ``end``
    (ISO 8601), and as JSON ``tags``, ``meta_data``, ``schema``, ``figures`` and
    ``marks`` (pairs of ns since the epoch and label).

    Args:
        result: The run.
        path: The file; what is there is replaced.

    Raises:
        MissingExtraError: DuckDB or numpy is not installed.
        StorageError: The file cannot be written.
    """
    try:
        import duckdb
        import numpy as np
    except ImportError as error:
        raise MissingExtraError(error.name or "duckdb", "visu") from error
    arrays, selected = {"t": np.array(list(result.times_ns), "int64")}, []
    for number, key in enumerate(result.columns):
        values, missing = _column(list(result.values(key)), np)
        arrays |= {f"v{number}": values, f"n{number}": missing}
        name = _quoted(key, '"')
        selected.append(f"CASE WHEN NOT n{number} THEN v{number} END AS {name}")
    columns = ", ".join(["make_timestamp_ns(t) AS time", *selected])
    pairs = ", ".join(
        f"{_quoted(key, chr(34))}: {_quoted(value, chr(39))}"
        for key, value in _about(result).items()
    )
    try:
        with duckdb.connect() as connection:
            connection.register("points", arrays)
            connection.execute(
                f"COPY (SELECT {columns} FROM points) TO {_quoted(str(path), chr(39))} "  # noqa: S608 - all is quoted
                f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{pairs}}})"
            )
    except (duckdb.Error, OSError) as error:
        raise StorageError(f"{path} cannot be written: {error}") from error


def _column(values: list[Any], np: Any) -> tuple[Any, Any]:
    """Return values as an array of one type, and which of them are missing."""
    values = [int(v) if type(v) is Unsigned else field_value(v) for v in values]
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        kinds = {float}
    kind = kinds.pop() if len(kinds) == 1 else str
    if kind is int and not all(v is None or -_INT64 <= v < _INT64 for v in values):
        kind = float
    if kind is float:
        values = [_float(value) for value in values]
    missing = np.array([value is None for value in values], "bool")
    dtype = _DTYPES.get(kind, "object")
    if dtype == "object":
        texts = [
            "" if v is None else text_of(v).encode("utf-8", "replace").decode()
            for v in values
        ]
        return np.array(texts, "object"), missing
    return np.array([0 if value is None else value for value in values], dtype), missing


def _float(value: Any) -> float | None:
    """Return a number as a float, or None for one that no float can hold."""
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _about(result: Result) -> dict[str, str]:
    start_ns, end_ns = result.start_ns, result.end_ns
    return {
        "version": str(VERSION),
        "id": result.id or "",
        "identifier": result.identifier or "",
        "start": "" if start_ns is None else format_iso(start_ns),
        "end": "" if end_ns is None else format_iso(end_ns),
        "figures": json_text({f.id: f.estimate.to_json() for f in figures_of(result)}),
        "tags": json_text(result.tags),
        "meta_data": json_text(result.meta_data, nan=True),
        "schema": json_text(schema_to_json(result.schema)),
        "marks": json_text(result.marks_ns),
    }


def _quoted(text: str, quote: str) -> str:
    text = text.encode("utf-8", "replace").decode().replace("\0", "\u2400")
    return f"{quote}{text.replace(quote, 2 * quote)}{quote}"
