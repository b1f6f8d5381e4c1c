from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from fakes.stores import new_store

from multimeter.data.identifiers import LOGS
from multimeter.loggers import STACK_MEASUREMENT
from multimeter.visualization.embedded.store.database import Interrupt
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.logs import (
    Codename,
    LogCurve,
    list_codenames,
    log_curves,
)
from multimeter.visualization.embedded.store.runs import list_runs
from multimeter.visualization.embedded.store.store import Store, Summary
from multimeter.visualization.errors import QueryCancelledError

NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    store = new_store(tmp_path / "store.duckdb")
    yield store
    store.close()


def write(store: Store, *lines: str) -> None:
    assert store.write(decode_columns("\n".join(lines).encode(), "ns", NOW_NS)) == []


def test_it_is_where_loggers_write() -> None:
    assert LOGS == STACK_MEASUREMENT


def test_a_codename_says_its_unit_its_time_and_how_many_values_it_has(store: Store) -> None:
    write(
        store,
        "multimeter_logs,codename=pressure value=1 10",
        "multimeter_logs,codename=pressure value=2 30",
        "multimeter_logs,codename=flow value=2 20",
        'multimeter_codenames,codename=pressure unit="mbar",description="at the pump" 5',
    )
    assert list_codenames(store) == [
        Codename("flow", "", "", 20, 20, 1),
        Codename("pressure", "mbar", "at the pump", 10, 30, 2),
    ]


def test_a_codename_with_several_tag_sets_is_one_with_its_newest_unit(store: Store) -> None:
    write(
        store,
        "multimeter_logs,codename=p,rig=1 value=1 10",
        "multimeter_logs,codename=p,rig=2 value=1 20",
        "multimeter_logs,codename=p value=1 5",
        'multimeter_codenames,codename=p unit="Pa",description="there" 1',
        'multimeter_codenames,codename=p unit="mbar" 2',
        "multimeter_logs,other=tag value=1 5",
    )
    assert list_codenames(store) == [Codename("p", "mbar", "there", 5, 20, 3)]


def test_curves_are_those_of_the_codenames_that_are_asked_for(store: Store) -> None:
    for name in ("a", "b", "c"):
        write(store, *(f"multimeter_logs,codename={name} value={t} {t}" for t in range(10)))
    width, curves = log_curves(store, ["a", "c", "no"], 2, 5, 100)
    assert width == 1
    values = Summary([2, 3, 4, 5], [2, 3, 4, 5], [2, 3, 4, 5])
    assert curves == [
        LogCurve("a", {}, [2, 3, 4, 5], values, []),
        LogCurve("c", {}, [2, 3, 4, 5], values, []),
    ]


def test_tags_beside_the_codename_make_curves_of_their_own(store: Store) -> None:
    write(
        store,
        "multimeter_logs,codename=a,rig=1 value=1 1",
        "multimeter_logs,codename=a,rig=2 value=1 1",
    )
    _, curves = log_curves(store, ["a"], 0, 10, 100)
    assert [each.tags for each in curves] == [{"rig": "1"}, {"rig": "2"}]


def test_gaps_are_said_also_between_buckets(store: Store) -> None:
    times = [*range(1000), *range(5000, 6000)]
    write(store, *(f"multimeter_logs,codename=a value=1 {t}" for t in times))
    _, (curve,) = log_curves(store, ["a"], 0, 6000, 20)
    assert [curve.time[place] for place in curve.breaks] == [5000]


def test_no_codename_is_no_curve(store: Store) -> None:
    write(store, "multimeter_logs,codename=a value=1 1")
    assert log_curves(store, [], 0, 10, 10)[1] == []
    assert log_curves(store, ["b"], 0, 10, 10)[1] == []


def test_what_multimeter_itself_keeps_is_no_run(store: Store) -> None:
    write(
        store,
        "multimeter_logs,codename=a value=1 1",
        "multimeter_health,sink=s queued=1i 1",
    )
    assert list_runs(store, NOW_NS) == []


def test_a_query_that_nobody_waits_for_ends(store: Store) -> None:
    write(store, "multimeter_logs,codename=a value=1 1")
    interrupt = Interrupt()
    interrupt.set()
    with pytest.raises(QueryCancelledError):
        log_curves(store, ["a"], 0, 10, 10, interrupt)
    assert len(log_curves(store, ["a"], 0, 10, 10)[1]) == 1
