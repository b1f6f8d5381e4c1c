"""Whatever a probe gives, a value of any type, is kept as well as it can be.

It costs a line in the log at most, and the measured program goes on.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import pickle
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest
from fakes.odd_values import ODD, RIGHT, Nasty, NastyText, State, Valve
from hypothesis import given
from hypothesis import strategies as st

from multimeter import JsonFormat, LineFormat, Measure, Metric, Result, Subject
from multimeter.analysis.figures import figures_of
from multimeter.data.record import Record, Unsigned
from multimeter.data.values import PLAIN, json_text, plain, simple, text_of
from multimeter.delivery import Delivery
from multimeter.errors import ConfigurationError, FormatError
from multimeter.exports.csv_format import CsvFormat
from multimeter.exports.parquet import write_parquet
from multimeter.lines.protocol import decode, encode, format_field, format_tags
from multimeter.loggers.continuous import ContinuousLogger
from multimeter.reports.charts import measure_charts
from multimeter.sampling.sampler import Sampler
from multimeter.schema import Schema
from multimeter.sinks.memory import MemorySink
from multimeter.storages.base import LiveForwarder
from multimeter.storages.dummy import DummyStorage
from multimeter.storages.live_run import LiveRun

SUBJECT = Subject("rig")
KINDS = (float, int, str, bool, object)
MEASURES = [Measure(SUBJECT, Metric(kind.__name__, value_type=kind)) for kind in KINDS]
KEYS = [measure.key for measure in MEASURES]
SCHEMA = Schema(tuple(m.metric for m in MEASURES), (SUBJECT,), tuple(MEASURES))


def name_of(value):
    return text_of(type(value).__name__)


def result_with(*values):
    """Return a run whose measures of each type had these values."""
    result = Result.of_schema(SCHEMA, identifier="run")
    for time_ns, value in enumerate(values, 1):
        result.append(time_ns, dict.fromkeys(KEYS, value))
    return result


def saved(file_format, result):
    stream = io.BytesIO()
    file_format.save_result_to_stream(result, stream)
    return stream.getvalue().decode()


def records_of(sink):
    return [record for line in sink.lines.values() for record in decode(line.decode())]


@pytest.fixture
def value(request):
    # By its number: pytest itself asks a value that it is given for its class.
    return ODD[request.param]


odd_values = pytest.mark.parametrize(
    "value", range(len(ODD)), ids=list(map(name_of, ODD)), indirect=True
)


@pytest.mark.parametrize(("value", "text"), RIGHT, ids=name_of)
def test_a_value_has_one_form_as_a_field(value, text):
    assert format_field(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Unsigned(5), "5u"),
        (Unsigned(2**64), "1.8446744073709552e+19"),
        (Unsigned(-1), "-1i"),
    ],
)
def test_an_unsigned_integer_is_one_as_far_as_it_can_be(value, text):
    assert format_field(value) == text


@pytest.mark.parametrize(("value", "text"), RIGHT, ids=name_of)
def test_a_probe_and_a_record_give_the_same_field(value, text):
    lines = saved(LineFormat(), result_with(value)).splitlines()
    found = next(decode("\n".join(lines))).fields
    expected = next(decode(f"m v={text}")).fields["v"] if text else None
    assert found.get("rig.object") == expected
    assert type(found.get("rig.object")) is type(expected)


@given(st.one_of(st.floats(), st.integers(), st.text(), st.booleans(), st.none()))
def test_what_is_plain_stays_the_same_object(value):
    assert plain(value) is value
    assert simple(value) is value


@odd_values
def test_a_record_of_any_value_is_a_line(value):
    line = encode(Record("m", {}, {"v": value, "w": 1}, 1))
    (record,) = decode(line)
    assert record.fields["w"] == 1


@odd_values
def test_a_delivery_takes_any_value(value, tmp_path):
    sink = MemorySink()
    with Delivery(sink, spool=tmp_path / "spool") as delivery:
        delivery.put(Record("m", {"t": value}, {"v": value, "w": 1}, 1))
    assert [record.fields["w"] for record in records_of(sink)] == [1]


@odd_values
@pytest.mark.parametrize("beside", [(), (1.5, "text")], ids=["alone", "beside"])
def test_any_value_is_written_in_every_format(value, beside):
    result = result_with(*beside, value)
    result.tags["t"] = value
    result.add_mark(1, value)
    result.add_meta_data(value=value, more=[value], deep={"value": value})
    assert len(list(decode(saved(LineFormat(), result)))) >= 2
    loaded = JsonFormat().load(io.BytesIO(saved(JsonFormat(), result).encode()))
    assert len(loaded.points) == len(beside) + 1
    rows = list(csv.reader(io.StringIO(saved(CsvFormat(), result), newline="")))
    assert {len(row) for row in rows} == {len(KEYS) + 1}
    assert figures_of(result)
    assert isinstance(measure_charts([result], ["run"], None), list)


@pytest.mark.parametrize("beside", [(), (1.5, "text")], ids=["alone", "beside"])
def test_any_value_is_written_as_parquet(beside, tmp_path):
    # All in one file: to open DuckDB takes longer than to write a column.
    kinds = [(number, kind) for number in range(len(ODD)) for kind in KINDS]
    metrics = [
        Metric(f"{kind.__name__}_{number}", value_type=kind) for number, kind in kinds
    ]
    measures = [Measure(SUBJECT, metric) for metric in metrics]
    schema = Schema(tuple(metrics), (SUBJECT,), tuple(measures))
    result = Result.of_schema(schema, identifier="run")
    keys = [measure.key for measure in measures]
    for time_ns, value in enumerate(beside, 1):
        result.append(time_ns, dict.fromkeys(keys, value))
    values = {key: ODD[number] for key, (number, _) in zip(keys, kinds)}
    result.append(len(beside) + 1, values)
    result.tags |= {str(number): value for number, value in enumerate(ODD)}
    for number, value in enumerate(ODD):
        deep = {"value": value}
        result.add_meta_data(
            **{f"a{number}": value, f"b{number}": [value], f"c{number}": deep}
        )
    write_parquet(result, tmp_path / "run.parquet")


@odd_values
def test_any_value_is_sent_while_the_run_goes_on(value):
    lines = []
    result = result_with()
    run = LiveRun(result, lambda line, _: lines.append(line), lambda: 1)
    result.append(2, dict.fromkeys(KEYS, value))
    run.append(2, dict.fromkeys(KEYS, value))
    run.mark(3, text_of(value))
    result.add_meta_data(value=value)
    run.close()
    records = [next(decode(line.decode())) for line in lines if line is not None]
    assert records[-1].fields["state"] == "finished"


class AnyProbe:
    """Gives one value for each measure, under its key or another one."""

    measures = tuple(MEASURES)

    def __init__(self, value, *keys):
        self._value = value
        self._keys = keys or KEYS

    def start(self):
        pass

    def baseline(self):
        return {"rig.object": self._value}

    def sample(self, values, time_elapsed):
        values.update(dict.fromkeys(self._keys, self._value))

    def end(self):
        pass


def sampled(value, clock, *keys):
    """Return the run of a sampler of this process that took some samples."""
    result = result_with()
    forwarder = LiveForwarder(DummyStorage(), result)
    sampler = Sampler([AnyProbe(value, *keys)], 1.0, forwarder.append, clock)
    sampler.start()
    sampler.end()
    result.add_meta_data(**sampler.sampling.meta_data())
    return result


@odd_values
def test_a_sampler_goes_on_whatever_a_probe_gives(value, make_clock, caplog):
    result = sampled(value, make_clock(3))
    # One by the thread, however late it comes, and the last one at the end.
    assert len(result.points) >= 2
    assert len(caplog.records) <= 1
    assert saved(LineFormat(), result)
    assert saved(JsonFormat(), result)


@pytest.mark.parametrize("key", [State.ON, 1, None, ("a", 1), b"x"], ids=name_of)
def test_a_sampler_goes_on_whatever_a_key_is(key, make_clock, caplog):
    result = sampled(1.0, make_clock(3), key)
    # One by the thread, however late it comes, and the last one at the end.
    assert len(result.points) >= 2
    assert not caplog.records
    assert set(result.values(text_of(key))) == {1.0}
    assert LineFormat().load(io.BytesIO(saved(LineFormat(), result).encode()))
    lines = []
    run = LiveRun(result_with(), lambda line, _: lines.append(line), lambda: 1)
    run.append(2, {key: 1.0})
    run.append(3, {key: 1.0})
    records = list(decode(b"\n".join(lines[1:]).decode()))
    assert [record.fields for record in records] == [{text_of(key): 1.0}] * 2


@odd_values
def test_what_a_helper_process_sends_can_be_read_by_the_other(value):
    sent = simple({"a": [value], "b": value})
    back = pickle.loads(pickle.dumps(sent))
    assert json_text(back) == json_text(sent)


@odd_values
def test_a_logger_takes_a_number_or_says_that_it_is_none(value, tmp_path):
    sink = MemorySink()
    logger = ContinuousLogger(
        "t", measurement_codenames=["a"], sink=sink, spool=tmp_path / "spool"
    )
    for point in ((1, value), (value, 1), value):
        with contextlib.suppress(ConfigurationError):
            logger.enqueue_point("a", point)
    with contextlib.suppress(ConfigurationError):
        logger.enqueue_point(value, (1, 1))
    with contextlib.suppress(ConfigurationError):
        logger.enqueue_point_now(value, 1)
    logger.stop()


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (np.float32(0.5), 0.5),
        (Valve.OPEN, 1.0),
        (Decimal("0.25"), 0.25),
        (3, 3.0),
        (np.ma.masked, None),
    ],
)
def test_a_logger_stores_the_number_of_a_value(value, number, tmp_path):
    sink = MemorySink()
    logger = ContinuousLogger(
        "t", measurement_codenames=["x"], sink=sink, spool=tmp_path / "spool"
    )
    logger.enqueue_point(State.ON, (np.float64(1.5), value))
    logger.stop()
    found = [(record.time_ns, record.fields["value"]) for record in records_of(sink)]
    assert found == ([] if number is None else [(1_500_000_000, number)])


@odd_values
def test_tags_and_marks_of_any_type_become_text(value):
    result = Result(identifier="run", tags={"t": value})
    result.add_mark(1, value)
    assert type(result.tags["t"]) is str
    assert type(result.marks[0].label) is str
    assert len(list(decode("m" + format_tags({"t": value, "u": "1"}) + " v=1"))) == 1


def test_tags_that_are_equal_in_python_keep_their_own_text(tmp_path):
    sink = MemorySink()
    with Delivery(sink, spool=tmp_path / "spool") as delivery:
        for value in (1, True, 1.0, [1]):
            delivery.put(Record("m", {"t": value}, {"v": 1}, 1))
    assert [r.tags["t"] for r in records_of(sink)] == ["1", "True", "1.0", "[1]"]


@pytest.mark.parametrize("time_ns", [np.int64(5), Valve(1), np.array(7)], ids=name_of)
def test_the_time_of_a_record_is_an_integer_of_any_type(time_ns):
    (record,) = decode(encode(Record("m", {}, {"v": 1}, time_ns)))
    assert record.time_ns == int(time_ns)


@pytest.mark.parametrize("time_ns", [1.5e18, "5", True, Nasty()], ids=name_of)
def test_a_time_that_is_no_integer_is_refused(time_ns):
    with pytest.raises(ConfigurationError, match="not the time of a record"):
        encode(Record("m", {}, {"v": 1}, time_ns))


def test_a_measure_of_floats_gives_floats_for_numbers_of_any_type():
    values = [value for value, text in RIGHT if text and text[-1] not in 'i"e']
    values = [value for value in values if plain(value) < 2**53]
    assert len(values) > 10
    result = result_with(*values)
    assert {type(value) for value in result.values("rig.float")} == {float}


def test_the_tags_of_a_record_are_never_compared():
    assert format_tags({"a": NastyText("x"), "b": Nasty()}) == (
        ",a=x,b=<Nasty\\ without\\ text>"
    )


def test_json_says_null_for_what_it_lacks():
    value = {"a": math.nan, "b": [math.inf], ("c", 1): 10**5000, "d": Valve(1)}
    assert json.loads(json_text(value)) == {
        "a": None,
        "b": [None],
        "('c', 1)": None,
        "d": 1,
    }


def test_two_tags_of_one_name_are_refused():
    with pytest.raises(FormatError, match="same name"):
        format_tags({1: "a", "1": "b"})


def test_all_plain_types_have_a_form():
    for kind in PLAIN - {type(None)}:
        assert format_field(kind(1)) is not None


def test_numpy_is_not_imported_for_it():
    code = (
        "import sys; from multimeter.data.values import plain; from decimal import Decimal;"
        "plain(Decimal(1)); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
