from __future__ import annotations

import atexit
import json
import shutil
import sys
import time

import pytest
from fakes.write_server import WriteServer, refusal

from multimeter import __version__
from multimeter.cli import main
from multimeter.data.record import Record
from multimeter.delivery import Delivery
from multimeter.sinks.influx import InfluxDBSink
from multimeter.sinks.memory import MemorySink

TOKEN = "T0KEN-very-secret"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("URL", "TOKEN", "ORG", "BUCKET"):
        monkeypatch.delenv(f"INFLUXDB_V2_{name}", raising=False)
    return tmp_path


@pytest.fixture
def server():
    with WriteServer.running() as server:
        yield server


@pytest.fixture
def spool(home):
    return home / ".multimeter" / "spool"


@pytest.fixture
def install(home, server):
    """Describe a stack, as the installer does."""

    def install(url=server.url):
        stack = {"url": url, "org": "kantai", "bucket": "multimeter", "token": TOKEN}
        path = home / ".multimeter" / "visu.config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"version": 1} | stack))
        return path

    return install


@pytest.fixture
def leave(spool, server):
    """Leave points in the spool, as a program does whose server was away."""

    def leave(points, sink=None):
        sink = sink or InfluxDBSink(TOKEN, server.url)
        delivery = Delivery(sink, spool=spool, linger=3600.0)
        for n in range(points):
            delivery.put(Record("m", {}, {"v": float(n)}, n))
        # What is left when it is killed, but in this process.
        atexit.unregister(delivery._at_exit)
        delivery._report = delivery._make_report()
        delivery._thread.stop(time.monotonic() + 120)

    return leave


def run(*words):
    """Run the tool; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["deliver", *map(str, words)])
    return ended.value.code


def test_what_was_left_is_sent(server, install, leave, capsys, spool):
    install()
    leave(5)
    assert run() == 0
    assert len(server.points()) == 5
    assert "5 points delivered" in capsys.readouterr().out
    assert list(spool.iterdir()) == []


def test_without_anything_to_do_it_says_so(capsys, spool):
    assert run() == 0
    assert f"Nothing waits in {spool}" in capsys.readouterr().out


def test_who_only_asks_sends_nothing(server, leave, capsys):
    leave(5)
    assert run("--list") == 0
    out = capsys.readouterr().out
    assert f"5 points wait for influxdb (url {server.url}, org kantai" in out
    assert server.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other links")
def test_a_link_in_a_spool_is_named_and_not_followed(leave, capsys, spool, tmp_path):
    leave(5)
    (folder,) = spool.iterdir()
    folder.rename(tmp_path / folder.name)
    folder.symlink_to(tmp_path / folder.name)
    assert run("--list") == 0
    said = capsys.readouterr()
    assert f"Nothing waits in {spool}" in said.out
    assert f"{folder} is a link or belongs to another user: it is not sent" in said.err


def test_another_folder_can_be_named(server, install, leave, spool, tmp_path):
    install()
    leave(5)
    shutil.move(spool, tmp_path / "usb-stick")
    assert run(tmp_path / "usb-stick") == 0
    assert len(server.points()) == 5


def test_a_server_that_is_away_keeps_all_and_ends_with_1(install, leave, capsys, spool):
    with WriteServer() as gone:
        pass
    install(gone.url)
    leave(5, InfluxDBSink(TOKEN, gone.url))
    assert run() == 1
    assert "5 not delivered yet" in capsys.readouterr().out
    assert run("--list") == 0
    assert "5 points wait" in capsys.readouterr().out


def test_points_that_the_server_refuses_end_with_1(server, install, leave, capsys):
    install()
    leave(2)
    server.answers = [(400, {}, refusal("no"))] * 10
    assert run() == 1
    assert "2 refused by the server" in capsys.readouterr().out


def test_a_server_that_is_not_the_stack_needs_a_token(server, leave, capsys, tmp_path):
    leave(5)
    assert run() == 1
    assert "multimeter deliver --token-file FILE" in capsys.readouterr().err
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert run("--token-file", tmp_path / "token") == 0
    assert len(server.points()) == 5
    assert server.requests[0][1]["Authorization"] == f"Token {TOKEN}"


def test_a_token_file_that_is_not_there_is_wrong_usage(leave, capsys):
    leave(1)
    assert run("--token-file", "nofile") == 2
    assert "nofile does not exist" in capsys.readouterr().err


def test_a_damaged_description_is_found_by_the_stack(server, install, leave, spool):
    leave(5)
    next(spool.glob("*/target.json")).write_text("{")
    assert run() == 1
    install()
    assert run() == 0
    assert len(server.points()) == 5


def test_what_another_version_wrote_is_kept(leave, capsys):
    leave(5, MemorySink())
    assert run() == 1
    assert "no sink of the kind 'memory'" in capsys.readouterr().err
    assert run("--list") == 0


def test_what_a_running_program_owns_is_left_to_it(spool, server, install, capsys):
    install()
    delivery = Delivery(InfluxDBSink(TOKEN, server.url), spool=spool, linger=3600.0)
    delivery.put(Record("m", {}, {"v": 1.0}, 1))
    assert run() == 0
    assert "1 points belong to programs that still run" in capsys.readouterr().out
    assert server.requests == []
    assert delivery.close(120).complete


def test_a_configuration_that_is_not_there_is_a_clear_error(tmp_path, capsys):
    assert run("--config", tmp_path / "none.json") == 1
    assert "multimeter-visu install" in capsys.readouterr().err


def test_the_token_is_never_shown(server, install, leave, capsys):
    install()
    leave(1)
    server.answers = [(401, {}, refusal(f"bad token {TOKEN}"))]
    assert run() == 1
    said = capsys.readouterr()
    assert TOKEN not in said.out + said.err


def test_both_tools_say_their_version(capsys):
    from multimeter.visualization import main as visu

    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    visu(["--version"])
    assert capsys.readouterr().out == f"multimeter {__version__}\n" * 2
