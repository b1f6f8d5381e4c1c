from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from fakes.stores import new_store
from hypothesis import given, settings
from hypothesis import strategies as st

from multimeter.data.record import Record
from multimeter.lines.protocol import encode
from multimeter.visualization.embedded.store import deletion
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Selection, Store

EVER = (-(2**63), 2**63 - 1)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "store.duckdb"


@pytest.fixture
def store(path: pathlib.Path) -> Iterator[Store]:
    store = new_store(path)
    yield store
    store.close()


def write(store: Store, *lines: str) -> None:
    assert store.write(decode_columns("\n".join(lines).encode(), "ns", 1)) == []


def lines_of(store: Store) -> list[str]:
    return sorted(
        line
        for each in store.measurements()
        for part in store.lines(each.name, *EVER)
        for line in part
    )


def select(measurement: str | None = None, *, start: int = EVER[0], stop: int = EVER[1],
           **tags: str) -> Selection:  # fmt: skip
    return Selection(start, stop, measurement, tags)


def test_a_measurement_is_removed_and_the_others_stay(store: Store) -> None:
    write(store, "a v=1 1", "a v=2 2", "b v=3 1")
    store.remove([select("a")])
    assert lines_of(store) == ["b v=3.0 1"]
    assert [each.name for each in store.measurements()] == ["b"]
    assert store.fields("a") == {}
    assert list(store.rows("a")) == []


def test_tags_choose_across_measurements(store: Store) -> None:
    write(store, "a,run=x v=1 1", "a,run=y v=2 1", "m,run=x,k=1 t=3 1")
    store.remove([select(run="x")])
    assert lines_of(store) == ["a,run=y v=2.0 1"]


def test_a_part_of_the_time_is_removed_and_both_ends_belong_to_it(store: Store) -> None:
    write(store, *(f"a v={n} {n}" for n in range(1, 7)))
    store.remove([select("a", start=2, stop=5)])
    assert lines_of(store) == ["a v=1.0 1", "a v=6.0 6"]
    info = store.measurement("a")
    assert info is not None
    assert (info.start_ns, info.end_ns, info.points) == (1, 6, 2)


def test_a_name_that_was_removed_may_come_again_with_other_types(store: Store) -> None:
    write(store, "a v=1 1")
    store.remove([select("a")])
    write(store, 'a v="text" 1')
    assert lines_of(store) == ['a v="text" 1']


def test_numbers_of_what_is_gone_do_no_harm_after_the_store_is_opened_again(
    store: Store, path: pathlib.Path
) -> None:
    write(store, "a v=1 1", "b v=2 1", "c v=3,w=4i 1")
    store.remove([select("a"), select("c")])
    store.close()
    again = Store(path)
    write(again, "d v=5 1", "b,k=1 v=6 1", "c v=7,w=8i 1", "e v=9,w=1i,x=true 1")
    expected = ["b v=2.0 1", "b,k=1 v=6.0 1", "c v=7.0,w=8i 1", "d v=5.0 1"]
    expected += ["e v=9.0,w=1i,x=true 1"]
    assert lines_of(again) == expected
    again.close()
    last = Store(path)
    assert lines_of(last) == expected
    last.close()


def test_what_is_not_there_is_removed_without_a_change(store: Store) -> None:
    write(store, "a,k=1 v=1 1")
    store.remove([select("b"), select("a", k="2"), select("a", start=2)])
    assert lines_of(store) == ["a,k=1 v=1.0 1"]


def test_all_selections_count_or_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, "a v=1 1", "b v=2 1")
    with monkeypatch.context() as patch:
        patch.setattr(deletion, "update_series", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.remove([select("a"), select("b")])
    assert lines_of(store) == ["a v=1.0 1", "b v=2.0 1"]


points = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.sampled_from(["", "k=1", "k=2"]), st.integers(0, 9)
    ),
    max_size=12,
)
removals = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.sampled_from([{}, {"k": "1"}]),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=3,
)


@settings(max_examples=40)
@given(st.lists(st.tuples(points, removals), max_size=3), st.booleans())
def test_it_holds_what_a_set_of_points_would(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[list[tuple[str, str, int]], list[tuple]]],  # type: ignore[type-arg]
    reopens: bool,
) -> None:
    path = tmp_path_factory.mktemp("model") / "store.duckdb"
    store, model = new_store(path), set()
    for some, taken in steps:
        lines = {(name, tags, time) for name, tags, time in some}
        model |= lines
        if lines:
            write(store, *(_line(*each) for each in sorted(lines)))
        for name, tags, start, stop in taken:
            store.remove([Selection(start, stop, name, tags)])
            model -= {
                each
                for each in model
                if name in (None, each[0])
                and (not tags or each[1] == "k=1")
                and start <= each[2] <= stop
            }
        if reopens:
            store.close()
            store = Store(path)
        assert lines_of(store) == sorted(_line(*each) for each in model)
        assert sum(each.points for each in store.measurements()) == len(model)
    store.close()


def _line(name: str, tags: str, time: int) -> str:
    pairs = dict([tags.split("=")]) if tags else {}
    line = encode(Record(name, pairs, {"v": float(time)}, time))
    assert line is not None
    return line
