"""A short command is measured without the library, and stored as the library would."""

from __future__ import annotations

import io
import json
import pathlib
import runpy
import subprocess
import sys
import time

import pytest

from multimeter import JsonFormat
from multimeter.analysis.figures import figures_of
from multimeter.analysis.summary import summary_lines
from multimeter.processes import quick_store, run_tables
from multimeter.processes.recording import Recording, Schedule
from multimeter.processes.take_over import result_of

ROOT = pathlib.Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is of Linux")


@pytest.fixture
def runs(multimeter):
    folder = multimeter.home / ".multimeter" / "runs"
    folder.mkdir(parents=True)
    return folder


def test_the_tables_are_those_of_the_library():
    program = runpy.run_path(str(ROOT / ".ci" / "write-run-tables"))
    text = pathlib.Path(run_tables.__file__).read_text(encoding="utf-8")
    assert program["module_text"]() == text, "run .ci/write-run-tables"


COMMANDS = [
    ["true"],
    ["sleep", "0.05"],
    ["sh", "-c", "sleep 0.03 & sleep 0.02; wait; exit 3"],
    ["sh", "-c", "true 'a \"b\" ü \udcff'"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=map(str, range(len(COMMANDS))))
def test_file_and_report_are_those_of_the_library(command, tmp_path, monkeypatch):
    (tmp_path / ".multimeter" / "runs").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("INFLUXDB_V2_URL", raising=False)
    recording = Recording(command)
    try:
        exit_code = recording.finish(
            Schedule(recording.sample, recording.glance, None).look
        )
        ended_ns = recording.time_ns()
    finally:
        recording.child.release()
    lines = quick_store.store(recording, exit_code, ended_ns)
    (path,) = (tmp_path / ".multimeter" / "runs").iterdir()
    quick = json.loads(path.read_text())
    recording.readings.pop()  # the one of the end, which is taken once more
    result = result_of(recording, quick["identifier"], exit_code, ended_ns)
    result.id = quick["id"]
    stream = io.BytesIO()
    JsonFormat().save_result_to_stream(result, stream)
    library = json.loads(stream.getvalue())
    for point in (quick["points"][-1], library["points"][-1]):
        del point["values"]  # the counters of this reading went on to the one after it
    for key, figure in quick["figures"].items():
        assert figure == library["figures"].get(key), key
    assert quick == library
    assert lines[1:-2] == [f"  {line}" for line in summary_lines(result)]
    loaded = JsonFormat().load(io.BytesIO(path.read_bytes()))
    assert loaded.meta_data["exit_code"] == exit_code
    assert {each.id for each in figures_of(loaded)} == set(quick["figures"])


def test_a_short_command_does_not_import_the_library(multimeter, runs):
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from multimeter.cli import main; main(['run', '-q', 'true'])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        env=multimeter.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stderr.split())
    heavy = {"typer", "multimeter.measurement", "dataclasses", "logging", "subprocess"}
    assert not heavy & modules
    assert len(list(runs.iterdir())) == 1


def test_a_run_that_goes_on_is_taken_over_and_counts_from_its_start(multimeter, runs):
    code = "import time\nwhile time.process_time() < 0.15: pass\ntime.sleep(1)"
    done = multimeter.run("run", "--", sys.executable, "-S", "-c", code)
    assert done.returncode == 0
    (path,) = runs.iterdir()
    data = json.loads(path.read_text())
    assert 0.15 < data["figures"]["cpu_time"]["value"] < 0.5
    assert data["figures"]["duration"]["value"] > 1.1
    times = [each["datetime"] for each in data["points"]]
    assert times == sorted(times)
    assert len(times) > 10
    assert any(key.startswith("system.") for key in data["points"][-1]["values"])
    loaded = JsonFormat().load(io.BytesIO(path.read_bytes()))
    used = loaded.values("tree.cpu_time")[-1]
    loaded.known_figures.clear()
    total = {each.id: each.value for each in figures_of(loaded)}["cpu_time"]
    assert total == pytest.approx(used, abs=0.02)


def test_the_first_run_makes_the_folder(multimeter):
    done = multimeter.run("run", "true")
    assert done.returncode == 0
    assert b"Stored in" in done.stderr
    assert len(list((multimeter.home / ".multimeter" / "runs").iterdir())) == 1


def test_a_full_folder_changes_no_exit_code(multimeter, runs):
    done = multimeter.run("run", "sh", "-c", "exit 4", preexec_fn=_tiny_files)
    assert done.returncode == 4
    assert b"not" in done.stderr
    assert not [each for each in runs.iterdir() if each.stat().st_size]


def _tiny_files():
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))


def test_signals_reach_the_command_and_end_it(multimeter, runs):
    process = multimeter.popen("run", "-q", "sleep", "20", stderr=subprocess.PIPE)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if children.read_text().strip():
            break
        time.sleep(0.01)
    process.terminate()
    _, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (128 + 15, b"")
    assert len(list(runs.iterdir())) == 1


def test_a_short_run_has_the_figures_of_a_named_one(multimeter, runs):
    multimeter.run("run", "--name", "named", "true")
    multimeter.run("run", "true")
    named, quick = sorted(runs.iterdir(), key=lambda path: path.name != "named.json")
    first, second = (json.loads(path.read_text()) for path in (named, quick))
    assert {*first["figures"], "peak_pss"} >= second["figures"].keys()
