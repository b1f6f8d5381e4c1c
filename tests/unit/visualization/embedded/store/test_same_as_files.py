"""The same bytes, written to the store and read as a file, are the same points."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from multimeter import FormatError, LineFormat, LineProtocolError
from multimeter.data.record import Record
from multimeter.lines.protocol import MAX_TIME_NS, decode, raw_key
from multimeter.lines.result_decoder import decode_results
from multimeter.lines.stream import decode_pieces
from multimeter.result import Result
from multimeter.visualization.embedded.store.ingest import Block, decode_columns
from multimeter.visualization.embedded.store.store import Store

NOW_NS = 1_700_000_000_123_456_789
NUMBERS = itertools.count()

Points = dict[tuple[str, frozenset[tuple[str, str]]], dict[int, dict[str, object]]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("store") / "store.duckdb"
    store = Store(path)
    yield store
    store.close()


def typed(fields: object) -> dict[str, object]:
    return {key: (type(value), value) for key, value in dict(fields).items()}  # type: ignore[call-overload]


def points_of_records(records: list[Record]) -> Points:
    found: Points = {}
    for record in records:
        series = found.setdefault((record.measurement, frozenset(record.tags.items())), {})
        assert record.time_ns not in series
        assert record.time_ns is not None
        series[record.time_ns] = typed(record.fields)
    return found


def points_of_results(results: list[Result]) -> Points:
    return {
        (str(each.identifier), frozenset(each.tags.items())): {
            time: typed(point.values) for time, point in zip(each.times_ns, each.points)
        }
        for each in results
    }


def stored(store: Store, body: str, precision: str) -> tuple[Points, int]:
    """Write a body; return what the store has of its measurements, and what it dropped."""
    blocks = decode_columns(body.encode(), precision, NOW_NS)
    conflicts = store.write(blocks)
    records = []
    for name in {block.measurement for block in blocks}:
        for part in store.lines(name, -MAX_TIME_NS, MAX_TIME_NS):
            records += list(decode("\n".join(part)))
            times = [record.time_ns for record in decode("\n".join(part))]
            assert times == sorted(times)  # type: ignore[type-var]
    return points_of_records(records), sum(each.dropped for each in conflicts)


VALUES = st.sampled_from(
    [
        "1",
        "2.5",
        "-3i",
        "4i",
        "5u",
        '"x"',
        '"a\\"\nb"',
        "t",
        "false",
        f"{2**64 - 1}u",
        "1e3",
    ]
)
FIELDS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c d", "time"]), VALUES), min_size=1, max_size=4
)
TAGS = st.lists(
    st.tuples(st.sampled_from(["t", "u"]), st.sampled_from(["1", "2", "x\\ y"])),
    max_size=2,
    unique_by=lambda tag: tag[0],
)
ENDS = st.sampled_from(["\n", "\r\n", "\n\n# a comment\n"])
LINES = st.tuples(st.sampled_from("mn"), TAGS, FIELDS, st.none() | st.integers(-3, 6), ENDS)


def line(name: str, tags: object, fields: object, time: int | None, end: str) -> str:
    head = name + "".join(f",{key}={value}" for key, value in list(tags))  # type: ignore[call-overload]
    body = ",".join(f"{key}={value}".replace("c d", "c\\ d") for key, value in list(fields))  # type: ignore[call-overload]
    return f"{head} {body}{'' if time is None else f' {time}'}{end}"


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(LINES, min_size=1, max_size=12),
    precision=st.sampled_from(["ns", "us", "ms", "s"]),
    bad_tag=st.booleans(),
)
@example(
    lines=[("m", [], [("a", "2")], 1, "\n"), ("m", [], [("a", "1")], 1, "\n"),
           ("m", [], [("b", "5i")], 1, "\n")],
    precision="ns", bad_tag=False,
)  # fmt: skip
@example(
    lines=[("m", [("t", "1")], [("a", "2")], 5, "\n"),
           ("m", [("t", "2")], [("a", "1i")], 3, "\n"),
           ("m", [("t", "2")], [("a", "4")], 1, "\n")],
    precision="s", bad_tag=True,
)  # fmt: skip
def test_a_file_is_read_as_the_store_takes_it(
    store: Store,
    lines: list[tuple[str, object, object, int, str]],
    precision: str,
    bad_tag: bool,
) -> None:
    number = next(NUMBERS)
    body = "".join(
        line(f"{name}{number}", *rest).replace(",t=", ",time=" if bad_tag else ",t=")
        for name, *rest in lines
    )
    expected, dropped = stored(store, body, precision)
    unit = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}[precision]
    records = list(decode_pieces([body], precision))
    runs = decode_results(records, NOW_NS - NOW_NS % unit)
    assert points_of_results([run.result for run in runs]) == expected
    assert len(records) - dropped >= sum(len(points) for points in expected.values())
    for run in runs:
        times = list(run.result.times_ns)
        assert times == sorted(set(times))


NAMES = st.text(
    st.sampled_from('ab\\ ,="#\t\r\0\x01\x7f\x85\u2028\ufeff\u00e9\U0001f600'),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(NAMES, min_size=5, max_size=5), first=st.booleans())
@example(texts=["win\\path", "tab\there", "del\x7f", "\\", "\tb"], first=False)
@example(texts=["\ufeffm", "\ufefft", "v", "a", "\rb"], first=True)
def test_names_come_back_from_the_store_as_they_were_written(
    store: Store, texts: list[str], first: bool
) -> None:
    escaped = [
        text.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=") for text in texts
    ]
    name, tag, value, one, two = escaped
    name = f"{name}{next(NUMBERS)}" if first else f"m{next(NUMBERS)}{name}"
    body = f"{name},{tag}={value} {one}=1,{two}=2i 5\n"
    try:
        written = list(decode(body))
    except LineProtocolError:
        return
    expected = points_of_records(written)
    for fields in expected.values():
        for each in fields.values():
            each.pop("time", None)
    assert stored(store, body, "ns")[0] == expected


@pytest.mark.parametrize(
    "body",
    [
        b"m v=1 1\nm v=\xe9 2",
        b'm v="\xe9" 1',
        b"m\0 v=1 1",
        b"m v=1 1\r\n\r\n#x\r\n",
        b"\xff",
    ],
)
def test_bytes_of_any_kind_are_taken_or_refused_by_both(store: Store, body: bytes) -> None:
    body = body.replace(b"m", b"bytes%d" % next(NUMBERS))
    try:
        expected = {block.measurement for block in decode_columns(body, "ns", NOW_NS)}
    except LineProtocolError:
        with pytest.raises(FormatError):
            LineFormat().load_all(io.BytesIO(body))
    else:
        runs = LineFormat().load_all(io.BytesIO(body))
        assert {run.result.identifier for run in runs} == expected


def test_a_tag_or_a_field_called_time_is_refused_as_by_influxdb(store: Store) -> None:
    body = b"t1,time=x v=1 1\nt1 time=1 1\nt1 time=1,v=2 2\nt1,a=b v=3 3\nt1,time=y v=1 4\n"
    conflicts = store.write(decode_columns(body, "ns", NOW_NS))
    assert sorted((each.message, each.dropped) for each in conflicts) == [
        ('invalid field name: input field "time" on measurement "t1" is invalid', 1),
        ('invalid tag key: input tag "time" on measurement "t1" is invalid', 2),
    ]
    assert store.fields("t1") == {"v": "float"}
    tag_sets = [each.tags for each in store.tag_sets("t1")]
    assert sorted(tag_sets, key=str) == [{"a": "b"}, {}]
    assert [dict(r.fields) for r in store.rows("t1")] == [{"v": 2.0}, {"v": 3.0}]


def test_a_point_that_is_refused_gives_its_fields_no_type(store: Store) -> None:
    body = b"t2,time=x v=true 1\nt2 v=1,w=2 2\nt2 v=true 3\n"
    conflicts = store.write(decode_columns(body, "ns", NOW_NS))
    assert [each.dropped for each in conflicts] == [1, 1]
    assert store.fields("t2") == {"v": "float", "w": "float"}
    (run,) = LineFormat().load_all(io.BytesIO(body))
    assert list(run.result.times_ns) == [2]


def test_a_series_key_has_65535_bytes_at_most(store: Store) -> None:
    def body(tag: int, field: int, char: str = "x") -> bytes:
        return f"k,t={char * tag} {'f' * field}=1 1\n".encode()

    longest = 65_535 - 4 - len("k,t=")
    first = body(10, 9)
    decode_columns(first * 3 + body(longest - 9, 9), "ns", NOW_NS)
    for tag, field, char in (
        (longest - 8, 9, "x"),
        (66_000, 1, "x"),
        (33_000, 1, "\u00e9"),
    ):
        with pytest.raises(LineProtocolError, match="max key length exceeded: 6") as error:
            decode_columns(first * 3 + body(tag, field, char), "ns", NOW_NS)
        assert error.value.reason.endswith("> 65535")
        with pytest.raises(LineProtocolError, match="max key length"):
            list(decode((first * 3 + body(tag, field, char)).decode()))


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(NAMES, min_size=5, max_size=5), first=st.booleans())
@example(texts=["win\\path", "tab\there", "del\x7f", "\\x", "\tb"], first=False)
@example(texts=["a\\ b", "time", "v", "time", "_field"], first=True)
def test_a_foreign_run_that_was_saved_is_imported_under_its_own_names(
    store: Store, texts: list[str], first: bool
) -> None:
    name, tag, value, one, two = map(raw_key, texts)
    name = f"{name}{next(NUMBERS)}" if first else f"m{next(NUMBERS)}{name}"
    body = f"\n{name},{tag}={value} {one}=1,{two}=2i 5\n{name},{tag}={value} {one}=2 6\n"
    try:
        before, _ = stored(store, body, "ns")
    except LineProtocolError:
        return
    for run in LineFormat().load_all(io.BytesIO(body.encode())):
        stream = io.BytesIO()
        LineFormat().save_result_to_stream(run.result, stream)
        stream.seek(0)
        assert LineFormat().load(stream) == run.result
        again = stream.getvalue().decode().removeprefix("\n")
        points = [r for r in decode(again) if not r.measurement.startswith("multimeter_")]
        assert points_of_records(points) == before


@pytest.mark.parametrize("head", [b"m\\", b"m\\ a", b"m,t=\\", b"m,t=a\\", b"m\\\\"])
def test_a_space_behind_a_backslash_ends_no_name(head: bytes) -> None:
    body = b"m v=1 1\nm v=2 2\nm v=3 3\n" + head + b" v=3 3\n"

    def names(decoded: Callable[[], Iterable[Record | Block]]) -> list[str] | str:
        try:
            return sorted({each.measurement for each in decoded()})
        except LineProtocolError as error:
            return error.reason

    strict = names(lambda: decode(body.decode()))
    assert names(lambda: decode_columns(body, "ns", NOW_NS)) == strict
