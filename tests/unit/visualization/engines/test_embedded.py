from __future__ import annotations

import os

import pytest

from multimeter.visualization.config import StackConfig
from multimeter.visualization.engines.embedded.engine import EmbeddedEngine


@pytest.fixture
def config(tmp_path):
    url = "http://127.0.0.1:9"
    state = {"directory": str(tmp_path / "data"), "port": 9}
    return StackConfig("multimeter", "embedded", url, "o", "b", "w", "r", url, state)


def checks(tmp_path, config):
    engine = EmbeddedEngine(tmp_path / "visu.config.json", config)
    return {each.name: each for each in engine.diagnose()}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_the_doctor_names_a_folder_that_others_may_write_to(tmp_path, config, mode):
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    check = checks(tmp_path, config)["folder"]
    assert not check.ok
    assert check.detail == f"Other users may write to {folder}."
    assert "chmod go-w" in check.mend
    folder.chmod(0o755)
    assert "folder" not in checks(tmp_path, config)


def test_the_doctor_names_a_link_in_place_of_a_file_of_ours(tmp_path, config):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "server.log").symlink_to(tmp_path / "elsewhere")
    assert str(folder / "server.log") in checks(tmp_path, config)["folder"].detail
