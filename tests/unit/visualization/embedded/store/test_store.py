from __future__ import annotations

import itertools
import pathlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from fakes.stores import new_store
from hypothesis import given, settings
from hypothesis import strategies as st

from multimeter.data.record import FieldValue, Record, Unsigned
from multimeter.lines.protocol import encode
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Conflict, Store
from multimeter.visualization.errors import StoreError


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    store = new_store(tmp_path / "store.duckdb")
    yield store
    store.close()


def write(store: Store, *lines: str) -> list[Conflict]:
    return store.write(decode_columns("\n".join(lines).encode(), "ns", now_ns=0))


def points(store: Store, name: str) -> dict[tuple[str, int], Mapping[str, FieldValue]]:
    """Return the points of a measurement by the text of their tags and their time."""
    found = list(store.rows(name))
    by_identity = {(str(r.tags), r.time_ns or 0): r.fields for r in found}
    assert len(by_identity) == len(found), "a point is there twice"
    return by_identity


# --- what is written is there


def test_points_of_all_types_come_back(store: Store) -> None:
    write(store, 'm,host=a f=0.5,i=-7i,u=18446744073709551615u,s="é\n\\"q\\"",b=true 5')
    (record,) = store.rows("m")
    fields: dict[str, FieldValue] = {
        "f": 0.5,
        "i": -7,
        "u": 2**64 - 1,
        "s": 'é\n"q"',
        "b": True,
    }
    assert record == Record("m", {"host": "a"}, fields, 5)
    assert [type(v) for v in record.fields.values()] == [float, int, Unsigned, str, bool]
    assert store.fields("m") == {
        "f": "float",
        "i": "integer",
        "u": "unsigned",
        "s": "string",
        "b": "boolean",
    }


def test_names_of_any_characters_are_only_names(store: Store) -> None:
    odd = ['"; DROP TABLE meta; --', "data_0", "series", "time", "'", "日本 😀", "a\u2028b"]
    for name in odd:
        line = encode(Record(name, {name: name}, {name: 1.0, "x": name}, 1))
        assert line is not None
        write(store, line)
    assert {each.name for each in store.measurements()} == set(odd)
    for name in odd:
        (record,) = store.rows(name)
        key = f"{name}_" if name == "time" else name
        assert record == Record(name, {key: name}, {key: 1.0, "x": name}, 1)


def test_the_catalog_knows_range_points_and_tag_sets(store: Store) -> None:
    write(store, "m,host=a v=1 10", "m,host=b v=1 5", "m,host=a v=1 20", "old v=1 1")
    newest, old = store.measurements()
    assert (newest.name, newest.start_ns, newest.end_ns, newest.points) == ("m", 5, 20, 3)
    assert newest.tag_sets == ({"host": "a"}, {"host": "b"})
    assert old.name == "old"
    assert old.tag_sets == ({},)
    assert store.measurement("m") == newest
    assert store.measurement("none") is None
    assert store.fields("none") == {}
    assert list(store.rows("none")) == []


def test_an_empty_write_changes_nothing(store: Store) -> None:
    assert write(store, "") == []
    assert store.measurements() == []


def test_everything_is_there_after_closing_and_opening(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "store.duckdb"
    first = Store(path)
    write(first, 'm,host=a,z=1 v=1,s="x" 10', "m v=2 11", "other v=1,w=2i 1", "m q=t 12")
    before = [first.measurements(), first.fields("m"), list(first.rows("m"))]
    first.close()
    again = Store(path)
    assert [again.measurements(), again.fields("m"), list(again.rows("m"))] == before
    write(again, "m,host=a,z=1 v=3 11", "new v=1 1", "other w=3i 1")
    assert again.measurement("m").points == 4  # type: ignore[union-attr]
    assert list(again.rows("other")) == [Record("other", {}, {"v": 1.0, "w": 3}, 1)]
    again.close()


# --- the same point again


def test_a_point_written_again_replaces_the_first(store: Store) -> None:
    write(store, "m v=1,w=1 10", "m v=1 20")
    write(store, "m v=2 10")
    assert points(store, "m") == {("{}", 10): {"v": 2.0, "w": 1.0}, ("{}", 20): {"v": 1.0}}
    assert store.measurement("m").points == 2  # type: ignore[union-attr]


def test_of_one_point_on_several_lines_the_last_value_of_each_field_counts(
    store: Store,
) -> None:
    write(store, "m a=1,b=1 10", "m b=2,c=2 10", "m a=3 10", "m c=4 10", "m a=5 20")
    assert points(store, "m") == {
        ("{}", 10): {"a": 3.0, "b": 2.0, "c": 4.0},
        ("{}", 20): {"a": 5.0},
    }


@pytest.mark.parametrize(
    "lines", [["v=1", "v=2"], ["v=1", "v=9,w=9", "v=2"], ["v=9,w=9", "v=1", "w=7", "v=2"]]
)
def test_the_order_of_the_lines_decides_whatever_fields_they_have(
    store: Store, lines: list[str]
) -> None:
    write(store, *(f"m {fields} 10" for fields in lines))
    (record,) = store.rows("m")
    assert record.fields["v"] == 2.0
    assert store.measurement("m").points == 1  # type: ignore[union-attr]


def test_a_batch_sent_again_changes_nothing(store: Store) -> None:
    batch = [f'm,host=h{n % 3} v={n},s="{n}" {n}' for n in range(1000)]
    write(store, *batch)
    before = points(store, "m")
    write(store, *batch)
    write(store, *reversed(batch))
    assert points(store, "m") == before
    assert store.measurement("m").points == 1000  # type: ignore[union-attr]


def test_a_late_point_is_added(store: Store) -> None:
    write(store, "m v=1 10", "m v=3 30")
    write(store, "m v=0 1", "m v=2 20", "m v=4 40", "m v=33 30")
    assert [(r.time_ns, r.fields["v"]) for r in store.rows("m")] == [
        (1, 0.0),
        (10, 1.0),
        (20, 2.0),
        (30, 33.0),
        (40, 4.0),
    ]
    info = store.measurement("m")
    assert info is not None
    assert (info.start_ns, info.end_ns, info.points) == (1, 40, 5)


def test_a_field_that_comes_later_is_added_to_old_points(store: Store) -> None:
    write(store, "m v=1 10", "m v=2 20")
    write(store, 'm w=5i,s="x" 10', "m w=6i 30")
    assert points(store, "m") == {
        ("{}", 10): {"v": 1.0, "w": 5, "s": "x"},
        ("{}", 20): {"v": 2.0},
        ("{}", 30): {"w": 6},
    }


def test_measurements_that_share_a_table_keep_to_themselves(store: Store) -> None:
    write(store, "a v=1 10", "b v=2 10")
    write(store, "a only_a=1 10", "b only_b=2 10", "b v=3 10")
    assert points(store, "a") == {("{}", 10): {"v": 1.0, "only_a": 1.0}}
    assert points(store, "b") == {("{}", 10): {"v": 3.0, "only_b": 2.0}}
    assert store.fields("a") == {"v": "float", "only_a": "float"}


# --- field type conflicts


def test_a_point_with_a_field_of_another_type_is_dropped_and_the_rest_stored(
    store: Store,
) -> None:
    conflicts = write(store, "conflict v=1 1", 'conflict v="text" 2', "conflict v=3 3")
    message = (
        'field type conflict: input field "v" on measurement "conflict" is type string, '
        "already exists as type float"
    )
    assert conflicts == [Conflict(message, 1)]
    assert list(points(store, "conflict")) == [("{}", 1), ("{}", 3)]


def test_a_dropped_point_leaves_nothing(store: Store) -> None:
    write(store, "m v=1 1")
    (conflict,) = write(store, "m,new=tag v=1i,new=1i 2", "m,new=tag v=2i,new=2i 3")
    assert conflict.dropped == 2
    assert store.fields("m") == {"v": "float"}
    assert [each.tag_sets for each in store.measurements()] == [({},)]
    assert write(store, "m new=t 2") == []


# --- against a model


@dataclass
class Model:
    """What InfluxDB does, with dictionaries."""

    types: dict[tuple[str, str], type] = field(default_factory=dict)
    points: dict[tuple[str, str, int], dict[str, FieldValue]] = field(default_factory=dict)

    def write(self, records: list[Record]) -> int:
        """Write records, and return how many were dropped."""
        dropped = 0
        for record in records:
            types = {(record.measurement, k): type(v) for k, v in record.fields.items()}
            if any(self.types.get(key, kind) != kind for key, kind in types.items()):
                dropped += 1
                continue
            self.types |= types
            identity = (record.measurement, str(record.tags), record.time_ns or 0)
            self.points.setdefault(identity, {}).update(record.fields)
        return dropped

    def of(self, measurement: str) -> dict[tuple[str, int], dict[str, FieldValue]]:
        return {key[1:]: v for key, v in self.points.items() if key[0] == measurement}


numbers = st.sampled_from([0.0, 1.5, -2.0, 1e300])
others = st.sampled_from([1, -5, Unsigned(1), Unsigned(2**64 - 1), "", 'b"\n', True, False])
records = st.builds(
    Record,
    measurement=st.sampled_from(["a", "a", "b"]),
    tags=st.sampled_from([{}, {}, {"k": "x"}]),
    # Mostly of one type: a point that is dropped does not show much.
    fields=st.fixed_dictionaries(
        {}, optional={"f": numbers, "g": numbers, "h": others, "i": numbers | others}
    ).filter(bool),
    time_ns=st.integers(0, 3),
)
bodies = st.lists(st.lists(records, min_size=1, max_size=12), min_size=1, max_size=6)
runs = itertools.count()


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("shared") / "store.duckdb")
    yield store
    store.close()


@settings(deadline=None, max_examples=40)
@given(bodies, st.data())
def test_the_store_holds_what_a_model_of_influxdb_holds(
    shared_store: Store, bodies: list[list[Record]], data: st.DataObject
) -> None:
    # Names of their own for each run: opening a store takes longer than the rest.
    run = next(runs)
    model = Model()
    for body in bodies:
        again = data.draw(st.booleans())
        for batch in [body, body] if again else [body]:
            named = [
                Record(f"{r.measurement}{run}", r.tags, r.fields, r.time_ns) for r in batch
            ]
            lines = [encode(record) or "" for record in named]
            dropped = sum(c.dropped for c in write(shared_store, *lines))
            assert dropped == model.write(named)
    for measurement in (f"a{run}", f"b{run}"):
        expected = model.of(measurement)
        assert points(shared_store, measurement) == expected
        info = shared_store.measurement(measurement)
        assert (info.points if info else 0) == len(expected)
        if info:
            times = [time for _, time in expected]
            assert (info.start_ns, info.end_ns) == (min(times), max(times))
            assert len(info.tag_sets) == len({tags for tags, _ in expected})


# --- use by many, and after the end


def test_threads_write_and_read_at_the_same_time(store: Store) -> None:
    counts: list[list[int]] = []

    def writer(name: str) -> None:
        for n in range(20):
            write(
                store,
                *(f"m,who={name} v={n},n{name}{n}={n} {10 * n + k}" for k in range(10)),
            )

    def reader() -> None:
        counts.append([len(list(store.rows("m"))) for _ in range(20)])

    threads = [threading.Thread(target=writer, args=(name,)) for name in "abc"]
    threads += [threading.Thread(target=reader) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    info = store.measurement("m")
    assert info is not None
    assert info.points == len(list(store.rows("m"))) == 600
    assert all(each == sorted(each) and all(n % 10 == 0 for n in each) for each in counts)


def test_a_closed_store_says_so(store: Store) -> None:
    write(store, "m v=1 1")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        write(store, "m v=1 2")
    with pytest.raises(StoreError, match="closed"):
        store.rows("m")
