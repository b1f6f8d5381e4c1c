"""The example package of the documents, as if it had been installed."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import multimeter

EXAMPLE = pathlib.Path(__file__).parents[3] / "docs" / "example-probe"

USE = """
import os, sys
from multimeter import Multimeter
from multimeter.probes import default_probes
names = [type(each).__name__ for each in default_probes()]
print("FolderProbe" in names)
if "FolderProbe" in names:
    for sampler, pid in (("thread", None), ("process", os.getpid())):
        multimeter = Multimeter(*default_probes(pid), sampler=sampler)
        with multimeter.measure() as result:
            pass
        values = result.points[-1].values
        print(values["folder.files_waiting"], values["folder.bytes_waiting"])
"""


def install(folder):
    """Put what pip would put into a folder: the module and its entry points."""
    module = EXAMPLE / "multimeter_folder_probe.py"
    (folder / module.name).write_text(module.read_text())
    project = (EXAMPLE / "pyproject.toml").read_text()
    (group,) = re.findall(r'^\[project\.entry-points\."(.+)"\]$', project, re.MULTILINE)
    (entry,) = re.findall(r'^folder = "(.+)"$', project, re.MULTILINE)
    info = folder / "multimeter_folder_probe-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: multimeter-folder-probe\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nfolder = {entry}\n")


def use(folder, **environment):
    paths = os.pathsep.join((str(folder), str(pathlib.Path(multimeter.__path__[0]).parent)))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_an_installed_probe_is_used_by_default_and_in_a_helper(tmp_path):
    install(tmp_path)
    waiting = tmp_path / "waiting"
    waiting.mkdir()
    (waiting / "one").write_text("12345")
    (waiting / "two").write_text("678")
    assert use(tmp_path, MULTIMETER_FOLDER=str(waiting)) == ["True", "2 8", "2 8"]


def test_an_installed_probe_that_has_nothing_to_measure_is_left_out(tmp_path):
    install(tmp_path)
    assert use(tmp_path, MULTIMETER_FOLDER="") == ["False"]
