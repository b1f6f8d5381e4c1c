"""The clock of the system, set back an hour while a program logs."""

from __future__ import annotations

import pathlib
import sys

import pytest

SECONDS = 300

LOGGER = """
import os, sys, time
from multimeter import Multimeter, InfluxDBStorage
from multimeter.delivery import Delivery, RetryPolicy
from multimeter.probe import ResourceProbe
from multimeter.data.record import Record
from multimeter.sinks.influx import InfluxDBSink

url, clock, points = sys.argv[1], sys.argv[2], int(sys.argv[3])

def set_clock(offset):
    # At once: an empty file, read by another thread, would be no clock at all.
    with open(clock + ".new", "w") as stream:
        stream.write(offset)
    os.replace(clock + ".new", clock)

before = time.time()
delivery = Delivery(
    InfluxDBSink("any", url), linger=0.01, retry=RetryPolicy(first=0.01, most=0.2)
)
storage = InfluxDBStorage("any", url)
measurement = Multimeter(ResourceProbe(), cycle_time=0.01, storage=storage).measure("run")
measurement.start()
for number in range(points):
    if number == points // 2:
        set_clock("-3600")
    delivery.put(Record("log", {}, {"value": number}, None))
assert time.time() < before - 3000, "the clock was not set back"
assert delivery.close(240).complete
while len(measurement.result.points) < 20:
    measurement.sample()  # libfaketime sometimes refuses a sleep
measurement.end()
"""


@pytest.fixture
def faketime(missing):
    if not sys.platform.startswith("linux"):
        pytest.skip("faketime as Linux has it")
    found = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    return found or missing("libfaketime")


def test_no_two_points_of_a_series_share_a_time_and_retries_go_on(
    server, start_python, tmp_path, faketime
):
    points = 5_000
    server.answers = [(204, {}, b"")] * 3 + [(503, {}, b"")] * 10
    (tmp_path / "clock").write_text("+0")
    process = start_python(
        LOGGER,
        server.url,
        tmp_path / "clock",
        points,
        LD_PRELOAD=str(faketime),
        FAKETIME_TIMESTAMP_FILE=str(tmp_path / "clock"),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    stored = server.points()
    log = {time: fields for (series, time), fields in stored.items() if series == "log"}
    assert [log[time]["value"] for time in sorted(log)] == list(range(points))
    run = [time for series, time in stored if series.startswith("run,")]
    assert len(run) >= 20
