from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from fakes.stores import new_store

from multimeter.data.estimate import Estimate
from multimeter.data.record import FieldValue, Record
from multimeter.lines.protocol import encode
from multimeter.lines.result_encoder import encode_result
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.result import Result
from multimeter.schema import Schema
from multimeter.subject import Subject
from multimeter.visualization.embedded.store import changes
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.runs import (
    RunSummary,
    StoredMark,
    describe_run,
    list_runs,
    run_marks,
)
from multimeter.visualization.embedded.store.store import Store

NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    store = new_store(tmp_path / "store.duckdb")
    yield store
    store.close()


def write(store: Store, *lines: str) -> None:
    assert store.write(decode_columns("\n".join(lines).encode(), "ns", NOW_NS)) == []


def write_run_record(store: Store, measurement: str, **fields: FieldValue) -> None:
    line = encode(Record("multimeter_runs", {"measurement": measurement}, fields, 1))
    assert line is not None
    write(store, line)


@pytest.fixture
def result() -> Result:
    """A result as the library makes them: two points, a mark, tags, meta data."""
    measure = Measure(Subject("process"), Metric("cpu_rate", "CPU", "1", float))
    schema = Schema((measure.metric,), (measure.subject,), (measure,))
    result = Result.of_schema(schema, identifier="my run", tags={"host": "a"})
    result.append(100, {measure.key: 0.5})
    result.append(200, {measure.key: 0.75})
    result.add_mark(150, "half")
    result.add_mark(120, "begun")
    result.add_meta_data(commit="abc", loss=float("nan"))
    return result


def test_a_result_of_the_library_is_a_run_that_has_ended(
    store: Store, result: Result
) -> None:
    write(store, b"\n".join(encode_result(result)).decode())
    assert list_runs(store, NOW_NS) == [
        RunSummary(
            *("my run", 100, 200, 2, {"host": "a"}, "ended"),
            {"duration": Estimate.exact(1e-7)},
            (100,),
            None,
        )
    ]
    run = describe_run(store, "my run", NOW_NS)
    assert run is not None
    assert (run.identifier, run.points, run.state) == ("my run", 2, "ended")
    assert run.schema == result.schema
    assert run.meta_data == {"commit": "abc", "loss": "NaN"}
    assert run.fields == {"process.cpu_rate": "float"}
    assert run_marks(store, "my run") == [StoredMark(120, "begun"), StoredMark(150, "half")]


def test_what_any_client_wrote_is_a_run(store: Store) -> None:
    write(store, "sensor,place=lab,n=1 v=1 10", "sensor,place=lab,n=2 v=1 20")
    assert list_runs(store, NOW_NS) == [
        RunSummary("sensor", 10, 20, 2, {"place": "lab"}, "ended", {}, (), None)
    ]
    run = describe_run(store, "sensor", NOW_NS)
    assert run is not None
    assert (run.schema, run.meta_data, run.fields) == (None, {}, {"v": "float"})
    assert run_marks(store, "sensor") == []


MINUTE = 60 * 10**9


@pytest.mark.parametrize(
    ("silent_ns", "state"), [(0, "live"), (4 * MINUTE, "live"), (6 * MINUTE, "ended")]
)
def test_points_of_which_nobody_said_more_are_live_until_none_come(
    store: Store, silent_ns: int, state: str
) -> None:
    write(store, f"sensor v=1 {NOW_NS - 10}", f"sensor v=1 {NOW_NS}")
    (run,) = list_runs(store, NOW_NS + silent_ns)
    assert run.state == state


def test_points_that_come_seldom_may_be_silent_for_longer(store: Store) -> None:
    write(store, *(f"sensor v=1 {NOW_NS + n * 60 * MINUTE}" for n in range(3)))
    assert [
        run.state
        for hours in (11, 13)
        for run in list_runs(store, NOW_NS + hours * 60 * MINUTE)
    ] == ["live", "ended"]


def test_a_point_after_the_end_makes_the_run_live_again(
    store: Store, result: Result
) -> None:
    write(store, b"\n".join(encode_result(result)).decode())
    assert [run.state for run in list_runs(store, 201)] == ["ended"]
    write(store, "my\\ run,host=a process.cpu_rate=1 201")
    assert [run.state for run in list_runs(store, 201)] == ["live"]


@pytest.mark.parametrize(
    ("said", "now_ns", "state"),
    [
        ({"state": "running", "alive_until": 500}, 500, "live"),
        ({"state": "running", "alive_until": 500}, 501, "died"),
        ({"state": "finished", "alive_until": 500, "end": 100}, 501, "ended"),
    ],
)
@pytest.mark.parametrize("points", [["m v=1 100"], []])
def test_a_run_of_the_library_says_itself_how_it_is(
    store: Store, points: list[str], said: dict[str, FieldValue], now_ns: int, state: str
) -> None:
    write(store, *points)
    write_run_record(store, "m", **said)
    assert [run.state for run in list_runs(store, now_ns)] == [state]


@pytest.fixture
def any_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store from before the types of our own fields were fixed."""
    monkeypatch.setattr(changes, "reserved_type", lambda *_: None)


@pytest.mark.usefixtures("any_types")
@pytest.mark.parametrize("said", [{"state": "running"}, {"state": 7, "alive_until": "x"}])
def test_an_entry_that_says_nothing_of_it_is_as_good_as_none(
    store: Store, said: dict[str, FieldValue]
) -> None:
    write(store, "m v=1 100")
    write_run_record(store, "m", **said)
    assert [run.state for run in list_runs(store, 200)] == ["live"]


LAST_NS = 2**63 - 2


@pytest.mark.parametrize(
    ("ahead_ns", "state"),
    [(4 * MINUTE, "live"), (6 * MINUTE, "ahead"), (LAST_NS - NOW_NS, "ahead")],
)
def test_a_time_that_is_yet_to_come_makes_no_run_live(
    store: Store, ahead_ns: int, state: str
) -> None:
    write(store, "m v=1 1", f"m v=1 {NOW_NS + ahead_ns}")
    (run,) = list_runs(store, NOW_NS)
    assert run.state == state
    described = describe_run(store, "m", NOW_NS)
    assert described is not None
    assert described.state == state


@pytest.mark.parametrize(
    ("alive_ns", "state"),
    [(-1, "died"), (MINUTE, "live"), (LAST_NS - NOW_NS, "ahead")],
)
def test_a_point_ahead_does_not_hide_what_the_program_says(
    store: Store, alive_ns: int, state: str
) -> None:
    write(store, f"m v=1 {NOW_NS}", f"m v=1 {LAST_NS}")
    write_run_record(store, "m", state="running", alive_until=NOW_NS + alive_ns)
    assert [run.state for run in list_runs(store, NOW_NS)] == [state]


def test_a_run_that_has_ended_stays_so_whatever_its_times(store: Store) -> None:
    write(store, f"m v=1 {LAST_NS}")
    write_run_record(store, "m", state="finished", end=LAST_NS)
    assert [run.state for run in list_runs(store, NOW_NS)] == ["ended"]


def test_a_time_that_is_yet_to_come_makes_no_run_the_newest(store: Store) -> None:
    write(
        store,
        f"old v=1 {NOW_NS - 30 * MINUTE}",
        f"new v=1 {NOW_NS}",
        f"ahead v=1 {LAST_NS}",
        f"long v=1 {NOW_NS - 10 * MINUTE}",
        f"long v=1 {LAST_NS}",
    )
    names = [run.identifier for run in list_runs(store, NOW_NS)]
    assert names == ["new", "long", "old", "ahead"]


def test_runs_come_newest_first(store: Store) -> None:
    write(store, "old v=1 1", "new v=1 30", "middle v=1 2", "middle v=1 20", "also v=1 30")
    names = [run.identifier for run in list_runs(store, NOW_NS)]
    assert names == ["also", "new", "middle", "old"]


def test_a_run_without_points_is_listed_at_the_time_it_was_stored(store: Store) -> None:
    write(store, b"\n".join(encode_result(Result(identifier="empty"))).decode())
    assert list_runs(store, NOW_NS) == [
        RunSummary("empty", NOW_NS, NOW_NS, 0, {}, "ended", {}, (NOW_NS,), NOW_NS)
    ]
    run = describe_run(store, "empty", NOW_NS)
    assert run is not None
    assert (run.points, run.fields, run.schema) == (0, {}, Schema())


def test_there_is_no_such_run(store: Store, result: Result) -> None:
    write(store, b"\n".join(encode_result(result)).decode())
    for name in ("none", "", "multimeter_runs", "multimeter_marks"):
        assert describe_run(store, name, NOW_NS) is None
        assert run_marks(store, name) == []


@pytest.mark.parametrize(
    "damaged",
    [
        "{",
        "[]",
        "null",
        "[" * 100_000,
        "{}",
        '{"metrics": 1, "subjects": [], "measures": []}',
        '{"metrics": [], "subjects": [], "measures": [{"subject": "x", "metric": "y"}]}',
        '{"metrics": [{}], "subjects": [], "measures": []}',
        '{"metrics": ["x"], "subjects": [], "measures": []}',
    ],
)
def test_a_damaged_record_costs_no_more_than_what_it_says(
    store: Store, damaged: str
) -> None:
    write(store, "m v=1 1")
    write_run_record(store, "m", schema=damaged, meta_data=damaged, end=1)
    run = describe_run(store, "m", NOW_NS)
    assert run is not None
    assert run.schema is None
    assert run.state == "ended"
    assert isinstance(run.meta_data, dict)


@pytest.mark.usefixtures("any_types")
def test_records_of_other_types_are_no_reason_to_fail(store: Store) -> None:
    write(store, "m v=1 5", "multimeter_runs end=5i 1", "multimeter_marks label=7i 3")
    write(store, "multimeter_marks,measurement=m label=7i 3")
    write(store, "multimeter_marks,measurement=m other=7i 4")
    write_run_record(store, "m", schema=1, meta_data=2)
    write_run_record(store, "multimeter_marks", points=0)
    assert [run.identifier for run in list_runs(store, NOW_NS)] == ["m"]
    assert run_marks(store, "m") == [StoredMark(3, "7")]


def test_the_newest_record_of_an_identifier_counts(store: Store, result: Result) -> None:
    write(store, b"\n".join(encode_result(result)).decode())
    later = Result(identifier="my run")
    later.append(300, {"v": 1.0})
    later.add_meta_data(commit="def")
    write(store, b"\n".join(encode_result(later)).decode())
    run = describe_run(store, "my run", NOW_NS)
    assert run is not None
    assert run.meta_data == {"commit": "def"}
    assert (run.start, run.end, run.state) == (100, 300, "ended")
    assert run.tags == {}


def test_logged_values_and_the_health_of_deliveries_are_no_runs_but_can_be_seen(
    store: Store,
) -> None:
    write(
        store,
        "multimeter_logs,codename=a value=1.5 5",
        "multimeter_logs,codename=b value=2.5 6",
        'multimeter_codenames,codename=a unit="mbar" 4',
        "multimeter_health,program=rig queued=0i 7",
        "my-run value=1 1",
    )
    assert [run.identifier for run in list_runs(store, NOW_NS)] == ["my-run"]
    logs = describe_run(store, "multimeter_logs", NOW_NS)
    assert logs is not None
    assert (logs.points, logs.fields) == (2, {"value": "float"})
    assert describe_run(store, "multimeter_health", NOW_NS) is not None
    assert describe_run(store, "multimeter_codenames", NOW_NS) is None


def entry(at: int, fields: str) -> str:
    return f"multimeter_runs,measurement=train {fields} {at}"


@pytest.mark.parametrize(
    ("entries", "starts"),
    [
        (["start=10i,end=30i", "start=50i,end=70i"], (10, 50)),
        (["start=10i,alive_until=20i", "start=50i,end=70i"], (10, 50)),
        (["start=10i,end=60i", "start=50i,end=70i"], (10,)),
        (["start=10i,alive_until=60i", "start=50i,end=70i"], (10,)),
        (["start=10i", "start=50i"], (10, 50)),
    ],
)
def test_runs_of_one_name_that_follow_each_other_are_told_apart(
    store: Store, entries: list[str], starts: tuple[int, ...]
) -> None:
    write(store, "train v=1 15", "train v=1 55", *map(entry, (10, 50), entries))
    (run,) = list_runs(store, NOW_NS)
    assert run.starts == starts
