"""Runs in a real embedded server, brought there and read back by the real tool."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from multimeter import FileStorage, JsonFormat, LineFormat, Result
from multimeter.lines.protocol import portable_measurement

S = 10**9
START = 1_700_000_000
pytestmark = pytest.mark.integration


def make(name, points=5, start=START):
    result = Result(identifier=name, tags={"who": 'me, "you"'})
    for number in range(points):
        result.append(
            (start + number) * S + 1, {"rig.load": number / 7, "rig.state": "ä\nb"}
        )
    result.add_mark((start + 2) * S, "half <way>")
    result.add_meta_data(command="python train.py")
    return result


def loaded(path):
    with path.open("rb") as stream:
        return JsonFormat().load(stream)


@pytest.fixture(scope="module")
def multimeter(shared_stack):
    """Run ``multimeter`` as a user of the stack does."""

    def run(*words, **more):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from multimeter.cli import main; main()",
                *map(str, words),
            ],
            env=shared_stack.environment,
            cwd=shared_stack.home,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
            **more,
        )
        assert "Traceback" not in done.stderr
        assert shared_stack.config["read_token"] not in done.stdout + done.stderr
        return done

    return run


@pytest.mark.parametrize("name", ["plain", 'my "run", ${x} a=b', "ä/ö\\x"])
def test_a_run_comes_back_equal_from_the_stack(multimeter, shared_stack, tmp_path, name):
    result = make(name)
    storage = FileStorage(tmp_path, LineFormat())
    storage.store(result)
    done = multimeter("import", storage.path(name))
    assert done.returncode == 0, done.stderr
    assert "1 of 1 runs are at" in done.stdout
    output = tmp_path / "back.json"
    assert multimeter("export", name, "-o", output).returncode == 0
    back = loaded(output)
    back.schema = result.schema  # nobody described the measures
    assert back == result


def test_the_example_of_the_stack_is_listed_shown_and_judged(multimeter, shared_stack):
    listed = json.loads(multimeter("ls", "--json").stdout)
    example = next(run for run in listed["runs"] if run["identifier"] == "example")
    assert example["where"] == shared_stack.config["url"]
    assert example["state"] == "ended"
    assert example["figures"]["peak_memory"]["value"] > 2**20
    shown = multimeter("show", "exam")
    assert shown.returncode == 0, shown.stderr
    assert "compress in threads" in shown.stdout
    assert "\nCPU\n" in shown.stdout
    assert multimeter("gate", "example", "--max", "peak_memory=10TiB").returncode == 0
    assert multimeter("gate", "example", "--max", "peak_memory=1kB").returncode == 1


def test_a_folder_is_imported_and_what_is_damaged_is_said(multimeter, tmp_path):
    for number in range(3):
        FileStorage(tmp_path, JsonFormat()).store(make(f"many-{number}"))
    (tmp_path / "bad.json").write_text("{")
    done = multimeter("import", tmp_path)
    assert done.returncode == 1
    assert "3 of 4 runs are at" in done.stdout
    assert "bad.json did not arrive" in done.stderr
    names = multimeter("ls", "many").stdout
    assert all(f"many-{number}" in names for number in range(3))


def test_a_reader_that_goes_away_hears_nothing(multimeter, shared_stack, tmp_path):
    FileStorage(tmp_path, JsonFormat()).store(make("long", 20_000))
    tool = "from multimeter.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", tool, "export", str(tmp_path / "long.json")],
        env=shared_stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"time,")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_stack_that_stops_is_said_and_does_not_break_a_list(stack):
    def run(*words):
        code = f"from multimeter.cli import main; main({list(words)!r})"
        return stack.python(code)

    assert "example" in run("ls").stdout
    stack.run("stop")
    listed = run("ls")
    assert listed.returncode == 0
    assert "multimeter-visu start" in listed.stderr
    shown = run("show", "example")
    assert shown.returncode == 1
    assert "does not answer" in shown.stderr
    assert "Traceback" not in listed.stderr + shown.stderr


@pytest.mark.parametrize("name", ["removed", 'my "removed", ${x} a=b', "ä/removed\\x"])
def test_a_run_is_removed_from_the_stack_and_no_other(
    multimeter, shared_stack, tmp_path, name
):
    storage = FileStorage(tmp_path, LineFormat())
    for each in (name, f"{name}-2"):
        storage.store(make(each))
        assert multimeter("import", storage.path(each)).returncode == 0
    done = multimeter("rm", name, "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Removed: ")
    listed = json.loads(multimeter("ls", "--json").stdout)
    names = [run["identifier"] for run in listed["runs"]]
    # The embedded server knows a run by its measurement.
    assert portable_measurement(name) not in names
    assert portable_measurement(f"{name}-2") in names
    again = multimeter("rm", name, "--yes")
    assert again.returncode == 1
    assert "There is no run" in again.stderr
    # The name may come again.
    assert multimeter("import", storage.path(name)).returncode == 0
    output = tmp_path / "back.json"
    assert multimeter("export", name, "-o", output).returncode == 0
    assert len(loaded(output).points) == 5
