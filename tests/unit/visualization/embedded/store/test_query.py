from __future__ import annotations

import pathlib
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimeter.lines.protocol import MAX_TIME_NS
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.query import breaks, bucket_width
from multimeter.visualization.embedded.store.store import (
    SeriesData,
    Store,
    Summary,
    TagSetData,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all tests, each of which writes measurements of its own."""
    store = Store(tmp_path_factory.mktemp("store") / "store.duckdb")
    yield store
    store.close()


def write(store: Store, *lines: str) -> None:
    assert store.write(decode_columns("\n".join(lines).encode(), "ns", now_ns=0)) == []


# --- series


def test_each_bucket_has_its_first_time_and_min_max_and_mean(store: Store) -> None:
    write(
        store, *(f"first v={value} {time}" for time, value in enumerate([3, 1, 2, 9, 7, 8]))
    )
    data = store.series("first", ["v"], 0, 5, buckets=3)
    assert data == SeriesData(
        3, [TagSetData({}, [0, 3], {"v": Summary([1, 7], [3, 9], [2, 8])})]
    )


def test_buckets_begin_at_multiples_of_their_width(store: Store) -> None:
    write(store, *(f"multiples v={time} {time}" for time in range(100)))
    data = store.series("multiples", ["v"], 17, 66, buckets=6)
    assert data.bucket_ns == 10
    (only,) = data.series
    assert only.times == [17, 20, 30, 40, 50, 60]
    assert only.values["v"].max == [19, 29, 39, 49, 59, 66]


def test_tag_sets_are_apart(store: Store) -> None:
    write(store, "tagged,host=b v=1 1", "tagged,host=a v=2 1", "tagged,host=b v=3 2")
    data = store.series("tagged", ["v"], 0, 10, buckets=2)
    assert {each.tags["host"]: each.values["v"].mean for each in data.series} == {
        "a": [2.0],
        "b": [2.0],
    }


def test_a_bucket_without_a_value_of_a_field_has_none(store: Store) -> None:
    write(store, "holes v=1 0", "holes w=1 100", "holes v=2,w=2 200")
    (only,) = store.series("holes", ["v", "w"], 0, 200, buckets=5).series
    assert only.times == [0, 100, 200]
    assert only.values["v"] == Summary([1, None, 2], [1, None, 2], [1, None, 2])
    assert only.values["w"] == Summary([None, 1, 2], [None, 1, 2], [None, 1, 2])


def test_booleans_count_as_0_and_1_and_strings_do_not_count(store: Store) -> None:
    write(
        store, 'mixed b=true,s="x",i=1i,u=18446744073709551615u 0', "mixed b=false,i=2i 1"
    )
    (only,) = store.series("mixed", ["b", "s", "i", "u", "none"], 0, 1, buckets=2).series
    assert only.values == {
        "b": Summary([0], [1], [0.5]),
        "i": Summary([1], [2], [1.5]),
        "u": Summary([2**64 - 1], [2**64 - 1], [float(2**64)]),
    }


def test_the_mean_of_the_largest_values_stays_finite(store: Store) -> None:
    write(store, "large v=1.7e308 1", "large v=1.7e308 2", "large i=9223372036854775807i 3")
    write(store, "large i=9223372036854775807i 4")
    (only,) = store.series("large", ["v", "i"], 1, 100, buckets=2).series
    assert only.values["v"].mean == [1.7e308]
    assert only.values["i"].mean == [float(2**63)]


def test_nothing_in_the_range_or_no_such_measurement_makes_no_series(store: Store) -> None:
    write(store, "range v=1 100")
    assert store.series("range", ["v"], 101, 200, 10).series == []
    assert store.series("range", ["v"], 200, 100, 10).series == []
    assert store.series("none", ["v"], 0, 200, 10).series == []


def test_without_a_field_there_are_still_the_times(store: Store) -> None:
    write(store, 'texts s="x" 5')
    assert store.series("texts", ["s"], 0, 10, 10).series == [TagSetData({}, [5], {})]


def test_the_whole_range_of_times_can_be_asked_for(store: Store) -> None:
    write(store, f"wide v=1 {-MAX_TIME_NS}", "wide v=2 -1", "wide v=3 0")
    write(store, f"wide v=4 {MAX_TIME_NS}")
    for start, stop in ((-MAX_TIME_NS, MAX_TIME_NS), (-(2**70), 2**70)):
        (only,) = store.series("wide", ["v"], start, stop, 1000).series
        assert only.times == [-MAX_TIME_NS, -1, 0, MAX_TIME_NS]


@settings(deadline=None)
@given(
    st.integers(-MAX_TIME_NS, MAX_TIME_NS),
    st.integers(0, 10**19),
    st.integers(2, 5000),
)
def test_never_more_buckets_than_asked_for_nor_far_fewer(
    start: int, length: int, buckets: int
) -> None:
    stop = start + length
    width = bucket_width(start, stop, buckets)
    covering = stop // width - start // width + 1
    assert covering <= buckets
    if length > 100 * buckets:
        assert covering >= 0.85 * (buckets - 1)


points = st.dictionaries(
    st.tuples(st.sampled_from("xy"), st.integers(-50, 50)),
    st.one_of(st.none(), st.integers(-9, 9)),
    min_size=1,
    max_size=30,
)
runs = iter(range(10**9))


@settings(deadline=None, max_examples=50)
@given(points, st.integers(-60, 60), st.integers(0, 100), st.integers(2, 12))
def test_buckets_are_those_of_plain_python(
    store: Store,
    points: dict[tuple[str, int], int | None],
    start: int,
    length: int,
    buckets: int,
) -> None:
    name, stop = f"plain{next(runs)}", start + length
    write(
        store,
        f"{name} v=0 1000",  # a value at least, out of the range
        *(
            f"{name},t={tag} {'other=1' if value is None else f'v={value}'} {time}"
            for (tag, time), value in points.items()
        ),
    )
    data = store.series(name, ["v"], start, stop, buckets)
    expected = defaultdict[tuple[str, int], list[tuple[int, int | None]]](list)
    for (tag, time), value in sorted(points.items(), key=lambda item: item[0]):
        if start <= time <= stop:
            expected[tag, time // data.bucket_ns].append((time, value))
    found = {
        (each.tags["t"], time // data.bucket_ns): summary
        for each in data.series
        for time, *summary in zip(
            each.times,
            each.times,
            each.values["v"].min,
            each.values["v"].max,
            each.values["v"].mean,
            strict=True,
        )
    }
    assert found.keys() == expected.keys()
    for place, some in expected.items():
        values = [value for _, value in some if value is not None]
        first, low, high, mean = found[place]
        assert first == some[0][0]
        assert (low, high) == ((min(values), max(values)) if values else (None, None))
        assert mean == (pytest.approx(sum(values) / len(values)) if values else None)


# --- rows and last values


def test_rows_come_in_the_order_of_time(store: Store) -> None:
    write(store, "rows v=3 30", "rows,t=x v=1 10", "rows v=2 20")
    write(store, "rows v=0 5")
    assert [record.time_ns for record in store.rows("rows")] == [5, 10, 20, 30]


def test_rows_can_be_asked_for_by_tags_and_fields(store: Store) -> None:
    write(store, "some,a=1,b=1 v=1,w=1 1", "some,a=1,b=2 v=2 2", "some,a=2 v=3,w=3 3")
    by_tag = store.rows("some", tags={"a": "1"}, keys=["w"])
    assert [(r.tags, r.fields) for r in by_tag] == [
        ({"a": "1", "b": "1"}, {"w": 1.0}),
        ({"a": "1", "b": "2"}, {}),
    ]
    assert [r.time_ns for r in store.rows("some", tags={"a": "1", "b": "2"})] == [2]
    assert list(store.rows("some", tags={"a": "3"})) == []
    assert [r.fields for r in store.rows("some", keys=["none"])] == [{}, {}, {}]


def test_the_last_value_of_each_field_is_the_newest_one_there_is(store: Store) -> None:
    write(store, 'last s="old",n=1i,b=t 1', 'last s="new" 5', "last n=2i 3", "last v=1 9")
    found = store.last("last", ["s", "n", "b", "none"])
    assert found == {"s": "new", "n": 2, "b": True}
    assert store.last("last", []) == {}
    assert store.last("none", ["s"]) == {}


def test_last_values_are_of_the_measurement_asked_for(store: Store) -> None:
    write(store, 'one s="1" 1', 'two s="2" 2', 'one,t=x s="3" 3', 'two,t=x s="4" 4')
    assert store.last("one", ["s"]) == {"s": "3"}


def test_a_measurement_can_have_thousands_of_fields(tmp_path: pathlib.Path) -> None:
    store = Store(tmp_path / "store.duckdb")
    write(store, "m " + ",".join(f"f{n}={n}" for n in range(2000)) + " 1")
    assert store.last("m", ["f0", "f1999"]) == {"f0": 0.0, "f1999": 1999.0}
    store.close()


def breaks_of_points(*times: int) -> list[int]:
    array = np.array(times)
    return breaks(array, array, np.ones(len(times), np.int64))


def test_an_even_curve_is_whole() -> None:
    assert breaks_of_points(*range(0, 1000, 10)) == []


def test_a_curve_is_broken_where_nothing_came_for_long() -> None:
    assert breaks_of_points(0, 10, 20, 30, 200, 210, 220) == [4]


def test_twice_the_usual_distance_is_no_gap() -> None:
    assert breaks_of_points(0, 10, 20, 40, 50, 60) == []


@pytest.mark.parametrize("times", [(), (5,), (5, 500)])
def test_one_distance_alone_is_usual(times: tuple[int, ...]) -> None:
    assert breaks_of_points(*times) == []


def test_distances_within_a_bucket_count_as_often_as_there_are() -> None:
    # Buckets of 100 points each, 1 apart; between the last two, 50 nothing.
    first = np.array([0, 100, 250])
    assert breaks(first, first + 99, np.array([100, 100, 100])) == [2]


def test_times_further_apart_than_64_bits_hold_are_no_trouble() -> None:
    far = 2**63 - 1
    assert breaks_of_points(-far, -far + 10, -far + 20, -far + 30, far) == [4]


@given(st.lists(st.integers(0, 10**18), unique=True, max_size=60).map(sorted))
def test_whatever_the_distances_most_are_no_gaps(times: list[int]) -> None:
    places = breaks_of_points(*times)
    assert all(0 < place < len(times) for place in places)
    assert len(places) <= 0.2 * len(times) + 1
