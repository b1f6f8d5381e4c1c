"""The types of the fields in measurements that Multimeter keeps for itself."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from fakes.stores import new_store

from multimeter.data.identifiers import (
    CODENAMES,
    HEALTH,
    LOGS,
    MARKS,
    RESERVED_MEASUREMENTS,
    RUNS,
    reserved_field_type,
)
from multimeter.data.record import Record
from multimeter.delivery.health import HealthSink
from multimeter.delivery.stats import Stats
from multimeter.lines.protocol import decode, encode
from multimeter.lines.result_encoder import encode_result
from multimeter.loggers.codenames import codename_records
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.result import Result
from multimeter.schema import Schema
from multimeter.sinks.base import Accepted, Batch
from multimeter.storages.live_run import LiveRun
from multimeter.subject import Subject
from multimeter.visualization.embedded.store import changes
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Conflict, Store

VALUES = {
    "float": "1.5",
    "integer": "1i",
    "unsigned": "1u",
    "string": '"x"',
    "boolean": "t",
}


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    store = new_store(tmp_path / "store.duckdb")
    yield store
    store.close()


def write(store: Store, *lines: str) -> list[Conflict]:
    return store.write(decode_columns("\n".join(lines).encode(), "ns", now_ns=0))


def own_lines() -> Iterator[str]:
    """Yield lines of each kind that the library writes to measurements of its own."""
    measure = Measure(Subject("process"), Metric("cpu_rate", "CPU", "1", float))
    schema = Schema((measure.metric,), (measure.subject,), (measure,))
    result = Result.of_schema(schema, identifier="mine")
    result.append(100, {measure.key: 0.5})
    result.append(200, {measure.key: 0.75})
    result.add_mark(150, "half")
    yield from (line.decode() for line in encode_result(result))
    lines: list[bytes] = []
    live = LiveRun(result, lambda line, _left_out: lines.append(line or b""), lambda: 0)
    live.append(10**11, {measure.key: 0.5})
    live.close()
    sink = _Sink(lines)
    clock = iter(range(0, 10**6, 1000))
    health = HealthSink(sink, lambda: _STATS, clock=lambda: float(next(clock)))
    health.send(Batch("1", []))
    health.close()
    yield from (line.decode() for line in lines if line)
    for record in codename_records(("t",), {"t": "K"}, {"t": "the bath"}):
        yield encode(record) or ""
    yield f"{LOGS},codename=t value=1.0 1"


_STATS = Stats(
    accepted=0,
    delivered=0,
    rejected=0,
    queued=0,
    dropped={},
    resumed=0,
    left_out=0,
    retries=0,
)


class _Sink:
    name, address = "sink", {}

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def send(self, batch: Batch) -> Accepted:
        self._lines += batch.lines
        return Accepted()

    def after_fork(self) -> None: ...

    def close(self) -> None: ...


def own_records() -> Iterator[Record]:
    for record in decode("\n".join(own_lines())):
        if record.measurement in RESERVED_MEASUREMENTS:
            yield record


def test_all_that_the_library_writes_has_a_known_type() -> None:
    seen = set()
    for record in own_records():
        seen.add(record.measurement)
        for field, value in record.fields.items():
            assert reserved_field_type(record.measurement, field) is type(value), field
    assert seen == RESERVED_MEASUREMENTS


@pytest.mark.parametrize(
    ("measurement", "field", "kind"),
    [
        (MARKS, "label", "string"),
        (LOGS, "value", "float"),
        (RUNS, "end", "integer"),
        (RUNS, "state", "string"),
        (RUNS, "figure_duration", "float"),
        (RUNS, "figure_to_come", "float"),
        (CODENAMES, "unit", "string"),
        (HEALTH, "closed", "boolean"),
        (HEALTH, "dropped", "integer"),
    ],
)
def test_another_type_is_refused_also_where_it_comes_first(
    store: Store, measurement: str, field: str, kind: str
) -> None:
    for other, value in VALUES.items():
        conflicts = write(store, f"{measurement} {field}={value} 1", "theirs v=1 1")
        assert len(conflicts) == (other != kind), other
        if conflicts:
            assert f"is type {other}, already exists as type {kind}" in conflicts[0].message
    assert store.fields(measurement) == {field: kind}
    assert store.fields("theirs") == {"v": "float"}


def test_what_the_library_writes_is_taken_after_any_foreign_write(store: Store) -> None:
    foreign = {
        (record.measurement, field): "5i" if isinstance(value, (str, float)) else '"x"'
        for record in own_records()
        for field, value in record.fields.items()
    }
    write(store, *(f"{m} {field}={value} 1" for (m, field), value in foreign.items()))
    assert write(store, *own_lines()) == []


def test_other_fields_there_are_free(store: Store) -> None:
    assert write(store, f"{MARKS} color=5i 1", f"{RUNS} mine=t 1") == []


def test_a_store_that_has_another_type_already_keeps_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(changes, "reserved_type", lambda *_: None)
        assert write(store, f"{MARKS} label=5 1") == []
    assert write(store, f"{MARKS} label=6 2") == []
