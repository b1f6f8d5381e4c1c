"""``multimeter run`` with a stack: an embedded server that runs, or one that is away."""

from __future__ import annotations

import json
import pathlib
import sys

import pytest

RUN = [sys.executable, "-c", "from multimeter.cli import main; main()", "run"]


def run(tool, *words):
    return tool.call([*RUN, *words], timeout=60)


@pytest.mark.parametrize("command", [("sleep", "0.4"), ("true",)])
def test_a_command_is_on_the_page(shared_stack, command):
    name = command[0]
    done = run(shared_stack, "--name", name, "--tag", "a=b", "--", *command)
    assert done.returncode == 0
    assert f"See it at {shared_stack.config['page']}" in done.stderr
    entry = shared_stack.runs()[name]
    assert entry["tags"] == {"a": "b"}
    assert entry["points"] >= 1
    view = shared_stack.get("/api/run", run=name)
    assert view["meta_data"]["command"] == " ".join(command)
    assert view["meta_data"]["exit_code"] == 0
    assert shared_stack.config["token"] not in done.stderr
    assert not (shared_stack.home / ".multimeter" / "runs").exists()


def test_the_page_and_the_command_agree_on_the_figures(shared_stack):
    code = "import time\nx = b'x' * (60 << 20)\nwhile time.process_time() < 0.4: pass"
    words = ("--name", "agree", "--json", "-", "--", sys.executable, "-S", "-c", code)
    done = run(shared_stack, *words)
    figures = json.loads(done.stderr.splitlines()[-1])["figures"]
    view = shared_stack.get("/api/run", run="agree")
    keys = ("value", "low", "high", "source", "flags")
    page = {each["id"]: [each[key] for key in keys] for each in view["figures"]}
    assert page == {name: [each[key] for key in keys] for name, each in figures.items()}
    shown = shared_stack.call([*RUN[:-1], "show", "agree", "--json"])
    assert json.loads(shown.stdout)["figures"] == figures


def test_a_stack_that_is_away_loses_nothing_and_is_said(tool):
    address = {"url": "http://127.0.0.1:9", "org": "o", "bucket": "b", "token": "T0KEN"}
    tool.config_file.parent.mkdir()
    tool.config_file.write_text(json.dumps({"version": 1} | address))
    done = run(tool, "--name", "away", "--", "sh", "-c", "echo out; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert done.stderr.count("multimeter deliver") == 1
    assert "Once its points have arrived, see it at http://127.0.0.1:9" in done.stderr
    assert "T0KEN" not in done.stderr
    spooled = [p for p in (tool.home / ".multimeter" / "spool").rglob("*") if p.is_file()]
    assert any(b"away" in path.read_bytes() for path in spooled)
    tool.config_file.unlink()  # nothing was installed that could be removed


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nonexistent"])
def test_where_neither_stack_nor_spool_take_a_run_it_is_in_a_file(tool, home):
    environment = {
        "HOME": home,
        "INFLUXDB_V2_URL": "http://127.0.0.1:9",
        "INFLUXDB_V2_TOKEN": "T0KEN",
        "TMPDIR": str(tool.home),
    }
    words = [*RUN, "--json", "x.json", "--name", "away", "--", "sh", "-c", "exit 3"]
    done = tool.call(["env", *(f"{k}={v}" for k, v in environment.items()), *words])
    assert done.returncode == 3
    assert "could not be delivered to http://127.0.0.1:9" in done.stderr
    assert "See it at" not in done.stderr
    assert "they are lost." not in done.stderr.replace("else they are lost.", "")
    summary = json.loads((tool.home / "x.json").read_text())
    assert (summary["url"], summary["page"]) == (None, None)
    assert json.loads(pathlib.Path(summary["file"]).read_text())["identifier"] == "away"
