from __future__ import annotations

import os
import pathlib
import sys

import pytest

from multimeter.connection import default_config_file
from multimeter.visualization.invocation import command_of, typed

pytestmark = pytest.mark.skipif(os.name != "posix", reason="paths as POSIX has them")


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """An environment of Python with the tool, which is not activated."""
    folder = tmp_path / "my project" / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("python", "multimeter-visu"):
        (folder / name).touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.mark.parametrize(
    ("file", "name", "options"),
    [
        (None, "multimeter", ""),
        (None, "lab", " --name lab"),
        ("/a b/c.json", "lab", " -c '/a b/c.json'"),
    ],
)
def test_a_command_says_which_stack_it_is_for(
    environment, monkeypatch, file, name, options
):
    monkeypatch.setenv("PATH", str(environment))
    path = pathlib.Path(file) if file else default_config_file(name)
    assert command_of("open", path, name) == f"multimeter-visu open{options}"


def test_what_the_shell_finds_is_called_by_its_name(environment, monkeypatch, tmp_path):
    links = tmp_path / "local"
    links.mkdir()
    (links / "multimeter-visu").symlink_to(environment / "multimeter-visu")
    for folder in (environment, links):
        monkeypatch.setenv("PATH", str(folder))
        assert typed("multimeter-visu") == "multimeter-visu"


def test_in_an_environment_that_is_not_activated_the_path_is_typed(
    environment, monkeypatch
):
    monkeypatch.chdir(environment.parents[1])
    assert typed("multimeter-visu") == ".venv/bin/multimeter-visu"
    assert typed("python") == ".venv/bin/python"
    monkeypatch.chdir("/usr")
    assert typed("python") == f"'{environment}/python'"


def test_a_program_of_another_environment_is_not_meant(environment, monkeypatch, tmp_path):
    (tmp_path / "multimeter-visu").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(environment)
    assert typed("multimeter-visu") == "./multimeter-visu"
    assert typed("python") == "./python"


def test_a_program_that_is_not_installed_keeps_its_name(environment):
    (environment / "multimeter-visu").unlink()
    assert typed("multimeter-visu") == "multimeter-visu"
