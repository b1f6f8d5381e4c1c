"""Loggers that write to the embedded server, which is asked what it has."""

from __future__ import annotations

import math
import signal

import pytest
import requests

from multimeter.loggers import ContinuousLogger
from multimeter.sinks.influx import InfluxDBSink

SECONDS = 300


def write_sink(stack):
    config = stack.config
    return InfluxDBSink(config["token"], config["url"], config["org"], config["bucket"])


def values(stack, measurement, start, stop):
    """Return the values that the server has of each codename, in order of time.

    Times are seconds; there are more buckets than points between them.
    """
    found = stack.get(
        "/api/series",
        run=measurement,
        key="value",
        buckets=5_000,
        start=int(start * 1e9),
        stop=int(stop * 1e9),
    )
    return {
        each["tags"]["codename"]: each["series"]["value"]["mean"]
        for each in found["groups"]
    }


def test_what_is_logged_to_the_stack_is_there_by_codename(shared_stack):
    codenames = ["lab pressure", "lab_temperature"]
    logger = ContinuousLogger.to_stack(
        codenames,
        config=shared_stack.config_file,
        units={"lab pressure": "mbar"},
        descriptions={"lab pressure": "at the pump"},
    )
    with logger:
        for number in range(100):
            logger.enqueue_point("lab pressure", (1_600_000_000 + number, 0.5 * number))
            logger.enqueue_point("lab_temperature", (1_600_000_000 + number, 20))
        now = logger.enqueue_point_now("lab_temperature", 21.5)
        assert logger.flush(SECONDS)
    # One more is what is said of a codename.
    assert logger.stats().delivered == 202
    run = shared_stack.get("/api/run", run="multimeter_logs")
    assert run["points"] == 201
    found = values(shared_stack, "multimeter_logs", 1_600_000_000, 1_600_000_100)
    assert found == {
        "lab pressure": [0.5 * number for number in range(100)],
        "lab_temperature": [20.0] * 100,
    }
    assert run["end"] == round(now * 1e6) * 1_000
    assert "multimeter_logs" not in shared_stack.runs()
    assert "multimeter_codenames" not in shared_stack.runs()


def latest_health(stack):
    """Return the last accounts that each delivery has told, and its tags."""
    found = stack.get("/api/series", run="multimeter_health", buckets=5_000)
    return [
        (each["tags"], {key: values["max"][-1] for key, values in each["series"].items()})
        for each in found["groups"]
    ]


def test_what_a_logger_did_is_told_to_the_stack_unless_it_is_off(stack):
    options = {"config": stack.config_file, "table": "some"}
    with ContinuousLogger.to_stack(["a"], **options, health=False) as logger:
        logger.enqueue_point("a", (1, 1))
        assert logger.flush(SECONDS)
    with ContinuousLogger.to_stack(["a"], **options) as logger:
        for number in range(100):
            logger.enqueue_point("a", (number, math.nan if number < 10 else 1))
        assert logger.flush(SECONDS)
    logger._delivery._thread.join(SECONDS)
    ((tags, accounts),) = latest_health(stack)
    assert tags.keys() == {"program", "host", "delivery", "sink"}
    assert stack.config["url"] in tags["sink"]
    assert (accounts["accepted"], accounts["delivered"]) == (100, 90)
    assert (accounts["queued"], accounts["dropped"]) == (0, 10)
    assert stack.runs().keys() == {"example", "some"}


def test_each_value_keeps_its_time_and_its_digits(shared_stack):
    with ContinuousLogger(
        "digits", measurement_codenames=["a"], sink=write_sink(shared_stack)
    ) as logger:
        numbers = [number / 3 for number in range(-50, 50)]
        for second, number in enumerate(numbers):
            logger.enqueue_point("a", (1_600_000_000.25 + second, number))
    run = shared_stack.get("/api/run", run="digits")
    assert (run["start"], run["end"]) == (
        1_600_000_000_250_000_000,
        1_600_000_099_250_000_000,
    )
    assert values(shared_stack, "digits", 1_600_000_000, 1_600_000_100) == {"a": numbers}


def test_a_token_that_may_only_write_is_enough(shared_stack):
    answer = requests.get(
        f"{shared_stack.config['url']}/api/runs",
        headers={"Authorization": f"Token {shared_stack.config['token']}"},
        timeout=60,
    )
    assert answer.status_code == 403
    with ContinuousLogger(
        "written", measurement_codenames=["a"], sink=write_sink(shared_stack)
    ) as logger:
        logger.enqueue_point("a", (1, 1))
        assert logger.flush(SECONDS)


PROGRAM = """
import sys
from multimeter.loggers import ContinuousLogger

config, spool, points = sys.argv[1:]
logger = ContinuousLogger.to_stack(
    ["a"], config=config, spool=spool, batch_size=500, reconnect_waittime=0.2
)
logger.start()
print("started", flush=True)
for number in range(int(points)):
    logger.enqueue_point("a", (1_600_000_000 + number, number))
print("logged", flush=True)
assert logger.flush(600)
assert logger.stop().complete
"""


@pytest.mark.parametrize("moment", ["started", "logged"])
def test_a_logger_that_is_killed_and_started_again_has_each_value_once(
    stack, start_python, tmp_path, points, moment
):
    words = (stack.config_file, tmp_path / "spool", points)
    killed = start_python(PROGRAM, *words)
    while killed.stdout.readline().strip() != moment:
        assert killed.poll() is None, killed.communicate()[1]
    stack.server.kill()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    again = start_python(PROGRAM, *words)
    assert again.stdout.readline() == "started\n"
    assert stack.run("start").returncode == 0
    _, errors = again.communicate(timeout=SECONDS)
    assert again.returncode == 0, errors
    assert stack.get("/api/run", run="multimeter_logs")["points"] == points


def test_a_logger_that_starts_before_the_server_delivers_later(stack, tmp_path):
    stack.server.kill()
    logger = ContinuousLogger.to_stack(
        ["a"], config=stack.config_file, reconnect_waittime=0.2
    )
    logger.start()
    for number in range(1_000):
        logger.enqueue_point_now("a", number)
    assert not logger.flush(0.1)
    assert stack.run("start").returncode == 0
    assert logger.flush(SECONDS)
    assert logger.stop().delivered == 1_000
    assert stack.get("/api/run", run="multimeter_logs")["points"] == 1_000
