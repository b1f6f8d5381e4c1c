"""The verbs of ``multimeter`` with runs in InfluxDB: listed, read back and judged."""

from __future__ import annotations

import io
import json
import sys

import pytest

from multimeter import JsonFormat, LineFormat, Result
from multimeter.lines.protocol import decode
from multimeter.lines.result_decoder import decode_result
from multimeter.visualization.examples import example_lines

MULTIMETER = [sys.executable, "-c", "from multimeter.cli import main; main()"]
ODD = 'a "run", ${x} \\ größe'


@pytest.fixture(scope="module")
def multimeter(shared_stack):
    """Run a verb as a user of the stack does."""

    def run(verb, *words, exit_code=0, config=True):
        named = ["--config", str(shared_stack.config_file)] if config else []
        done = shared_stack.call([*MULTIMETER, verb, *words, *named], timeout=120)
        assert done.returncode == exit_code, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def brought(multimeter, shared_stack):
    """A run with an odd name, brought in from a file."""
    result = Result(identifier=ODD, tags={"who": "me, you=us"})
    for second in range(5):
        result.append((1_700_000_000 + second) * 10**9, {"rig.load": second / 2})
    result.add_mark(1_700_000_002 * 10**9, "half")
    result.add_meta_data(command="x")
    path = shared_stack.home / "odd.json"
    with path.open("wb") as stream:
        JsonFormat().save_result_to_stream(result, stream)
    done = multimeter("import", str(path))
    assert "1 of 1 runs" in done.stdout
    return result


def test_runs_are_listed_with_what_they_have_used(multimeter, brought):
    runs = {
        each["identifier"]: each
        for each in json.loads(multimeter("ls", "--json").stdout)["runs"]
    }
    assert runs["example"]["state"] == "ended"
    example = decode_result(decode(example_lines().decode()))
    assert runs["example"]["points"] == len(example.points)
    assert runs["example"]["figures"]["peak_memory"]["value"] > 2**20
    assert runs[ODD]["tags"] == brought.tags


def test_a_run_comes_back_equal(multimeter, brought):
    exported = multimeter("export", ODD, "--format", "line").stdout
    assert LineFormat().load(io.BytesIO(exported.encode())) == brought
    example = multimeter("export", "example", "--format", "line").stdout
    assert LineFormat().load(io.BytesIO(example.encode())) == decode_result(
        decode(example_lines().decode())
    )


def test_a_run_is_shown_compared_and_judged(multimeter, brought):
    shown = multimeter("show", "example").stdout
    assert "Peak memory" in shown
    compared = multimeter("compare", "example", ODD).stdout
    assert "Duration" in compared
    multimeter("gate", "example", "--max", "peak_memory=1GiB")
    broken = multimeter("gate", "example", "--max", "peak_memory=1MiB", exit_code=1)
    assert "BROKEN" in broken.stdout


def test_a_run_is_removed_with_its_entry_and_marks(multimeter, shared_stack):
    names = ['to "go", ${x} \\', "to stay"]
    for name in names:
        result = Result(identifier=name)
        result.append(1_700_000_000 * 10**9, {"rig.load": 1.0})
        result.add_mark(1_700_000_000 * 10**9, "half")
        path = shared_stack.home / "rm.json"
        with path.open("wb") as stream:
            JsonFormat().save_result_to_stream(result, stream)
        multimeter("import", str(path))
    done = multimeter("rm", names[0], "--yes")
    assert done.stdout.startswith("Removed: ")
    listed = json.loads(multimeter("ls", "--json").stdout)["runs"]
    left = [each["identifier"] for each in listed]
    assert names[0] not in left
    assert names[1] in left
    assert "There is no run" in multimeter("rm", names[0], "--yes", exit_code=1).stderr
