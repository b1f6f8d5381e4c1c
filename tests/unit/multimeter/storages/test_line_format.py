from __future__ import annotations

import io
import json
import math
from decimal import Decimal

import pytest

from multimeter import (
    ConfigurationError,
    FileFormat,
    FormatError,
    LineFormat,
    Result,
)
from multimeter.data.record import Unsigned
from multimeter.lines.protocol import decode


def lines(result):
    stream = io.BytesIO()
    LineFormat().save_result_to_stream(result, stream)
    assert not stream.closed
    return stream.getvalue().decode().splitlines()


def load(*texts):
    return LineFormat().load(io.BytesIO("\n".join(texts).encode()))


def result_with(*values, **options):
    result = Result(identifier="run", **options)
    for time_ns, each in enumerate(values, 1):
        result.append(time_ns, each)
    return result


def test_the_format_is_a_file_format_with_the_extension_line():
    assert isinstance(LineFormat(), FileFormat)
    assert LineFormat().extension == ".line"


def test_a_point_is_a_line_with_the_tags_of_the_result():
    result = result_with({"a.b": 0.5, "c": 3}, tags={"z": "1", "a": "x y"})
    assert lines(result)[0] == r"run,a=x\ y,z=1 a.b=0.5,c=3i 1"


def test_values_of_every_type_have_their_form():
    result = result_with(
        {"f": 1.0, "i": 1, "s": 'a"b', "t": True, "n": None, "d": Decimal(1)}
    )
    assert lines(result)[0] == 'run f=1.0,i=1i,s="a\\"b",t=true,d=1.0 1'


def test_a_field_has_one_type_where_integers_stand_beside_floats():
    assert lines(result_with({"a": 1}, {"a": 0.5}, {"a": 2}))[:3] == [
        "run a=1.0 1",
        "run a=0.5 2",
        "run a=2.0 3",
    ]


@pytest.mark.parametrize(
    "values",
    [
        (5, 2**63, 7),
        (2**63, 5),
        (-(2**63) - 1, None, 0),
        (Unsigned(5), 6),
        (5, Unsigned(2**64 - 1)),
        (Unsigned(5), 1.5),
        (1.5, Unsigned(5), 2**63),
        (Unsigned(5), 2**64),
    ],
)
def test_numbers_of_several_forms_become_floats_and_every_point_comes_back(values):
    back = load(*lines(result_with(*[{"x.v": value, "n": 1} for value in values])))
    assert list(back.values("x.v")) == [v if v is None else float(v) for v in values]


def test_nan_and_infinity_leave_their_field_out():
    result = result_with({"a": 1.0, "b": math.nan}, {"a": math.inf, "b": -math.inf})
    assert [line for line in lines(result) if line.startswith("run")] == ["run a=1.0 1"]


def test_a_tag_that_looks_like_nan_changes_nothing():
    result = result_with({"a": 1.0}, {"a": 2.0}, tags={"host": "nancy", "x": "inf"})
    assert lines(result)[1] == "run,host=nancy,x=inf a=2.0 2"


@pytest.mark.parametrize("rows", [255, 256, 257, 1_000])
def test_long_results_are_written_row_by_row_in_order(rows):
    values = [{"a": float(row), "b": row} for row in range(rows)]
    values[rows // 2]["a"] = math.nan
    found = [
        record.fields for record in decode("\n".join(lines(result_with(*values))[:-1]))
    ]
    del values[rows // 2]["a"]
    assert found == values


def test_percent_signs_are_no_format_strings():
    result = Result(identifier="100%d", tags={"%s": "%%"})
    result.append(1, {"%r.%": 1.0})
    assert lines(result)[0] == "100%d,%s=%% %r.%=1.0 1"


def test_marks_and_the_run_stand_beside_the_points(make_probe):
    result = Result(make_probe("a"), identifier="my run", tags={"t": "x"})
    result.append(5, {"stub.a": 1.0})
    result.append(9, {"stub.a": 2.0})
    result.add_mark(8, "second")
    result.add_mark(7, "first, here")
    result.add_meta_data(host="h")
    text = lines(result)
    assert text[2:4] == [
        r'multimeter_marks,measurement=my\ run label="first, here" 7',
        r'multimeter_marks,measurement=my\ run label="second" 8',
    ]
    (run,) = decode(text[4])
    assert (run.measurement, run.tags) == ("multimeter_runs", {"measurement": "my run"})
    assert run.time_ns == 9 + 1_000
    assert run.fields["state"] == "finished"
    numbers = {key: run.fields[key] for key in ("start", "end", "duration", "points")}
    assert numbers == {"start": 5, "end": 9, "duration": 4, "points": 2}
    assert run.fields["identifier"] == "my run"
    assert json.loads(run.fields["tags"]) == {"t": "x"}
    assert json.loads(run.fields["meta_data"]) == {"host": "h"}
    assert json.loads(run.fields["schema"])["measures"][0]["key"] == "stub.a"


def test_an_empty_result_is_saved_and_loaded():
    result = Result(identifier="run")
    assert load(*lines(result)) == result


@pytest.mark.parametrize("identifier", ["a\nb", "#1", "C:\\", "\ud800"])
def test_an_identifier_that_line_protocol_lacks_is_bent_but_not_lost(identifier):
    result = Result(identifier=identifier, tags={"a\n": "b\\"})
    result.append(1, {"a.b": 1.0})
    loaded = load(*lines(result))
    assert loaded.identifier == identifier.replace("\ud800", "?")
    assert (loaded.tags, list(loaded.values("a.b"))) == ({"a\n": "b\\"}, [1.0])


@pytest.mark.parametrize("identifier", [None, ""])
def test_a_result_without_an_identifier_is_refused(identifier):
    result = Result(identifier=identifier)
    with pytest.raises(FormatError, match="no identifier"):
        lines(result)


def test_measures_that_line_protocol_cannot_tell_apart_are_refused():
    with pytest.raises(FormatError, match="same name in line protocol"):
        lines(result_with({"a\n": 1, "a␊": 2}))


def test_measure_keys_that_line_protocol_lacks_come_back_through_the_schema(make_probe):
    result = Result(make_probe("a\n", "b c,d=e", "time"), identifier="run")
    result.append(1, dict.fromkeys(result.columns, 2.0))
    assert load(*lines(result)) == result


def test_lines_of_other_programs_are_loaded_too():
    result = load("# a comment", "m,host=a cpu.user=0.5,load=1i 1", "m,host=a cpu.user=1 2")
    assert (result.identifier, result.tags) == ("m", {"host": "a"})
    assert [measure.key for measure in result.schema.measures] == ["cpu.user"]
    assert list(result.values("cpu.user")) == [0.5, 1.0]
    assert list(result.values("load")) == [1, None]


def test_an_unsigned_integer_stays_one():
    result = load("m a.b=3u 1", f"m a.b={2**64 - 1}u 2")
    assert list(result.values("a.b")) == [3, 2**64 - 1]
    assert [m.metric.value_type for m in result.schema.measures] == [int]
    assert lines(result)[:2] == ["m a.b=3u 1", f"m a.b={2**64 - 1}u 2"]


def test_marks_without_points_belong_to_the_run():
    result = Result(identifier="run")
    result.add_mark(3, "x")
    assert load(*lines(result)) == result


def test_what_belongs_to_another_run_is_passed_over():
    result = load(
        "m a.b=1 1",
        'multimeter_marks,measurement=other label="x" 1',
        'multimeter_runs,measurement=other identifier="other" 1',
    )
    assert (result.identifier, result.marks) == ("m", ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m a=1 1\nn a=1 1",
        "m,host=a v=1 1\nm,host=b v=1 1",
        "not line protocol",
    ],
)
def test_lines_that_are_not_one_run_are_refused(text):
    with pytest.raises(FormatError):
        load(text)


@pytest.mark.parametrize(
    "field",
    [
        'schema="{"',
        'schema="[]"',
        'schema="{}"',
        "schema=3",
        'tags="3"',
        'tags="["',
        'meta_data="3"',
        f'meta_data="{"[" * 100_000}"',
    ],
)
def test_a_damaged_entry_of_the_run_is_refused(field):
    with pytest.raises(FormatError, match="damaged"):
        load("m a.b=1 1", f"multimeter_runs,measurement=m {field} 1")


# --- as a server takes the same lines


def test_one_field_a_line_is_one_point_and_the_later_value_wins():
    result = load("m v=2 1000", "m v=1 1000", "m w=5i 1000", "m v=3 1001")
    assert list(result.times_ns) == [1000, 1001]
    assert list(result.values("v")) == [1.0, 3.0]
    assert list(result.values("w")) == [5, None]


def test_points_are_sorted_and_no_duration_is_negative():
    result = load(*(f"m v={n},w={n}i {n}000000000" for n in (9, 3, 1, 0, 5, 3)))
    assert [time // 10**9 for time in result.times_ns] == [0, 1, 3, 5, 9]
    assert list(result.values("v")) == [0.0, 1.0, 3.0, 5.0, 9.0]
    assert result.duration.total_seconds() == 9
    assert list(result.values("w")) == [0, 1, 3, 5, 9]


def test_an_entry_and_marks_may_have_one_field_a_line():
    result = load(
        "m a.b=1 5",
        'multimeter_runs,measurement=m identifier="M" 5',
        'multimeter_runs,measurement=m meta_data="{\\"k\\": 1}" 5',
        'multimeter_runs,measurement=m identifier="N" 5',
        'multimeter_marks,measurement=m label="x" 6',
        'multimeter_marks,measurement=m label="y" 6',
    )
    assert (result.identifier, result.meta_data) == ("N", {"k": 1})
    assert result.marks_ns == ((6, "y"),)


def test_a_field_keeps_its_first_type_and_other_points_are_left_out(caplog):
    result = load("m v=1,w=1 1", "m v=2i,w=2 2", 'm w=3,v="x" 3', "m v=4 4")
    assert list(result.times_ns) == [1, 4]
    assert "left out: field type conflict" in caplog.text
    assert '"v" on measurement "m" is type integer, already exists as type float' in (
        caplog.text
    )


def test_a_line_without_a_time_has_that_of_now(monkeypatch, caplog):
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_123_456_789)
    text = b"m v=1\nm v=2,w=1\n"
    assert list(LineFormat().load(io.BytesIO(text)).times_ns) == [1_700_000_000_123_456_789]
    (time_ns,) = LineFormat("s").load(io.BytesIO(text)).times_ns
    assert time_ns == 1_700_000_000_000_000_000
    assert "2 lines have no time" in caplog.text


@pytest.mark.parametrize(
    ("precision", "unit"), [("ns", 1), ("us", 1_000), ("ms", 10**6), ("s", 10**9)]
)
def test_times_may_count_another_unit(precision, unit):
    text = "".join(f"m v={n} {1_400_000 + n}\n" for n in range(5)) + 'm v=9,s="x" 1\n'
    result = LineFormat(precision).load(io.BytesIO(text.encode()))
    assert list(result.times_ns) == [unit, *((1_400_000 + n) * unit for n in range(5))]


def test_there_are_four_units():
    with pytest.raises(ConfigurationError, match="valid precision units are"):
        LineFormat("m")


def test_a_byte_order_mark_is_passed_over():
    text = "\ufeffm v=1 1\nm v=2 2\n"
    result = LineFormat().load(io.BytesIO(text.encode()))
    assert (result.identifier, len(result.points)) == ("m", 2)


def test_a_name_that_begins_like_a_byte_order_mark_comes_back():
    result = Result(identifier="\ufeffm")
    result.append(1, {"v": 1.0})
    assert load(*lines(result)) == result


def test_several_series_are_named():
    with pytest.raises(FormatError, match="found 3: m,host=a, m,host=b, n") as error:
        load("m,host=a v=1 1", "m,host=b v=1 1", "n v=1 1", "m,host=a v=2 2")
    assert "multimeter import" in str(error.value)


def test_all_runs_of_a_file_are_read_each_with_what_is_said_of_it():
    one, two = result_with({"a.b": 1.0}), result_with({"a.b": 2}, tags={"x": "1"})
    two.identifier = "two"
    two.add_mark(3, "mark")
    foreign = ["f,host=a v=1 1", "f,host=b v=2 1", "multimeter_logs,codename=c value=1 1"]
    text = "\n".join([*lines(one), *lines(two), *foreign]).encode()
    runs = LineFormat().load_all(io.BytesIO(text))
    assert [run.result for run in runs[:2]] == [one, two]
    assert [run.result.tags for run in runs[2:]] == [
        {"host": "a"}, {"host": "b"}, {"codename": "c"},
    ]  # fmt: skip
    assert [run.is_whole for run in runs] == [True, True, False, False, False]


def test_keys_beyond_the_schema_come_back_as_they_were(make_probe):
    result = Result(make_probe("a\t"), identifier="run")
    keys = ["tab\there", "time", "back\\slash", "new\nline", "a", "end\\"]
    result.append(1, {"stub.a\t": 1.0, **dict.fromkeys(keys, 2.0)})
    assert load(*lines(result)) == result


def test_a_tag_time_is_refused_and_a_field_time_left_out(caplog):
    result = load("m time=1,v=2 1", "m,time=x v=3 2", "m time=3 3", "m v=4 4")
    assert list(result.columns) == ["v"]
    assert list(result.times_ns) == [1, 4]
    assert 'invalid tag key: input tag "time"' in caplog.text
    assert 'invalid field name: input field "time"' in caplog.text
