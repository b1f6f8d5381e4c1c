from __future__ import annotations

import contextlib
import math
import re
import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import ConfigurationError, FormatError, LineProtocolError
from multimeter.data.record import Record, Unsigned
from multimeter.lines import decoder
from multimeter.lines.protocol import (
    MAX_TIME_NS,
    decode,
    encode,
    escape_key,
    escape_measurement,
    format_field,
    format_tags,
    portable_key,
    portable_measurement,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates, too
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda name: not name.endswith("\\")
)
KEYS = NAMES.filter(lambda name: name not in {"time", "_measurement", "_field"})
FIELDS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**64 - 1).map(Unsigned),
    st.booleans(),
    st.text(),
)
RECORDS = st.builds(
    Record,
    NAMES.map(portable_measurement),
    st.dictionaries(KEYS, NAMES, max_size=3),
    st.dictionaries(KEYS, FIELDS, min_size=1, max_size=4),
    st.none() | st.integers(-MAX_TIME_NS, MAX_TIME_NS),
)


def one(text, **options):
    (record,) = decode(text, **options)
    return record


def types(record):
    return {key: type(value) for key, value in record.fields.items()}


@given(RECORDS)
def test_a_record_comes_back_from_its_line(record):
    decoded = one(encode(record))
    assert decoded == record
    assert types(decoded) == types(record)


@given(st.lists(RECORDS, max_size=4), st.sampled_from(["\n", "\r\n", "\n\n", "\n# x\n"]))
def test_lines_come_back_in_their_order(records, separator):
    assert list(decode(separator.join(map(encode, records)))) == records


@given(ANY_TEXT, st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2), ANY_TEXT, ANY_TEXT)
def test_any_names_and_texts_make_a_line_of_utf_8(name, tags, key, text):
    try:
        line = encode(Record(name, tags, {key: text}, 1))
    except FormatError:
        assert len({portable_key(tag) for tag in tags}) < len(tags)
        return
    record = one(line.encode().decode())
    assert record.measurement == portable_measurement(name)
    assert set(record.tags) == {portable_key(tag) for tag, value in tags.items() if value}
    assert set(record.fields) == {portable_key(key)}


@given(st.text())
def test_decoding_refuses_with_a_reason_or_yields_records(text):
    with contextlib.suppress(LineProtocolError):
        assert all(record.fields for record in decode(text))


@given(ANY_TEXT)
def test_a_portable_name_is_portable(name):
    assert portable_measurement(portable_measurement(name)) == portable_measurement(name)
    assert portable_key(portable_key(name)) == portable_key(name)


@pytest.mark.parametrize(
    ("name", "portable"),
    [
        ("run 1", "run 1"),
        ("a\nb\tc\x00", "a␊b␉c␀"),
        ("\x7f", "␡"),
        ("C:\\", "C:\u29f5"),
        ("#1", "＃1"),  # noqa: RUF001 - the character is meant
        ("a#1", "a#1"),
        ("", "∅"),
        ("\ud800", "\ufffd"),
    ],
)
def test_what_a_measurement_cannot_be_is_shown_by_its_picture(name, portable):
    assert portable_measurement(name) == portable


@pytest.mark.parametrize("key", ["time", "_measurement", "_field"])
def test_reserved_keys_get_an_underscore(key):
    assert portable_key(key) == f"{key}_"


def test_separators_are_escaped():
    assert escape_measurement("a b,c=d") == "a\\ b\\,c=d"
    assert escape_key("a b,c=d") == "a\\ b\\,c\\=d"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (1e300, "1e+300"),
        (-0.0, "-0.0"),
        (3, "3i"),
        (-(2**63), "-9223372036854775808i"),
        (2**63, "9.223372036854776e+18"),
        (Unsigned(3), "3u"),
        (True, "true"),
        (False, "false"),
        ('say "a\\b"\n', '"say \\"a\\\\b\\"\n"'),
        (Decimal("1.5"), "1.5"),
        (None, None),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        (10**400, None),
    ],
)
def test_a_value_has_its_form_as_a_field(value, text):
    assert format_field(value) == text


def test_fields_that_cannot_be_expressed_are_left_out():
    fields = {"a": math.nan, "b": 1.0, "c": None}
    assert encode(Record("m", {}, fields, 1)) == "m b=1.0 1"


def test_a_record_without_any_field_has_no_line():
    assert encode(Record("m", {}, {"a": math.nan}, 1)) is None


def test_a_record_without_a_time_has_none_in_its_line():
    assert encode(Record("m", {}, {"a": True}, None)) == "m a=true"


def test_tags_are_sorted_and_those_without_a_value_are_left_out():
    assert format_tags({"b": "2", "a": "1", "c": "", "d": None}) == ",a=1,b=2"


def test_tags_that_are_not_text_become_text():
    assert format_tags({3: 0, "b": False}) == ",3=0,b=False"


def test_tags_that_line_protocol_cannot_tell_apart_are_refused():
    with pytest.raises(FormatError, match="same name in line protocol"):
        format_tags({"a\n": "1", "a␊": "2"})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",a=b v=1 1", "missing measurement"),
        ("m", "missing fields"),
        ("m ", "missing fields"),
        ("m,a=b", "missing fields"),
        ("m, v=1", "missing tag key"),
        ("m,=b v=1", "missing tag key"),
        ("m,a v=1", "missing tag value"),
        ("m,a= v=1", "missing tag value"),
        ("m,a=b=c v=1", "invalid tag format"),
        ("m,a=b,a=c v=1", "duplicate tags"),
        ("m =1", "missing field key"),
        ("m v", "invalid field format"),
        ("m v=1,w", "invalid field format"),
        ("m v=", "missing field value"),
        ('m v="a', "unbalanced quotes"),
        ('m v="a\\"', "unbalanced quotes"),
        ("m v=nan", "invalid number"),
        ("m v=+inf", "invalid number"),
        ("m v=1e999", "invalid number"),
        ("m v=1.2.3", "invalid number"),
        ("m v=0x10", "invalid number"),
        ("m v=1_000", "invalid number"),
        ("m v=\u0661", "invalid number"),
        ("m v=\u0661i", "invalid number"),
        ("m v=1.5i", "invalid number"),
        ("m v=-1u", "invalid number"),
        ("m v=tru", "invalid boolean"),
        ("m v=1 now", "bad timestamp"),
        ("m v=1 1.5", "bad timestamp"),
        ("m v=1 \u0661", "bad timestamp"),
        ("m v=1 1 1", "bad timestamp"),
    ],
)
def test_what_is_not_line_protocol_is_refused_with_the_reason(line, reason):
    with pytest.raises(LineProtocolError) as caught:
        list(decode(line))
    assert (caught.value.line, caught.value.reason) == (line, reason)


@pytest.mark.parametrize(
    "number",
    ["9223372036854775808i", "-9223372036854775809i", "9" * 10**6 + "i"],
    ids=["above", "below", "far above"],
)
def test_an_integer_beyond_64_bits_is_out_of_range(number):
    with pytest.raises(LineProtocolError, match=r"ParseInt.*value out of range"):
        list(decode(f"m v={number}"))


def test_an_unsigned_integer_beyond_64_bits_is_out_of_range():
    with pytest.raises(LineProtocolError, match=r"ParseUint.*value out of range"):
        list(decode("m v=18446744073709551616u"))


@pytest.mark.parametrize("time", [MAX_TIME_NS + 1, -MAX_TIME_NS - 1, 10**30, "9" * 5000])
def test_a_time_that_influxdb_does_not_store_is_refused(time):
    with pytest.raises(LineProtocolError, match="time outside range"):
        list(decode(f"m v=1 {time}"))


@pytest.mark.parametrize("filler", [" ", "1"], ids=["blanks", "digits"])
def test_long_nonsense_is_refused_in_time_that_grows_with_its_length(filler):
    with pytest.raises(LineProtocolError):
        list(decode("m v=1" + filler * 10**6 + "x"))


def test_the_records_before_a_bad_line_are_yielded():
    records = decode("m v=1 1\nm v=\nm v=3 3")
    assert next(records).fields == {"v": 1.0}
    with pytest.raises(LineProtocolError, match="'m v='"):
        next(records)


@pytest.mark.parametrize(
    ("precision", "unit"), [("ns", 1), ("us", 10**3), ("ms", 10**6), ("s", 10**9)]
)
def test_a_time_counts_its_precision(precision, unit):
    assert one("m v=1 3", precision=precision).time_ns == 3 * unit


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigurationError, match="invalid precision"):
        list(decode("m v=1 1", precision="h"))


@pytest.mark.parametrize("word", ["t", "T", "true", "True", "TRUE"])
def test_all_words_for_true_are_true(word):
    assert one(f"m v={word}").fields == {"v": True}


@pytest.mark.parametrize("word", ["f", "F", "false", "False", "FALSE"])
def test_all_words_for_false_are_false(word):
    assert one(f"m v={word}").fields == {"v": False}


def test_a_backslash_escapes_separators_only():
    record = one(r'a\b\,c,t\=x=\ y\z f\ g="q\"\\n\n",h=1 5')
    assert record == Record(r"a\b,c", {"t=x": r" y\z"}, {"f g": 'q"\\n\\n', "h": 1.0}, 5)


def test_a_text_may_hold_newlines_and_separators():
    assert one('m v="a\nb, c=d\r\n" 1').fields == {"v": "a\nb, c=d\r\n"}


def test_blanks_around_a_line_do_not_matter():
    assert one("  m   v=1   7  ") == Record("m", {}, {"v": 1.0}, 7)


def test_a_line_of_a_megabyte_is_decoded():
    record = Record("m", {"t": "x" * 60_000}, {"v": 'a"\\' * 10**6}, 1)
    assert one(encode(record)) == record


@pytest.mark.parametrize("name", ["C:\\runs\\x", "a\\ b", "a\\,b", "a\\"])
def test_a_measurement_has_no_backslash_for_no_query_would_find_it(name):
    assert portable_measurement(name) == name.replace("\\", "\u29f5")


# What the decoder's patterns mean, a character at a time: too slow and too large in memory
# to be used, but plain.
MEANING = {
    "_MEASUREMENT": re.compile(r"(?:[^\\, \n]|\\[, ]|\\(?![, ]))*"),
    "_KEY": re.compile(r"(?:[^\\,= \n]|\\[,= ]|\\(?![,= ]))*"),
}
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


@pytest.mark.parametrize("name", MEANING)
@given(text=st.text('ab\\\\,= \n"', max_size=20))
def test_the_patterns_take_what_they_mean(name, text):
    for start in range(len(text) + 1):
        expected = MEANING[name].match(text, start)
        found = getattr(decoder, name).match(text, start)
        assert found.span() == expected.span()


@given(text=st.text('a\\\\\\"\n\udfff', max_size=20))
def test_a_string_is_read_pair_by_pair(text):
    match = STRING.match(f'"{text}')
    if match is None:
        with pytest.raises(LineProtocolError, match="unbalanced quotes"):
            list(decode(f'm v="{text}'))
    else:
        (record,) = decode(f'm v="{text}'[: match.end() + 4])
        assert record.fields["v"] == re.sub(r'\\(["\\])', r"\1", match[1])


@pytest.mark.parametrize("char", ["x", '\\"', "\\\\", "\\x"])
def test_a_long_string_takes_little_memory_beside_its_own(char):
    text = 'm v="' + char * 50_000 + '" 1'
    tracemalloc.start()
    try:
        list(decode(text))
        assert tracemalloc.get_traced_memory()[1] < 10 * len(text)
    finally:
        tracemalloc.stop()
