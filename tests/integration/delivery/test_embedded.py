"""The embedded server as a process: what it refuses, and runs that are seen live."""

from __future__ import annotations

import json
import math
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from multimeter import InfluxDBStorage, Measure, Metric, Multimeter, Probe, Subject
from multimeter.data.record import Record
from multimeter.delivery import Delivery
from multimeter.sinks.influx import InfluxDBSink

SECONDS = 300
HERE = str(pathlib.Path(__file__).parent)


@pytest.fixture
def deliver_to(shared_stack, make_delivery):
    config = shared_stack.config

    def make(token=config["token"], **settings):
        return make_delivery(config["url"], token, **settings)

    return make


def rejected(delivery):
    if not delivery.rejects.exists():
        return []
    return [json.loads(each)["line"] for each in delivery.rejects.read_text().splitlines()]


def test_one_poison_point_in_a_thousand_is_rejected_and_all_others_arrive(
    shared_stack, deliver_to
):
    points = 10_000
    delivery = deliver_to()
    delivery.put_line(b"poison value=0 0")
    assert delivery.flush(SECONDS)
    for number in range(1, points):
        # A field keeps its type: text in it is refused.
        value = b'"no"' if number % 1_000 == 500 else b"%d" % number
        delivery.put_line(b"poison value=%b %d" % (value, number))
    assert delivery.flush(SECONDS)
    bad = [number for number in range(points) if number % 1_000 == 500]
    assert rejected(delivery) == [f'poison value="no" {number}' for number in bad]
    assert shared_stack.runs()["poison"]["points"] == points - len(bad)


def test_lines_that_are_no_line_protocol_are_rejected_alone(shared_stack, deliver_to):
    delivery = deliver_to()
    bad = [b"nonsense", b"broken value= 5", b"broken value=1x 6", b"broken ,=1 7"]
    for number in range(1_000):
        delivery.put_line(b"broken value=%d %d" % (number, number))
        if number % 250 == 100:
            delivery.put_line(bad[number // 250])
    assert delivery.flush(SECONDS)
    assert rejected(delivery) == [line.decode() for line in bad]
    assert shared_stack.runs()["broken"]["points"] == 1_000


def test_a_run_of_another_type_is_rejected_whole_with_few_requests(
    shared_stack, deliver_to
):
    delivery = deliver_to()
    delivery.put_line(b"typed value=1 1")
    assert delivery.flush(SECONDS)
    for number in range(2, 5_002):
        delivery.put_line(b"typed value=%di %d" % (number, number))
    assert delivery.flush(SECONDS)
    assert len(rejected(delivery)) == 5_000
    assert shared_stack.runs()["typed"]["points"] == 1


def test_nan_and_infinity_leave_their_field_out(shared_stack, deliver_to):
    delivery = deliver_to()
    for number in range(100):
        bad = (math.nan, math.inf, -math.inf)[number % 3]
        fields = {"value": float(number), "other": bad if number % 2 else 1.0}
        delivery.put(Record("nan", {}, fields, number))
    assert delivery.flush(SECONDS)
    assert delivery.stats().left_out == 50
    assert rejected(delivery) == []
    assert shared_stack.runs()["nan"]["points"] == 100


def test_a_long_text_is_no_trouble_for_its_neighbours(shared_stack, deliver_to):
    delivery = deliver_to()
    for number in range(20):
        text = "x" * (70_000 if number == 10 else 10)
        delivery.put(Record("long", {}, {"text": text}, number))
    assert delivery.flush(SECONDS)
    stored = shared_stack.runs()["long"]["points"]
    assert stored + len(rejected(delivery)) == 20
    assert stored >= 19


def test_a_bad_token_keeps_all_and_a_mended_one_sends_it(
    shared_stack, deliver_to, points, caplog
):
    tokens = ["wrong"]
    delivery = deliver_to(lambda: tokens[-1])
    for number in range(points):
        delivery.put_line(b"token value=%d %d" % (number, number))
    assert not delivery.flush(patient=False)
    assert delivery.stats().queued == points
    assert [r.levelname for r in caplog.records if "401" in r.message] == ["ERROR"]
    tokens.append(shared_stack.config["token"])
    assert delivery.flush(SECONDS)
    assert shared_stack.runs()["token"]["points"] == points


def test_a_bucket_that_is_not_there_keeps_all(shared_stack):
    config = shared_stack.config
    sink = InfluxDBSink(config["token"], config["url"], bucket="gone")
    delivery = Delivery(sink)
    delivery.put_line(b"bucket value=1 1")
    assert not delivery.flush(patient=False)
    assert delivery.close(0).queued == 1


class CountingProbe(Probe):
    subjects = (Subject("test"),)
    metrics = (Metric("count", value_type=int),)
    measures = (Measure(subjects[0], metrics[0]),)

    def __init__(self):
        self.count = 0

    def start(self):
        pass

    def sample(self, values, time_elapsed):
        self.count += 1
        values["test.count"] = self.count

    def end(self):
        pass


def wait_until(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def entry(stack, identifier):
    """Return what the list of runs in the database says of a run."""
    return stack.runs().get(identifier, {})


def test_a_run_is_seen_while_it_goes_on_and_is_complete_at_its_end(shared_stack):
    storage = InfluxDBStorage.from_stack(shared_stack.config_file)
    multimeter = Multimeter(CountingProbe(), cycle_time=0.01, storage=storage)
    measurement = multimeter.measure("live", stage="test")
    measurement.start()
    measurement.add_mark("first")
    wait_until(lambda: entry(shared_stack, "live").get("points", 0) > 3)
    assert entry(shared_stack, "live")["state"] == "live"
    marks = shared_stack.get("/api/marks", run="live")
    assert [mark["label"] for mark in marks] == ["first"]
    measurement.end()
    storage.close()
    seen = entry(shared_stack, "live")
    assert seen["points"] == len(measurement.result.points)
    assert seen["state"] == "ended"
    assert seen["tags"] == {"stage": "test"}
    # What the delivery did is told, too, and is no run.
    storage._delivery._thread.join(SECONDS)
    assert shared_stack.get("/api/run", run="multimeter_health")["points"] >= 1
    assert "multimeter_health" not in shared_stack.runs()


PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from test_embedded import CountingProbe
from multimeter import InfluxDBStorage, Multimeter

storage = InfluxDBStorage.from_stack(sys.argv[2])
with Multimeter(CountingProbe(), cycle_time=0.005, storage=storage).measure("killed"):
    print("started", flush=True)
    time.sleep(600)
"""


def test_a_run_whose_program_was_killed_has_its_points_and_has_not_ended(
    shared_stack,
):
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PROGRAM,
            HERE,
            str(shared_stack.config_file),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "started\n"
    wait_until(lambda: entry(shared_stack, "killed").get("points", 0) > 50)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert entry(shared_stack, "killed")["state"] == "live"


def test_a_run_while_the_server_is_down_is_delivered_later_by_the_tool(stack):
    environment = {**stack.environment, "INFLUXDB_V2_URL": ""}
    config = str(stack.config_file)
    stack.run("stop")
    code = (
        "import sys, time\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_embedded import CountingProbe\n"
        "from multimeter import InfluxDBStorage, Multimeter\n"
        "storage = InfluxDBStorage.from_stack(sys.argv[2])\n"
        "multimeter = Multimeter(CountingProbe(), cycle_time=0.01, storage=storage)\n"
        "with multimeter.measure('later') as result:\n"
        "    while len(result.points) < 50:\n"
        "        time.sleep(0.01)\n"
        "print(len(result.points))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, HERE, config],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert "have not arrived yet" in done.stderr
    assert done.stderr.count("multimeter deliver") == 1
    tool = [sys.executable, "-c", "from multimeter.cli import main; main()", "deliver"]
    away = subprocess.run(
        [*tool, "-c", config], env=environment, capture_output=True, text=True, check=False
    )
    assert away.returncode == 1, away.stdout
    assert stack.run("start").returncode == 0
    sent = subprocess.run(
        [*tool, "-c", config], env=environment, capture_output=True, text=True, check=False
    )
    assert sent.returncode == 0, sent.stderr
    assert entry(stack, "later")["points"] == int(done.stdout)
    assert entry(stack, "later")["state"] == "ended"
