"""The entry of a run: the fields of ``multimeter_runs``, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from multimeter.analysis.figures import FIGURES, Figure, figures_of
from multimeter.data.estimate import Estimate
from multimeter.data.identifiers import FIGURE_PREFIX, RUN_TAG, RUNS, VERSION
from multimeter.data.record import Record
from multimeter.data.values import json_text
from multimeter.lines.point_encoder import is_as_read
from multimeter.lines.protocol import portable_key
from multimeter.lines.schema_json import schema_to_json
from multimeter.result import Result

__all__ = [
    "FIGURES_FIELD",
    "entry_fields",
    "figures_from_json",
    "merged_entries",
    "stored_figures",
]

FIGURES_FIELD = "figures"
"""The field with all figures as JSON: ids to what an Estimate is in JSON."""

_FIELDS = {f"{FIGURE_PREFIX}{each.id}": each.id for each in FIGURES}


def entry_fields(result: Result) -> dict[str, Any]:
    """Return the fields of the entry of a run, in the order in which they are written.

    ``start``, ``end`` are in ns since the epoch, ``duration`` in ns; a field
    ``figure_<id>`` for the value of each figure, in its base unit.
    """
    fields: dict[str, Any] = {
        "identifier": result.identifier,
        "version": VERSION,
        **({} if result.id is None else {"id": result.id}),
        "points": len(result.times_ns),
        "tags": json_text(result.tags),
        "meta_data": json_text(result.meta_data, nan=True),
        "schema": json_text(schema_to_json(result.schema), nan=True),
    }
    start_ns, end_ns = result.start_ns, result.end_ns
    if start_ns is not None and end_ns is not None:
        fields |= {"start": start_ns, "end": end_ns, "duration": end_ns - start_ns}
    known = {measure.key for measure in result.schema.measures}
    more = {portable_key(key): key for key in result.columns if key not in known}
    names = {name: key for name, key in more.items() if name != key}
    if names and not is_as_read(result):
        fields["names"] = json_text(names)
    return fields | _figure_fields(figures_of(result))


def _figure_fields(figures: tuple[Figure, ...]) -> dict[str, Any]:
    """Return the values as fields of their own, which databases can sort and draw."""
    fields: dict[str, Any] = {
        f"{FIGURE_PREFIX}{each.id}": float(each.value)
        for each in figures
        if each.value is not None
    }
    if figures:
        estimates = {each.id: each.estimate.to_json() for each in figures}
        fields[FIGURES_FIELD] = json_text(estimates)
    return fields


def stored_figures(fields: Mapping[str, object]) -> dict[str, Estimate]:
    """Return the figures that an entry holds, by their ids.

    An entry of version 1 has their values only; of an entry whose values differ from its
    text, the values count.
    """
    try:
        found = figures_from_json(json.loads(str(fields.get(FIGURES_FIELD, "{}"))))
    except (ValueError, RecursionError):
        found = {}
    for field, key in _FIELDS.items():
        value = fields.get(field)
        if isinstance(value, float) and (key not in found or found[key].value != value):
            found[key] = Estimate.exact(value)
    return found


def figures_from_json(data: object) -> dict[str, Estimate]:
    """Return figures by their ids from an object of JSON; what is no figure is left out."""
    items = data.items() if isinstance(data, Mapping) else ()
    read = {str(key): Estimate.from_json(each) for key, each in items}
    return {key: each for key, each in read.items() if each is not None}


def merged_entries(rows: Iterable[Record]) -> list[Record]:
    """Return one record for each run, at its start; of several rows the last values.

    A row without the id of a run is of version 1 of the data: it is all that there is.
    """
    entries: list[Record] = []
    places: dict[tuple[str, str], int] = {}
    for row in sorted(rows, key=lambda row: row.time_ns or 0):
        key = row.tags.get("measurement", ""), row.tags.get(RUN_TAG, "")
        start = row.fields.get("start")
        time_ns = start if isinstance(start, int) else row.time_ns
        if not key[1] or key not in places:
            places[key] = len(entries)
            entries.append(Record(RUNS, row.tags, row.fields, time_ns))
        else:
            before = entries[places[key]]
            fields = {**before.fields, **row.fields}
            entries[places[key]] = Record(RUNS, row.tags, fields, before.time_ns)
    return sorted(entries, key=lambda entry: entry.time_ns or 0)
