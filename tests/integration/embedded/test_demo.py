"""The demonstration as a user runs it, into a stack that the real tool installed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from multimeter.visualization.dashboards.definition import DELIVERY_COLUMNS
from multimeter.visualization.examples.simulation import CODENAMES

RUN = "multimeter.visualization"


def test_a_demonstration_has_something_for_every_view(shared_stack):
    said = shared_stack.json("demo", "shown", "--seconds", "2")
    assert said["complete"] is True
    assert said["page"] == f"{shared_stack.config['url']}/?run=shown"
    run = shared_stack.runs()["shown"]
    assert run["tags"] == {"demo": "training", "seed": "7"}
    assert run["points"] > 10
    labels = [mark["label"] for mark in shared_stack.get("/api/marks", run="shown")]
    assert labels[1:6] == [f"epoch {number}" for number in range(1, 6)]
    panels = {
        each["title"]: each for each in shared_stack.get("/api/run", run="shown")["panels"]
    }
    assert {"CPU", "Memory"} <= set(panels)
    assert panels["model.loss"]["unit"] == "nats"
    assert panels["model.loss"]["series"][0]["description"]
    deliveries = shared_stack.get("/api/health")["deliveries"]
    assert {each.id for each in DELIVERY_COLUMNS} <= deliveries[0]["counts"].keys()
    logged = {each["codename"]: each for each in shared_stack.get("/api/logs")}
    assert {name: logged[name]["unit"] for name in CODENAMES} == {
        name: unit for name, (unit, _) in CODENAMES.items()
    }


def test_the_link_comes_before_the_work_and_the_end_says_how_to_see_it_again(shared_stack):
    done = shared_stack.run("demo", "again", "--seconds", "1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    link = next(n for n, line in enumerate(lines) if "/login?code=" in line)
    assert link < next(n for n, line in enumerate(lines) if "load the data" in line)
    assert lines[-1].strip().startswith("Show it again: ")
    assert lines[-1].endswith("multimeter-visu open again")


def test_an_interrupt_ends_the_run_in_order_and_leaves_no_file(shared_stack, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", RUN, "demo", "cut", "--seconds", "60"],
        env={**shared_stack.environment, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    while "load the data" not in process.stdout.readline():
        assert process.poll() is None
    assert [each.name for each in tmp_path.iterdir()] != []
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Interrupted; the data measured so far is stored." in out
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
    assert shared_stack.runs()["cut"]["points"] > 0


def test_a_stopped_stack_is_said_to_be_stopped(stack):
    stack.run("stop")
    done = stack.run("demo", "--json")
    assert done.returncode == 252
    assert "multimeter-visu start" in json.loads(done.stdout)["error"]["next_step"]
