"""Dashboards of one's own, as a user adds and removes them."""

from __future__ import annotations

import json

import pytest

from multimeter.visualization.examples import EXAMPLE

MINE = """
title = "Mine"

[[panels]]
title = "All memory"
measures = ["*.memory_rss_max"]
unit = "bytes"
axis = "log"
description = "Of the process and its children."
"""


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    return str(file)


def panels(stack):
    shown = stack.get("/api/run", run=EXAMPLE)["panels"]
    return [each for each in shown if each["group"] == "Mine"]


def test_a_dashboard_shows_at_once_and_goes_again(stack, file):
    done = stack.run("dashboard", "add", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Added 'Mine' as mine: 1 panel.")
    (panel,) = panels(stack)
    assert (panel["title"], panel["unit"], panel["axis"]) == ("All memory", "bytes", "log")
    assert panel["description"] == "Of the process and its children."
    assert {each["key"]: each["scale"] for each in panel["series"]} == {
        "children.memory_rss_max": 1024.0,
        "process.memory_rss_max": 1024.0,
    }
    (listed,) = stack.json("dashboard", "list")["dashboards"]
    assert (listed["name"], listed["panels"]) == ("mine", ["All memory"])
    assert stack.json("dashboard", "add", file)["replaced"] is True
    assert stack.run("dashboard", "remove", "mine").returncode == 0
    assert panels(stack) == []


def test_it_goes_with_the_stack_and_stays_with_its_data(stack, file):
    stack.run("dashboard", "add", file)
    kept = stack.config_file.with_name("visu.config.json.dashboards")
    assert stack.run("remove", "--yes", "--keep-data").returncode == 0
    assert [each.name for each in kept.iterdir()] == ["mine.toml"]
    assert stack.run("install", "--port", "0").returncode == 0
    assert len(panels(stack)) == 1
    assert stack.run("remove", "--yes").returncode == 0
    assert list(stack.home.iterdir()) == []


def test_a_file_that_cannot_be_used_is_refused_and_nothing_changes(shared_stack, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(MINE.replace("unit", "units"))
    done = shared_stack.run("dashboard", "add", str(file), "--json")
    assert done.returncode == 252
    said = json.loads(done.stdout)["error"]
    assert "an unknown key 'units'" in said["what"]
    assert shared_stack.json("dashboard", "list")["dashboards"] == []


def test_a_stopped_stack_shows_it_when_it_is_started(stack, file):
    stack.run("stop")
    assert stack.run("dashboard", "add", file).returncode == 0
    assert stack.run("status").returncode == 3
    stack.run("start")
    assert len(panels(stack)) == 1


@pytest.mark.parametrize("words", [("add", "x.toml"), ("list",), ("remove", "x")])
def test_without_a_stack_there_is_nothing_to_show_it(tool, words):
    done = tool.run("dashboard", *words)
    assert done.returncode == 253
    assert "multimeter-visu install" in done.stderr
    assert list(tool.home.iterdir()) == []
