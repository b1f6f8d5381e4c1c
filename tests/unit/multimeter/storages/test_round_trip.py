"""What a format saves, it loads: for all of unicode and all floats that JSON can hold."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import JsonFormat, LineFormat, Measure, Metric, Result, Schema, Subject

# Names that line protocol can carry without change; JSON carries any.
NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8
).filter(lambda name: not name.endswith("\\") and not name.startswith("#"))
TIMES = st.integers(-(2**62), 2**62)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
VALUES = {float: FLOATS, int: INTEGERS, str: st.text(), bool: st.booleans()}
TREES = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | st.text(max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=5,
)
METRICS = st.builds(
    Metric,
    NAMES,
    st.text(max_size=8),
    st.text(max_size=8),
    st.sampled_from(list(VALUES)),
    st.none() | FLOATS,
    st.none() | FLOATS,
)


@st.composite
def schemas(draw):
    metrics = draw(st.lists(METRICS, max_size=4, unique_by=lambda metric: metric.key))
    subject = Subject(draw(NAMES.filter(lambda key: "." not in key)), draw(st.text()))
    return Schema(
        tuple(metrics),
        (subject,) if metrics else (),
        tuple(Measure(subject, metric) for metric in metrics),
    )


@st.composite
def results(draw):
    """Results with values of all types, some missing, but no point without any."""
    result = Result.of_schema(
        draw(schemas()),
        identifier=draw(NAMES),
        tags=draw(st.dictionaries(NAMES, st.text(), max_size=3)),
    )
    result.meta_data.update(draw(st.dictionaries(st.text(), TREES, max_size=3)))
    if result.schema.measures:
        point = st.fixed_dictionaries(
            {},
            optional={
                measure.key: st.none() | VALUES[measure.metric.value_type]
                for measure in result.schema.measures
            },
        ).filter(lambda values: any(value is not None for value in values.values()))
        for time_ns in sorted(draw(st.sets(TIMES, max_size=6))):
            result.append(time_ns, draw(point))
    for time_ns in sorted(draw(st.sets(TIMES, max_size=3))):
        result.add_mark(time_ns, draw(st.text()))
    return result


def saved(result, file_format):
    stream = io.BytesIO()
    file_format.save_result_to_stream(result, stream)
    return stream.getvalue()


def types(result):
    return {key: [type(v) for v in result.values(key)] for key in result.columns}


@pytest.mark.parametrize("file_format", [JsonFormat(), LineFormat()])
@given(result=results())
def test_a_result_is_loaded_as_it_was_saved(file_format, result):
    data = saved(result, file_format)
    loaded = file_format.load(io.BytesIO(data))
    assert loaded == result
    assert types(loaded) == types(result)
    assert saved(loaded, file_format) == data


@pytest.mark.parametrize("file_format", [JsonFormat(), LineFormat()])
@given(value=FLOATS)
def test_a_float_keeps_all_its_bits(file_format, value):
    result = Result(identifier="run")
    result.append(1, {"a.b": value})
    (loaded,) = file_format.load(io.BytesIO(saved(result, file_format))).values("a.b")
    assert loaded.hex() == value.hex()
