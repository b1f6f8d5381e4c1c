"""A kill or a loss of power at any moment, on any disk: what was promised is there."""

from __future__ import annotations

import os
import sys

import pytest
from fakes.crash.disk import PAGE, Disk
from fakes.crash.files import FILES
from fakes.crash.recorder import Recorder
from fakes.crash.spool import SCRIPTS, SpoolWorkload, spilling

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        sys.platform != "linux" or sys.version_info < (3, 11),
        reason="the calls of other systems, and of pathlib of Python 3.10, are not seen",
    ),
]

TIERS = ("spool", "spool+fsync")


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda each: each.__name__)
def test_what_was_put_arrives_once_after_a_crash(explore, script, tier):
    explore(SpoolWorkload(script, tier))


def test_what_memory_could_not_hold_arrives_once_after_a_kill(explore):
    explore(SpoolWorkload(spilling, "spool"))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_whole_after_a_crash(explore, name):
    explore(FILES[name])


@pytest.mark.parametrize("name", [*FILES, *(each.__name__ for each in SCRIPTS)])
def test_nothing_goes_past_the_recorder(name, tmp_path):
    scripts = {each.__name__: SpoolWorkload(each, "spool+fsync") for each in SCRIPTS}
    workload = {**FILES, **scripts}[name]
    root = tmp_path / "root"
    root.mkdir()
    recorder = Recorder(root)
    with recorder.recording():
        workload.run(root, recorder.note)
    (tree,) = Disk(recorder, "kill", PAGE).crashes(len(recorder.operations), None, 1)
    found = {
        os.path.relpath(path, root): None if path.is_dir() else path.read_bytes()
        for path in root.rglob("*")
    }
    assert tree == found
