from __future__ import annotations

import json

import pytest

from multimeter import ConfigurationError, Result
from multimeter.programs.destination import find_destination
from multimeter.storages.influx import InfluxDBStorage
from multimeter.storages.rescue import rescue, runs_folder

TOKEN = "T0KEN-very-secret"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("URL", "TOKEN", "ORG", "BUCKET"):
        monkeypatch.delenv(f"INFLUXDB_V2_{name}", raising=False)
    return tmp_path


def install(home, **more):
    stack = {"url": "http://127.0.0.1:1", "org": "o", "bucket": "b", "token": TOKEN}
    path = home / ".multimeter" / "visu.config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"version": 1, "page": "http://page"} | stack | more))


def stored(destination):
    destination.storage.store(Result(identifier="run"))
    return destination.path.read_text()


def test_without_a_stack_runs_go_to_a_folder_at_home(home):
    destination = find_destination(None, "run")
    assert destination.path == home / ".multimeter" / "runs" / "run.json"
    assert '"run"' in stored(destination)


def test_an_installed_stack_gets_the_run(home):
    install(home)
    destination = find_destination(None, "run")
    assert isinstance(destination.storage, InfluxDBStorage)
    assert (destination.path, destination.page) == (
        None,
        "http://page/d/6V5fU2t7r/multimeter?var-measurementId=run",
    )
    assert TOKEN not in repr(destination)
    destination.close()


def test_a_damaged_stack_is_said_and_the_run_goes_to_the_folder(home):
    install(home, version=99)
    destination = find_destination(None, "run")
    assert destination.path.parent == runs_folder()
    assert "version" in str(destination.trouble)


@pytest.mark.parametrize(
    ("name", "start"), [("a.json", "{"), ("b.line", "multimeter_runs")]
)
def test_a_file_is_exactly_that_file(home, name, start):
    destination = find_destination(home / "deep" / name, "run")
    assert destination.path == home / "deep" / name
    assert stored(destination).startswith(start)


def test_a_folder_gets_a_file_with_the_name_of_the_run(home):
    assert find_destination(home / "new", "run").path == home / "new" / "run.json"
    (home / "with.dot").mkdir()
    assert find_destination(home / "with.dot", "../x").path.parent == home / "with.dot"


def test_an_unknown_ending_is_a_clear_error(home):
    with pytest.raises(ConfigurationError, match=r"\.csv.*\n.*\.json or \.line"):
        find_destination(home / "run.csv", "run")


def test_a_run_that_could_not_be_stored_is_rescued_to_the_folder():
    path = rescue(Result(identifier="run"))
    assert path == runs_folder() / "run.json"
    assert path.exists()
