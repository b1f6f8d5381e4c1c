"""Whose folders a stack uses, and who can look into them, with the real tool."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")

EXAMPLE = pathlib.Path(__file__).parents[3] / "docs" / "example-dashboard.toml"
SPOOL_FIRST = """
from multimeter.loggers import ContinuousLogger
from multimeter.delivery.spool import default_spool
from multimeter.sinks.influx import InfluxDBSink
sink, spool = InfluxDBSink("any", "http://127.0.0.1:9"), default_spool()
logger = ContinuousLogger("t", measurement_codenames=["a"], sink=sink, spool=spool)
logger.start()
logger.enqueue_point("a", (1.0, 2.0))
logger.flush(0)
logger.stop()
"""


def open_to_others(folder):
    """Return what others could look into, or write to."""
    found = [folder, *folder.rglob("*")]
    return [str(each) for each in found if each.lstat().st_mode & 0o077]


@pytest.fixture
def masked(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


RUN_FIRST = """
from multimeter import Multimeter, ResourceProbe
from multimeter.storages.file import FileStorage, JsonFormat
from multimeter.storages.file import runs_folder
storage = FileStorage(runs_folder(), JsonFormat())
with Multimeter(ResourceProbe(), cycle_time=0.1, storage=storage).measure("first"):
    pass
"""


@pytest.mark.parametrize("masked", [0o000, 0o022], indirect=True)
@pytest.mark.parametrize("code", [SPOOL_FIRST, RUN_FIRST], ids=["spool", "run"])
def test_our_folder_is_private_whoever_makes_it_first(tool, masked, code):
    made = tool.python(code)
    assert made.returncode == 0, made.stderr
    (folder,) = tool.home.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir())


@pytest.mark.parametrize("masked", [0o000, 0o077], indirect=True)
def test_all_is_private_whatever_the_umask_and_whoever_made_it_first(tool, masked):
    made = tool.python(SPOOL_FIRST)
    assert made.returncode == 0, made.stderr
    assert (tool.home / ".multimeter" / "spool").is_dir()
    done = tool.run("install", "--port", "0")
    assert done.returncode == 0, done.stderr
    assert tool.run("dashboard", "add", str(EXAMPLE)).returncode == 0
    code = "from multimeter.cli import main; main()"
    command = [sys.executable, "-c", code, "run", "--", sys.executable, "-c", "pass"]
    assert tool.call(command, stdin=subprocess.DEVNULL).returncode == 0
    assert open_to_others(tool.home / ".multimeter") == []
    doctor = tool.run("doctor")
    assert doctor.returncode == 0, doctor.stdout


def test_a_folder_that_was_left_open_is_closed_with_a_message(tool):
    folder = tool.home / ".multimeter"
    folder.mkdir()
    folder.chmod(0o777)
    done = tool.run("install", "--port", "0")
    assert done.returncode == 0, done.stderr
    assert f"{folder} was open to other users" in done.stderr
    folder.chmod(0o777)
    doctor = tool.run("doctor")
    assert doctor.returncode == 252
    assert f"chmod go-w {folder}" in doctor.stdout
    status = tool.run("status")
    assert f"{folder} was open to other users" in status.stderr
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_folder_of_another_user_gets_nothing_and_loses_nothing(tool):
    theirs = tool.home / "theirs"
    theirs.mkdir()
    precious = tool.home / "precious"
    precious.write_text("mine")
    (theirs / "server.log").symlink_to(precious)
    (theirs / "store.duckdb.wal").symlink_to(tool.home / "new")
    os.chown(theirs, 65534, 65534)
    theirs.chmod(0o777)
    before = sorted(theirs.iterdir())
    for words in (["-d", str(theirs)], ["-c", str(theirs / "visu.config.json")]):
        done = tool.run("install", "--port", "0", *words)
        assert done.returncode == 252
        assert f"{theirs} belongs to another user" in done.stderr
    os.chown(theirs, 0, 0)
    done = tool.run("install", "--port", "0", "-d", str(theirs))
    assert "Other users may write to" in done.stderr
    theirs.chmod(0o700)
    done = tool.run("install", "--port", "0", "-d", str(theirs))
    assert "is a link" in done.stderr
    assert sorted(theirs.iterdir()) == before
    assert precious.read_text() == "mine"
    assert not (tool.home / "new").exists()
    assert not tool.config_file.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_configuration_that_another_user_put_there_leads_nowhere(stack):
    stack.config_file.rename(stack.config_file.with_name("old.json"))
    stack.config_file.write_text(stack.config_file.with_name("old.json").read_text())
    os.chown(stack.config_file, 65534, 65534)
    for verb in ("status", "open", "start", "stop", "doctor", "demo", "logs"):
        done = stack.run(verb)
        assert done.returncode == 252, verb
        assert "belongs to another user" in done.stdout + done.stderr
    os.chown(stack.config_file, 0, 0)
    assert stack.run("status").returncode == 0
