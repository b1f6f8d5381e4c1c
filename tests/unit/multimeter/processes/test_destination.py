from __future__ import annotations

import json
import pathlib
import tempfile

import pytest

from multimeter import ConfigurationError, Result, StorageError
from multimeter.processes.destination import find_destination
from multimeter.storages.file import rescue, runs_folder
from multimeter.storages.influx import InfluxDBStorage

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


def stored(destination, identifier="run"):
    return destination.storage.keep(Result(identifier=identifier))


def test_without_a_stack_runs_go_to_a_folder_at_home(home):
    path = stored(find_destination(None))
    assert path == home / ".multimeter" / "runs" / "run.json"
    assert '"run"' in path.read_text()


def test_an_installed_stack_gets_the_run(home):
    install(home)
    destination = find_destination(None)
    assert isinstance(destination.storage, InfluxDBStorage)
    assert destination.stack.page_of("run") == (
        "http://page/d/6V5fU2t7r/multimeter?var-measurementId=run"
    )
    assert TOKEN not in repr(destination)
    destination.close()


def test_a_damaged_stack_is_said_and_the_run_goes_to_the_folder(home):
    install(home, version=99)
    destination = find_destination(None)
    assert destination.storage.save_directory == runs_folder()
    assert "version" in str(destination.stack_error)


@pytest.mark.parametrize(
    ("name", "start"), [("a.json", "{"), ("b.line", "multimeter_runs")]
)
def test_a_file_is_exactly_that_file(home, name, start):
    path = stored(find_destination(home / "deep" / name))
    assert path == home / "deep" / name
    assert path.read_text().startswith(start)


def test_a_file_that_is_there_already_is_kept_beside_the_new_one(home):
    path = home / "a.json"
    path.write_text("mine")
    for name in ("first", "second"):
        stored(find_destination(path), name)
    assert '"second"' in path.read_text()
    assert '"first"' in (home / "a-2.json").read_text()
    assert (home / "a-1.json").read_text() == "mine"


def test_a_folder_gets_a_file_with_the_name_of_the_run(home):
    assert stored(find_destination(home / "new")) == home / "new" / "run.json"
    (home / "with.dot").mkdir()
    path = stored(find_destination(home / "with.dot"), "../x")
    assert path.parent == home / "with.dot"


def test_an_unknown_ending_is_a_clear_error(home):
    with pytest.raises(ConfigurationError, match=r"\.csv.*\n.*\.json or \.line"):
        find_destination(home / "run.csv")


def test_a_run_that_could_not_be_stored_is_rescued_to_the_folder():
    path = rescue(Result(identifier="run"))
    assert path == runs_folder() / "run.json"
    assert path.exists()


def test_where_home_takes_nothing_a_run_is_rescued_to_a_folder_of_its_own(
    home, monkeypatch
):
    (home / "file").write_text("")
    monkeypatch.setenv("HOME", str(home / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    path = rescue(Result(identifier="run"))
    assert path.parent.parent == home
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.exists()


def test_where_nothing_takes_a_run_the_first_reason_is_said(home, monkeypatch):
    (home / "file").write_text("")
    monkeypatch.setenv("HOME", str(home / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(home / "file"))
    with pytest.raises(StorageError, match=r"\.multimeter/runs/run\.json"):
        rescue(Result(identifier="run"))


def test_a_working_folder_that_is_gone_refuses_relative_paths_only(home, monkeypatch):
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match="begins with /"):
        find_destination(pathlib.Path("x.json"))
    assert stored(find_destination(home / "x.json")) == home / "x.json"
