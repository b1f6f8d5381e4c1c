from __future__ import annotations

import email.utils
import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.http.transport import HttpAnswer
from multimeter.sinks.base import Accepted, Batch, Rejected, Retry
from multimeter.sinks.http_answers import answer_of, parse_retry_after

NOW = 1_700_000_000.0
BATCH = Batch("b", [b"m v=1 1", b"m v= 2", b"m v=3 3"])
EXCHANGES = pathlib.Path(__file__).parents[3] / "exchanges"


def meaning(status, message="no", batch=BATCH, **headers):
    body = json.dumps({"code": "x", "message": message}).encode()
    return answer_of(HttpAnswer(status, headers, body), batch, NOW)


def test_204_is_delivered():
    assert answer_of(HttpAnswer(204, {}, b""), BATCH, NOW) == Accepted()


@pytest.mark.parametrize("status", [200, 201, 202, 206, 301, 302, 307, 405, 418])
def test_no_other_answer_is_delivered(status):
    answer = answer_of(HttpAnswer(status, {}, b"<html>Log in</html>"), BATCH, NOW)
    assert isinstance(answer, Retry)
    assert answer.refused
    assert "another server" in answer.reason.lower()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_trouble_of_the_server_is_tried_again(status):
    answer = meaning(status, "these words", **{"retry-after": "7"})
    assert isinstance(answer, Retry)
    assert (answer.after, answer.refused) == (7.0, False)
    assert f"{status}: these words" in answer.reason


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_somebody_must_mend_is_kept_and_said(status):
    answer = meaning(status)
    assert isinstance(answer, Retry)
    assert answer.refused
    assert answer.next_step
    assert str(answer) == f"{answer.reason}\nNext: {answer.next_step}"


def test_too_large_is_a_matter_of_size():
    assert meaning(413) == Rejected("it answered 413: no", too_large=True)


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_that_names_nobody_is_of_the_whole_batch(status):
    answer = meaning(status, "partial write: field type conflict dropped=1")
    assert isinstance(answer, Rejected)
    assert answer.records == {}
    assert not answer.too_large


def test_a_line_that_is_named_is_the_one():
    answer = meaning(400, "unable to parse 'm v= 2': missing field value")
    assert answer.records == {1: "unable to parse: missing field value"}


def test_all_lines_that_are_named_are_refused_each_for_its_reason():
    lines = [b"a", b"it's': b", b'm v="x\ny" 1']
    message = "\n".join(
        f"unable to parse '{line.decode()}': {n}" for n, line in enumerate(lines)
    )
    answer = meaning(400, message, Batch("b", [b"ok v=1 1", *lines]))
    assert answer.records[1] == "unable to parse: 0"
    assert answer.records[3] == "unable to parse: 2"


def test_a_line_that_was_never_sent_names_nobody():
    assert meaning(400, "unable to parse 'other': bad").records == {}


def test_where_as_many_were_dropped_as_there_were_all_are_refused():
    answer = meaning(422, "partial write: points beyond retention policy dropped=3")
    assert sorted(answer.records) == [0, 1, 2]


@pytest.mark.parametrize("version", ["influxdb-2.7.12", "influxdb-2.9.1"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("19-write", Accepted),
        ("26-write-bad-line", Rejected),
        ("27-write-good-and-bad-line", Rejected),
        ("28-write-field-type-conflict", Rejected),
        ("32-write-no-token", Retry),
        ("33-write-wrong-token", Retry),
        ("34-write-read-only-token", Retry),
        ("38-write-unknown-bucket", Retry),
    ],
)
def test_what_real_servers_said_is_understood(version, name, expected):
    exchange = json.loads((EXCHANGES / version / f"{name}.json").read_text())
    body = exchange["response"]["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    lines = exchange["request"]["body"].rstrip("\n").encode().split(b"\n")
    answer = answer_of(
        HttpAnswer(exchange["response"]["status"], {}, text.encode()),
        Batch("b", lines),
        NOW,
    )
    assert isinstance(answer, expected)
    if name == "27-write-good-and-bad-line":
        assert list(answer.records) == [1]
    if expected is Retry:
        assert answer.refused


def test_a_page_of_html_does_not_fill_the_log():
    answer = answer_of(HttpAnswer(502, {}, b"<p>" * 10_000), BATCH, NOW)
    assert len(answer.reason) < 1_000


class TestRetryAfter:
    @pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("120", 120), (" 7 ", 7)])
    def test_seconds(self, text, seconds):
        assert parse_retry_after(text, NOW) == seconds

    def test_a_date(self):
        date = email.utils.formatdate(NOW + 90, usegmt=True)
        assert parse_retry_after(date, NOW) == 90.0

    def test_a_date_that_is_over_is_now(self):
        assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", NOW) == 0.0

    def test_a_date_without_a_zone_is_in_utc(self):
        date = email.utils.formatdate(NOW + 90).removesuffix("-0000")
        assert parse_retry_after(date, NOW) == 90.0

    @pytest.mark.parametrize(
        "text", [None, "", "soon", "-5", "1.5", "٣", "nan", "Wed, 99 Oct 2015 07:28:00 GMT"]
    )
    def test_junk_asks_for_nothing(self, text):
        assert parse_retry_after(text, NOW) is None

    @given(st.text(max_size=40))
    def test_no_header_is_an_error(self, text):
        seconds = parse_retry_after(text, NOW)
        assert seconds is None or seconds >= 0
