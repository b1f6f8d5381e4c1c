from __future__ import annotations

import dataclasses
import os

import pytest

from multimeter.connection import default_config_file
from multimeter.visualization.config import StackConfig, write_config
from multimeter.visualization.ports import reserved_ports

CONFIG = StackConfig("multimeter", "embedded", "http://u", "o", "b", "t", "r", "http://p")


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home


def at_port(port: int, **more: object) -> StackConfig:
    url = f"http://127.0.0.1:{port}"
    return dataclasses.replace(CONFIG, **{"url": url, "page": url, **more})


def test_the_ports_of_all_stacks_but_this_one_are_known(home, tmp_path):
    write_config(default_config_file(), at_port(8086))
    docker = at_port(8090, name="lab", page="http://localhost:3000")
    write_config(default_config_file("lab"), docker)
    write_config(tmp_path / "else" / "mine.json", at_port(8087))
    assert reserved_ports(default_config_file("new")).keys() == {8086, 8090, 3000}
    assert reserved_ports(default_config_file()).keys() == {8090, 3000}
    beside = reserved_ports(tmp_path / "else" / "other.json")
    assert beside.keys() == {8086, 8087, 8090, 3000}
    assert beside[3000] == "the stack 'lab'"
    assert beside[8087] == f"the stack 'multimeter' ({tmp_path}/else/mine.json)"


def test_what_is_no_configuration_of_a_stack_here_has_no_ports(home, tmp_path):
    folder = default_config_file().parent
    folder.mkdir(parents=True)
    (folder / "broken.json").write_text("{")
    (folder / "list.json").write_text("[]")
    (folder / "old.json").write_text('{"environment": {}}')
    (folder / "large.json").write_text(" " * 100_000)
    (folder / "folder.json").mkdir()
    (folder / "gone.json").symlink_to("nowhere")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.json")  # nobody writes to it
    remote = {"url": "https://influxdb.example.org:8086", "page": "http://[::1"}
    write_config(folder / "remote.json", dataclasses.replace(CONFIG, **remote))
    assert reserved_ports(folder / "visu.config.json") == {}
