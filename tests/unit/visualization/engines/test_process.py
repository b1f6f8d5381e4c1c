from __future__ import annotations

import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.engines.embedded import process as process_module
from multimeter.visualization.engines.embedded.process import (
    ServerProcess,
    deferred_signals,
    wait_for_end,
)
from multimeter.visualization.errors import StoreFullError


@pytest.mark.parametrize("free", [0, 10**9])
def test_a_server_that_does_not_start_says_why_and_what_to_do(tmp_path, monkeypatch, free):
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    folder = DataFolder(tmp_path)
    folder.log.write_text("The store is damaged.\n")
    error = ServerProcess(folder, tmp_path / "c.json")._not_started("ended with code 1")
    assert isinstance(error, StoreFullError) == (free == 0)
    if free:
        assert "The store is damaged." in error.what
        assert "multimeter-visu doctor" in error.next_step
    else:
        assert "is full" in error.what
        assert "Free some space" in error.next_step


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_comes_when_its_time_has_come(number):
    came = []
    before = signal.signal(number, lambda each, _frame: came.append(each))
    try:
        with deferred_signals():
            signal.raise_signal(number)
            assert came == []
        assert came == [number]
    finally:
        signal.signal(number, before)


def test_a_process_has_ended_though_its_parent_does_not_collect_it(monkeypatch):
    monkeypatch.setattr(process_module, "_COLLECT_SECONDS", 0.0)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = psutil.Process(child.pid)
    assert not wait_for_end(process, 0)
    process.kill()
    assert wait_for_end(process, 60)
    child.communicate()
    assert wait_for_end(process, 0)
