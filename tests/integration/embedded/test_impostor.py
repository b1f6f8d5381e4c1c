"""A program that listens on the port of a stopped stack: nothing of ours goes to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from fakes.impostor import ANSWERS, Impostor

LINES = b"imported v=1 1700000000000000000\nimported v=2 1700000001000000000\n"


@pytest.fixture
def stopped(stack):
    assert stack.run("stop").returncode == 0
    return stack


def multimeter(stack, *words):
    return stack.call(
        [sys.executable, "-c", "from multimeter.cli import main; main()", *words],
        stdin=subprocess.DEVNULL,
    )


def secrets_in(received, config):
    """Return what must not be there: tokens, and names and values of points."""
    kept = [config["token"], config["read_token"]]
    names = ["Authorization", "imported", "cpu_rate", "multimeter_runs", "login-codes"]
    return [each for each in kept + names if each.encode().lower() in received.lower()]


@pytest.mark.parametrize("answer", ["no content", "redirect"])
def test_no_verb_gives_it_anything_and_the_server_gets_all_later(stopped, answer):
    lines = stopped.home / "run.line"
    lines.write_bytes(LINES)
    config = stopped.config
    with Impostor.running(
        ANSWERS[answer], config["engine_state"]["spec"]["port"]
    ) as impostor:
        code = [sys.executable, "-c", "pass"]
        ran = multimeter(stopped, "run", "--name", "while-away", "--", *code)
        assert ran.returncode == 0, ran.stderr
        assert "did not prove" in ran.stderr
        assert "multimeter-visu start" in ran.stderr
        for words in (["ls"], ["show", "example"], ["export", "example"]):
            asked = multimeter(stopped, *words)
            assert "did not prove" in asked.stderr
        for words in (["import", str(lines)], ["deliver"]):
            asked = multimeter(stopped, *words)
            assert asked.returncode == 1
            assert "did not prove" in asked.stdout + asked.stderr
        opened = stopped.run("open")
        assert opened.returncode == 252
        assert "login?code" not in opened.stdout
        assert stopped.run("demo", "--seconds", "1").returncode == 252
        assert stopped.run("status").returncode == 3
        doctor = stopped.run("doctor")
        assert doctor.returncode == 252
        assert f"pid {os.getpid()}" in doctor.stdout
        assert f"pid {os.getpid()}" in stopped.run("start").stderr
        stopped.run("logs")
        assert secrets_in(impostor.received, config) == []
        assert b"/ping" in impostor.received
    assert stopped.run("start").returncode == 0
    delivered = multimeter(stopped, "deliver")
    assert delivered.returncode == 0, delivered.stdout + delivered.stderr
    said = json.loads(multimeter(stopped, "show", "while-away", "--json").stdout)
    assert stopped.runs()["while-away"]["points"] == said["points"] > 0


def test_a_connection_in_the_environment_gives_it_nothing_either(stopped):
    config = stopped.config
    port = config["engine_state"]["spec"]["port"]
    found = {"INFLUXDB_V2_URL": f"http://localhost:{port}", "INFLUXDB_V2_ORG": "kantai"}
    code = """
import os, sys
from multimeter import InfluxDBStorage, Multimeter
from multimeter.probes import ProcessProbe
os.environ.update({found!r}, INFLUXDB_V2_TOKEN={token!r})
storage = InfluxDBStorage.from_stack(end_timeout=1)
meter = Multimeter(ProcessProbe(), cycle_time=0.05, storage=storage, sampler="process")
with meter.measure("by-environment"):
    pass
storage.close()
""".format(found=found, token=config["token"])
    with Impostor.running(ANSWERS["no content"], port) as impostor:
        ran = stopped.python(code)
        assert ran.returncode == 0, ran.stderr
        assert "did not prove" in ran.stderr
        assert secrets_in(impostor.received, config) == []
    stopped.run("start")
    token = stopped.home / "token"
    token.write_text(config["token"])
    sent = multimeter(stopped, "deliver", "--token-file", str(token))
    assert sent.returncode == 0, sent.stderr
    assert stopped.runs()["by-environment"]["points"] > 0


def test_a_program_that_runs_on_delivers_when_the_server_is_back(stopped):
    port = stopped.config["engine_state"]["spec"]["port"]
    code = """
import sys
from multimeter.loggers import ContinuousLogger
logger = ContinuousLogger.to_stack(["a"], reconnect_waittime=0.2)
logger.start()
for number in range(1000):
    logger.enqueue_point("a", (1_700_000_000 + number, number))
print("waits", logger.flush(1), flush=True)
sys.stdin.readline()
print("all", logger.flush(30), flush=True)
logger.stop()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=stopped.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        with Impostor.running(ANSWERS["no content"], port) as impostor:
            assert program.stdout.readline() == "waits False\n"
            assert secrets_in(impostor.received, stopped.config) == []
        assert stopped.run("start").returncode == 0
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.stdout.readline() == "all True\n"
        program.stdin.close()
        assert program.wait(30) == 0
    (log,) = stopped.get("/api/logs")
    assert log["points"] == 1000
