from __future__ import annotations

import io
import json
import math
from decimal import Decimal

import pytest

from multimeter import FileFormat, FormatError, LineFormat, Result
from multimeter.line_protocol import decode


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
    assert run.time_ns == 5
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


def test_an_unsigned_integer_is_an_integer():
    (value,) = load("m a.b=3u 1").values("a.b")
    assert (value, type(value)) == (3, int)


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
        "m a=1",
        'm a=1 1\nmultimeter_marks,measurement=m label="x"',
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
