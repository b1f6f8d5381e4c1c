from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.analysis.statistics import Statistic
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all tests, each of which writes measurements of its own."""
    store = Store(tmp_path_factory.mktemp("store") / "store.duckdb")
    yield store
    store.close()


def write(store: Store, *lines: str) -> None:
    store.write(decode_columns("\n".join(lines).encode(), "ns", now_ns=0))


def statistics(
    store: Store, keys: list[str], *names: str
) -> dict[str, dict[str, Statistic]]:
    return store.statistics(keys, dict.fromkeys(names))


def test_each_measurement_has_its_own(store: Store) -> None:
    write(store, "own_a v=1 1", "own_a v=3 2", "own_b v=7i 1", "own_c w=1 1")
    found = statistics(store, ["v"], *["own_a", "own_b", "own_c", "none"])
    assert found == {
        "own_a": {"v": Statistic(3, 3, 1, 2, pytest.approx(3e-9), 1e-9)},
        "own_b": {"v": Statistic(7, 7, 7, 1)},
        "own_c": {},
    }


def test_all_tag_sets_count(store: Store) -> None:
    write(store, "sets,core=0 v=1 1", "sets,core=0 v=1 2", "sets,core=1 v=4 1")
    assert statistics(store, ["v"], "sets")["sets"] == {
        "v": Statistic(4, 1, 1, 3, 1e-9, 1e-9)
    }


def test_text_and_what_has_no_value_are_left_out(store: Store) -> None:
    write(store, 'odd s="a",b=true 1', "odd b=false 2")
    found = statistics(store, ["s", "b", "no"], *["odd"])["odd"]
    assert found == {"b": Statistic(1, 0, 0, 2, 0.0, 1e-9)}


def test_points_that_come_later_are_seen(store: Store) -> None:
    write(store, "later v=1 1")
    assert statistics(store, ["v"], "later")["later"]["v"].max == 1
    write(store, "later v=5 2")
    assert statistics(store, ["v"], "later")["later"]["v"].max == 5


def test_a_value_that_is_replaced_is_seen(store: Store) -> None:
    write(store, "replaced v=9 1")
    assert statistics(store, ["v"], "replaced")["replaced"]["v"].max == 9
    write(store, "replaced v=2 1")
    assert statistics(store, ["v"], "replaced")["replaced"]["v"].max == 2


def test_what_was_not_asked_for_before_is_found(store: Store) -> None:
    write(store, "more v=1,w=2 1")
    assert statistics(store, ["v"], *["more"])["more"].keys() == {"v"}
    assert statistics(store, ["w"], *["more"])["more"].keys() == {"w"}
    assert statistics(store, ["v", "w"], *["more"])["more"].keys() == {"v", "w"}


def test_measurements_of_one_table_may_use_its_columns_for_other_fields(
    store: Store,
) -> None:
    write(store, "mixed_a v=1 1", "mixed_b v=2 1", "mixed_a w=10 2", "mixed_b u=20 2")
    found = statistics(store, ["u", "v", "w"], *["mixed_a", "mixed_b"])
    assert {key: each.max for key, each in found["mixed_a"].items()} == {"v": 1, "w": 10}
    assert {key: each.max for key, each in found["mixed_b"].items()} == {"v": 2, "u": 20}


def test_large_values_never_have_an_infinite_mean(store: Store) -> None:
    write(store, *(f"large,t={n} v=1.7e308 {n}" for n in range(3)))
    assert statistics(store, ["v"], *["large"])["large"]["v"].mean == pytest.approx(1.7e308)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2), st.data())
def test_two_parts_are_as_good_as_the_whole(
    values: list[float], data: st.DataObject
) -> None:
    def of(some: list[float]) -> Statistic:
        return Statistic(max(some), sum(some) / len(some), min(some), len(some))

    cut = data.draw(st.integers(1, len(values) - 1))
    both = of(values[:cut]) + of(values[cut:])
    assert (both.max, both.min, both.count) == (max(values), min(values), len(values))
    assert both.mean == pytest.approx(sum(values) / len(values), abs=1e-3)
