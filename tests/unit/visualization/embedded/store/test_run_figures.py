from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from fakes.stores import new_store

from multimeter import ResourceProbe, Result
from multimeter.lines.result_encoder import encode_result
from multimeter.visualization.embedded.store.export import PAGE_ROWS, PageChoice
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.run_figures import Span, run_spans
from multimeter.visualization.embedded.store.runs import describe_run
from multimeter.visualization.embedded.store.store import Store

S = 10**9
USER, MEMORY = "process.cpu_rate_user", "process.memory_rss_max"


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    store = new_store(tmp_path / "store.duckdb")
    yield store
    store.close()


def write(store: Store, *lines: str) -> None:
    store.write(decode_columns("\n".join(lines).encode(), "ns", now_ns=0))


def spans_of(store: Store, *marks: tuple[float, str]) -> list[Span]:
    """A run of ten seconds, with one busy core up to 4 s and half of one after that."""
    result = Result(ResourceProbe(), identifier="run")
    for second in range(11):
        result.append(second * S, {USER: 1.0 if second <= 4 else 0.5, MEMORY: second})
    for second, label in marks:
        result.add_mark(int(second * S), label)
    write(store, b"\n".join(encode_result(result)).decode())
    run = describe_run(store, "run", now_ns=0)
    assert run is not None
    return run_spans(store, run)


def test_a_run_without_marks_has_no_spans(store: Store) -> None:
    assert spans_of(store) == []


def test_spans_go_from_mark_to_mark_and_say_what_was_used(store: Store) -> None:
    assert spans_of(store, (4, "half"), (8, "end")) == [
        Span("", 0, 4 * S, 4.0, 1.0, 4 * 1024),
        Span("half", 4 * S, 8 * S, 2.0, 0.5, 8 * 1024),
        Span("end", 8 * S, 10 * S, 1.0, 0.5, 10 * 1024),
    ]


def test_what_spans_have_used_adds_up_wherever_the_marks_are(store: Store) -> None:
    spans = spans_of(store, (0, "at once"), (2.5, "a"), (6.25, "b"), (10, "last"))
    assert [span.label for span in spans] == ["at once", "a", "b", "last"]
    assert [span.cpu_time for span in spans] == [2.5, 1.5 + 1.125, 1.875, None]
    assert spans[-1].stop - spans[-1].start == 0
    assert spans[-1].mean_cpu is None


def test_spans_count_the_children_that_the_figures_count(store: Store) -> None:
    tree = [f"{subject}.cpu_rate_user" for subject in ("process", "tree")]
    keys = [*tree, "tree.memory_rss", "process.memory_rss"]
    for second in range(5):
        values = ",".join(f"{k}={v}" for k, v in zip(keys, (0.5, 2.0, 9 + second, 5)))
        write(store, f"family {values} {second * S}")
    write(store, f'multimeter_marks,measurement=family label="m" {2 * S}')
    run = describe_run(store, "family", now_ns=0)
    assert run is not None
    assert [(each.cpu_time, each.peak_memory) for each in run_spans(store, run)] == [
        (4.0, 11.0),
        (4.0, 13.0),
    ]


def test_a_run_without_cpu_and_memory_has_spans_of_time_only(store: Store) -> None:
    write(store, "bare v=1 0", "bare v=2 10")
    write(store, 'multimeter_marks,measurement=bare label="m" 5')
    run = describe_run(store, "bare", now_ns=0)
    assert run is not None
    assert run_spans(store, run) == [
        Span("", 0, 5, None, None, None),
        Span("m", 5, 10, None, None, None),
    ]


def test_a_table_is_read_page_by_page_and_whole(store: Store) -> None:
    count = PAGE_ROWS + 10
    write(store, *(f"big,t={n % 2} v={n} {n // 2}" for n in range(count)))
    rows = list(store.table("big", PageChoice(("v", "no"), 0, count, {})))
    assert len(rows) == count
    assert [row[2] for row in rows] == list(range(count))
    assert rows[1] == (0, {"t": "1"}, 1.0, None)


def test_a_table_holds_what_is_asked_for_and_no_more(store: Store) -> None:
    write(store, *(f"some,t={n % 2} v={n} {n}" for n in range(10)))
    rows = store.table("some", PageChoice(("v",), 3, 7, {"t": {"1"}}))
    assert [time for time, *_ in rows] == [3, 5, 7]
    assert list(store.table("none", PageChoice(("v",), 0, 9, {}))) == []


def test_between_two_runs_of_one_name_nothing_is_used(store: Store) -> None:
    for begin in (0, 100):
        write(store, *(f"twice {USER}=1 {(begin + n) * S}" for n in range(1, 11)))
        write(store, f'multimeter_marks,measurement=twice label="m" {(begin + 5) * S}')
        fields = f"start={begin * S}i,end={(begin + 10) * S}i"
        write(store, f"multimeter_runs,measurement=twice {fields} {begin * S}")
    run = describe_run(store, "twice", now_ns=0)
    assert run is not None
    used = [span.cpu_time for span in run_spans(store, run)]
    assert used == [pytest.approx(5), pytest.approx(10), pytest.approx(5)]
