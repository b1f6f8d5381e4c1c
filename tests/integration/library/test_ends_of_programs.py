"""Programs that end without ending what they measure."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

START = """
import logging, os, sys, threading, time
from multimeter import *
from multimeter.probes import ProcessProbe

def storage():
    return {storage}

def is_wanted(record):
    return 'missed' not in record.getMessage()

logging.getLogger('multimeter').addFilter(is_wanted)
measurement = Multimeter(
    ProcessProbe(), cycle_time=0.02, storage=storage(), sampler="{sampler}"
).measure("run")
def enough():
    while len(measurement.result.times_ns) < 3:
        time.sleep(0.01)
"""

ENDINGS = {
    "falls off": "measurement.start(); enough()",
    "sys.exit": "measurement.start(); enough(); sys.exit(3)",
    "exception": "measurement.start(); enough(); raise ValueError('mine')",
    "started in a thread": (
        "thread = threading.Thread(target=measurement.start); thread.start(); "
        "thread.join(); enough()"
    ),
    "a thread goes on": (
        "measurement.start(); "
        "threading.Thread(target=lambda: (time.sleep(0.2), enough())).start()"
    ),
    "ended by the program's own handler": (
        "import atexit; atexit.register(measurement.end); measurement.start(); enough()"
    ),
    "a child leaves by sys.exit": (
        "measurement.start(); enough()\nif os.fork() == 0:\n    sys.exit(0)\nos.wait()"
    ),
    "in a child of multiprocessing": (
        "import multiprocessing as mp\n"
        "def work():\n    measurement.start(); enough()\n"
        "child = mp.get_context('fork').Process(target=work)\nchild.start(); child.join()"
    ),
}
EXIT_CODES = {"sys.exit": 3, "exception": 1}


def end(tool, ending, storage, sampler="thread"):
    code = START.format(storage=storage, sampler=sampler) + ENDINGS[ending]
    done = tool.python(code)
    assert done.returncode == EXIT_CODES.get(ending, 0), done.stderr
    last = done.stderr.splitlines()[-1:]
    assert last == (["ValueError: mine"] if ending == "exception" else [])
    assert done.stderr.count("Traceback") == (ending == "exception")


@pytest.mark.parametrize("sampler", ["thread", "process"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_run_is_in_its_file_and_says_that_it_was_cut_off(tool, ending, sampler):
    if sampler == "process" and "child" in ending:
        pytest.skip("the helper looks at the process that started it")
    end(tool, ending, "FileStorage('out', JsonFormat())", sampler)
    (path,) = (tool.home / "out").iterdir()
    run = json.loads(path.read_text())
    assert run["meta_data"]["interrupted"] is True
    assert len(run["points"]) >= 3


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("live", [True, False])
def test_the_run_has_ended_in_the_stack(shared_stack, ending, live):
    name = f"{ending} {live}"
    storage = f"InfluxDBStorage.from_stack(live={live})"
    ending_code = ENDINGS[ending]
    code = START.format(storage=storage, sampler="thread") + ending_code
    done = shared_stack.python(code.replace('measure("run")', f"measure({name!r})"))
    assert done.returncode == EXIT_CODES.get(ending, 0), done.stderr
    assert done.stderr.count("Traceback") == (ending == "exception")
    assert done.stderr == "" or ending == "exception"
    view = shared_stack.get("/api/run", run=name)
    assert view["state"] == "ended"
    assert view["meta_data"]["interrupted"] is True
    assert view["points"] >= 3


def test_the_helper_sends_the_run_whole(shared_stack):
    code = START.format(storage="InfluxDBStorage.from_stack()", sampler="process")
    code = code.replace('measure("run")', 'measure("helped")') + ENDINGS["falls off"]
    done = shared_stack.python(code)
    assert (done.returncode, done.stderr) == (0, "")
    view = shared_stack.get("/api/run", run="helped")
    assert (view["state"], view["meta_data"]["interrupted"]) == ("ended", True)


def test_what_cannot_be_stored_is_one_line(tmp_path):
    code = START.format(
        storage="FileStorage('/dev/null/x', JsonFormat())", sampler="thread"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + ENDINGS["falls off"]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)
    assert "still on when the program ended" in done.stderr


def test_a_run_that_is_ended_in_order_says_nothing_of_that(tool):
    code = START.format(storage="FileStorage('out', JsonFormat())", sampler="thread")
    done = tool.python(code + "measurement.start(); enough(); measurement.end()")
    assert (done.returncode, done.stderr) == (0, "")
    (path,) = (tool.home / "out").iterdir()
    assert "interrupted" not in json.loads(path.read_text())["meta_data"]


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize("sampler", ["thread", "process"])
def test_a_program_whose_outputs_are_closed_is_measured(tool, sampler, closed):
    code = START.format(storage="FileStorage('out', JsonFormat())", sampler=sampler)
    (tool.home / "program.py").write_text(code + ENDINGS["falls off"])
    done = tool.call(["bash", "-c", f'"{sys.executable}" program.py {closed}'])
    assert done.returncode == 0
    (path,) = (tool.home / "out").iterdir()
    assert len(json.loads(path.read_text())["points"]) >= 3
