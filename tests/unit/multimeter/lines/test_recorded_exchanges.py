"""What real InfluxDB servers answered to writes, see ``tests/exchanges``."""

from __future__ import annotations

import json
import pathlib

import pytest

from multimeter import LineProtocolError, MultimeterError
from multimeter.data.record import Record
from multimeter.lines.protocol import decode

EXCHANGES = pathlib.Path(__file__).parents[3] / "exchanges"
WRITES = {
    f"{path.parent.name}/{path.stem[3:]}": exchange
    for path in sorted(EXCHANGES.glob("influxdb-*/*.json"))
    for exchange in [json.loads(path.read_text(encoding="utf-8"))]
    if exchange["request"]["path"].endswith("/write")
}

# Refused by a server for what line protocol knows nothing of.
NOT_OF_PARSING = {
    "write-field-type-conflict": "the store knows the types of fields",
    "write-no-token": "authentication",
    "write-wrong-token": "authentication",
    "write-read-only-token": "authorisation",
    "write-other-bucket": "authorisation",
    "write-missing-org-param": "parameters",
    "write-unknown-org": "parameters",
    "write-unknown-bucket": "parameters",
    "write-bad-gzip": "the body is not text",
}


def decode_body(exchange):
    request = exchange["request"]
    precision = request["params"].get("precision", "ns")
    body = request["body"].removeprefix("gzip of: ")
    return list(decode(body, precision=precision))


def names(*, refused_by_parsing):
    return [
        name
        for name, exchange in WRITES.items()
        if name.split("/")[1] not in NOT_OF_PARSING
        and (exchange["response"]["status"] != 204) == refused_by_parsing
    ]


def test_every_recorded_write_is_in_one_of_the_tests_below():
    parsed = names(refused_by_parsing=True) + names(refused_by_parsing=False)
    others = [name for name in WRITES if name.split("/")[1] in NOT_OF_PARSING]
    assert sorted(parsed + others) == sorted(WRITES)
    assert len(WRITES) == 52
    assert {name.split("/")[1] for name in others} == set(NOT_OF_PARSING)


@pytest.mark.parametrize("name", names(refused_by_parsing=True))
def test_a_body_that_was_refused_is_refused_in_the_same_words(name):
    with pytest.raises(MultimeterError) as caught:
        decode_body(WRITES[name])
    assert WRITES[name]["response"]["status"] == 400
    assert str(caught.value) == WRITES[name]["response"]["body"]["message"]


@pytest.mark.parametrize("name", names(refused_by_parsing=False))
def test_a_body_that_was_stored_is_decoded(name):
    lines = [
        line
        for line in WRITES[name]["request"]["body"].splitlines()
        if line and not line.startswith("#")
    ]
    assert len(decode_body(WRITES[name])) == len(lines)


@pytest.mark.parametrize(
    "name",
    [n for n in WRITES if n.split("/")[1] in set(NOT_OF_PARSING) - {"write-bad-gzip"}],
)
def test_a_body_that_was_refused_for_another_reason_is_decoded(name):
    assert decode_body(WRITES[name])


def test_a_body_that_should_have_been_gzip_is_not_line_protocol_either():
    with pytest.raises(LineProtocolError):
        decode_body(WRITES["influxdb-2.9.1/write-bad-gzip"])


def test_the_escapes_mean_what_influxdb_took_them_for():
    (record,) = decode_body(WRITES["influxdb-2.9.1/write-escapes"])
    assert record == Record(
        "my run,1",
        {"tag key": "tag,val=x"},
        {"field key": 'line1\\n "q"'},
        1_700_000_000_000_000_000,
    )
