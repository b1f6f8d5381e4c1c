"""The tool as a user runs it: processes, ports, files and exit codes are real."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import time

import psutil
import pytest
import requests

from multimeter.visualization import stack as stack_module
from multimeter.visualization.console import Console
from multimeter.visualization.examples import example_lines
from multimeter.visualization.stack_spec import StackSpec

EXAMPLE_POINTS = sum(line.startswith(b"example,") for line in example_lines().splitlines())


def links_in(text: str) -> list[str]:
    """Return the lines that are a link, which a person can open."""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line.startswith("http")]


def test_an_install_ends_with_one_link_and_python_that_runs(tool):
    done = tool.run("install", "--port", "0")
    assert done.returncode == 0, done.stderr
    (login,) = links_in(done.stdout)
    page = tool.config["url"] + "/?run=example"
    code = "\n".join(
        line[4:] for line in done.stdout.splitlines() if line.startswith("    ")
    )
    assert len(code.splitlines()) <= 10
    ran = tool.python(code)
    assert ran.returncode == 0, ran.stderr
    assert "Error" not in ran.stderr
    assert tool.runs()["my-run"]["tags"] == {"who": "me"}
    assert ran.stdout == f"Look at {tool.config['url']}/?run=my-run\n"
    again = tool.python(code)
    assert again.stdout == f"Look at {tool.config['url']}/?run=my-run-2\n"
    session = requests.Session()
    assert session.get(page, timeout=30).status_code == 401
    shown = session.get(login, timeout=30)
    assert shown.status_code == 200
    assert "url=/?run=example" in shown.text
    assert session.get(page, timeout=30).status_code == 200


def test_the_example_is_there_with_its_marks(stack):
    example = stack.runs()["example"]
    assert example["points"] == EXAMPLE_POINTS
    labels = [mark["label"] for mark in stack.get("/api/marks", run="example")]
    assert labels == ["load", "hash", "compress in threads", "children", "write", "wait"]


def test_a_second_install_ends_with_254_and_leaves_the_first(stack):
    before = stack.config
    again = stack.run("install", "--port", "0")
    assert again.returncode == 254
    assert "installed already" in again.stderr
    assert "multimeter-visu" in again.stderr
    assert stack.config == before
    assert stack.json("status")["state"] == "running"


def test_stop_and_start_keep_all_data(stack):
    before = stack.runs()
    stopped = stack.run("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert stack.run("status").returncode == 3
    with pytest.raises(requests.ConnectionError):
        requests.get(stack.config["url"] + "/health", timeout=10)
    assert stack.run("start").returncode == 0
    assert stack.runs() == before
    assert "already running" in stack.run("start").stdout


def test_a_stack_that_an_earlier_version_installed_goes_on(stack):
    config, before = stack.config, stack.runs()
    spec = config["engine_state"].pop("spec")
    config["engine_state"] |= {key: spec[key] for key in ("directory", "port")}
    stack.config_file.write_text(json.dumps(config))
    for verb in ("doctor", "stop", "start"):
        done = stack.run(verb)
        assert done.returncode == 0, done.stdout + done.stderr
    assert stack.runs() == before
    assert stack.run("remove", "--yes").returncode == 0
    assert not pathlib.Path(spec["directory"]).exists()


def test_a_doctor_tells_a_server_that_was_stopped_from_one_that_was_killed(stack):
    server = psutil.Process(stack.json("status")["pid"])
    server.kill()
    server.wait(10)
    killed = stack.run("doctor")
    assert killed.returncode == 252
    assert "FAIL  server: it ended without being stopped" in killed.stdout
    assert stack.run("start").returncode == 0
    assert stack.run("stop").returncode == 0
    stopped = stack.run("doctor")
    assert stopped.returncode == 0, stopped.stdout
    assert "note  server: it is stopped; all data is there" in stopped.stdout


def test_a_login_stays_valid_over_a_restart(stack):
    session = requests.Session()
    session.get(stack.json("open")["login"], timeout=30)
    stack.run("stop")
    stack.run("start")
    assert session.get(stack.config["url"] + "/api/runs", timeout=30).status_code == 200


def test_a_logout_is_one_over_a_restart_too(stack):
    url = stack.config["url"]
    sessions = [requests.Session(), requests.Session()]
    for each in sessions:
        each.get(stack.json("open")["login"], timeout=30)
    copies = [each.cookies.copy() for each in sessions]
    out = sessions[0].post(url + "/logout", headers={"Origin": url}, timeout=30)
    assert out.status_code == 200
    stack.server.kill()
    assert stack.run("start").returncode == 0
    found = [requests.get(f"{url}/api/runs", cookies=each, timeout=30) for each in copies]
    assert [each.status_code for each in found] == [401, 200]


def test_a_login_link_works_once_and_then_says_how_to_get_another(stack):
    login = stack.json("open", "example")["login"]
    assert requests.get(login, timeout=30).status_code == 200
    stale = stack.json("open", "example")["login"]
    stack.run("stop")
    stack.run("start")
    for link in (login, stale):
        again = requests.get(link, timeout=30)
        assert again.status_code == 401
        assert "multimeter-visu open" in again.text
        assert "has been used, or is too old" in again.text
        # Who logs in there sees what the link was for.
        assert 'name="next" value="/?run=example"' in again.text


def test_a_used_link_still_leads_a_browser_that_is_logged_in_to_its_run(stack):
    login = stack.json("open", "example")["login"]
    session = requests.Session()
    for _ in range(2):
        shown = session.get(login, timeout=30)
        assert shown.status_code == 200
        assert "url=/?run=example" in shown.text


@pytest.mark.parametrize("verb", ["open", "start"])
def test_a_verb_prints_one_link_that_logs_in(stack, verb):
    done = stack.run(verb)
    assert done.returncode == 0, done.stderr
    (link,) = links_in(done.stdout)
    assert requests.get(link, timeout=30).status_code == 200


@pytest.mark.parametrize("word", ["exam", "@latest", "@1"])
def test_open_finds_a_run_as_the_other_tool_does(stack, word):
    assert stack.json("open", word)["page"] == stack.config["url"] + "/?run=example"


def test_open_says_which_runs_a_word_may_mean(stack):
    stack.write("example-2 value=1")
    assert "2 runs begin with 'exam'" in stack.run("open", "exam").stderr
    assert "Near to it: example" in stack.run("open", "exmple").stderr


def test_over_ssh_the_command_that_forwards_the_port_is_printed(stack):
    port = stack.config["url"].rpartition(":")[2]
    environment = {
        **stack.environment,
        "SSH_CONNECTION": "192.0.2.7 50022 192.0.2.1 22",
        "USER": "ada",
    }
    done = subprocess.run(
        stack.words("open"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f"ssh -L {port}:127.0.0.1:{port} ada@192.0.2.1" in done.stdout
    assert "ssh" not in stack.run("open").stdout


def test_every_tool_prints_the_same_link_for_a_run(stack):
    page = stack.config["url"] + "/?run=my%20run%2F1"
    run = [sys.executable, "-c", "from multimeter.cli import main; main()", "run"]
    done = stack.call([*run, "--name", "my run/1", "--", "sleep", "0.2"])
    assert page in done.stderr
    assert stack.json("open", "my run/1")["page"] == page
    said = stack.python(
        "from multimeter.connection import find_connection;"
        "print(find_connection().page_of('my run/1'))"
    )
    assert said.stdout.strip() == page


def test_remove_leaves_nothing(stack):
    server = stack.server
    assert stack.run("remove", "--yes").returncode == 0
    assert list(stack.home.iterdir()) == []
    # Where nobody collects it, it stays in the list of processes.
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE


def test_remove_asks_and_a_no_changes_nothing(stack):
    done = subprocess.run(
        [sys.executable, "-m", "multimeter.visualization", "remove"],
        env=stack.environment,
        cwd=stack.home,
        capture_output=True,
        input=b"n\n",
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert stack.json("status")["state"] == "running"


def test_remove_leaves_what_is_not_ours(tool):
    mine = tool.home / "lab"
    mine.mkdir()
    (mine / "thesis.tex").write_text("mine")
    assert tool.run("install", "--port", "0", "-d", str(mine)).returncode == 0
    assert (mine / "store.duckdb").exists()
    assert tool.run("remove", "--yes").returncode == 0
    assert [each.name for each in mine.iterdir()] == ["thesis.tex"]


def test_a_taken_port_is_said_with_who_has_it_and_nothing_is_left(tool):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = tool.run("install", "--port", str(port))
    assert done.returncode == 252
    assert f"Port {port} is taken by" in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    assert list(tool.home.iterdir()) == []


@contextlib.contextmanager
def listening(address: str, port: int):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as other:
        # One that another program has already serves as well.
        with contextlib.suppress(OSError):
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((address, port))
            other.listen()
        yield


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0"])
def test_where_the_usual_port_is_taken_the_next_free_one_is_used_from_then_on(
    tool, address
):
    with listening(address, 8086):
        planned = tool.run("install", "--plan")
        done = tool.run("install")
        assert done.returncode == 0, done.stderr
        port = int(tool.config["url"].rpartition(":")[2])
        # The last one counts: another program may have been faster meanwhile.
        said = [line for line in done.stdout.splitlines() if "is taken by" in line][-1]
        assert said.startswith("Port 8086 is taken by ")
        assert said.endswith(f"; this stack uses {port} instead.")
        assert port > 8086
        assert "Port 8086 is taken by" in planned.stdout
        assert f"127.0.0.1:{port}/login?" in done.stdout
        tool.run("stop")
        (link,) = links_in(tool.run("start").stdout)
    assert link.startswith(f"http://127.0.0.1:{port}/")
    assert tool.json("open")["page"] == f"http://127.0.0.1:{port}/"
    sent = tool.python(
        "from multimeter import *\n"
        "with Multimeter(ResourceProbe(), storage=InfluxDBStorage.from_stack())"
        ".measure('sent'): pass"
    )
    assert sent.returncode == 0, sent.stderr
    assert "sent" in tool.runs()


def test_a_script_is_told_of_the_other_port_too(tool):
    with listening("127.0.0.1", 8086):
        said = tool.json("install")
    assert said["url"] == tool.config["url"] != "http://127.0.0.1:8086"
    assert any("Port 8086 is taken by" in each for each in said["notes"])


def test_a_port_that_is_taken_at_the_last_moment_is_passed_over(tool, monkeypatch):
    monkeypatch.setenv("HOME", str(tool.home))
    describe, others = stack_module.describe_stack, []

    def describe_and_lose_the_port(*words):
        config = describe(*words)
        if not others:
            port = int(config.url.rpartition(":")[2])
            others.append(socket.create_server(("127.0.0.1", port)))
        return config

    monkeypatch.setattr(stack_module, "describe_stack", describe_and_lose_the_port)
    spec = StackSpec(engine_name="embedded", port=0)
    try:
        installed = stack_module.install(tool.config_file, spec, Console())
        taken = others[0].getsockname()[1]
    finally:
        for other in others:
            other.close()
    assert installed.config.url == tool.config["url"]
    assert not tool.config["url"].endswith(f":{taken}")
    assert tool.runs()["example"]["points"] == EXAMPLE_POINTS


def test_the_port_of_a_stopped_stack_stays_its_own(stack):
    stack.run("stop")
    port = stack.config["url"].rpartition(":")[2]
    usual = stack.config_file.read_text().replace(port, "8086")
    (stack.config_file.parent / "stopped.config.json").write_text(usual)
    lab = stack.config_file.with_name("lab.config.json")
    try:
        done = stack.run("install", "--name", "lab")
        assert done.returncode == 0, done.stderr
        assert "Port 8086 is used by the stack" in done.stdout
        assert json.loads(lab.read_text())["url"] != "http://127.0.0.1:8086"
        assert "multimeter-visu open --name lab" in done.stdout
    finally:
        stack.run("remove", "--yes", "--name", "lab")
        lab.with_name("stopped.config.json").unlink()


def test_a_start_on_a_port_that_is_taken_says_by_whom_and_both_ways_out(stack):
    before = stack.runs()
    stack.run("stop")
    port = int(stack.config["url"].rpartition(":")[2])
    with listening("127.0.0.1", port):
        done = stack.run("start")
        assert done.returncode == 252
        assert f"Port {port} is taken by" in done.stderr
        assert f"(pid {os.getpid()})" in done.stderr
        assert "multimeter-visu start" in done.stderr
        assert "--port" not in done.stderr  # start has no such option
        assert "multimeter-visu remove --keep-data" in done.stderr
        # As it says: the data moves to another port.
        assert stack.run("remove", "--keep-data", "--yes").returncode == 0
        assert stack.run("install").returncode == 0
    assert stack.runs().keys() == before.keys()
    assert not stack.config["url"].endswith(f":{port}")


def test_a_server_that_was_killed_is_noticed_and_started_again(stack):
    before = stack.runs()
    server = stack.server
    server.kill()
    server.wait(30)
    status = stack.run("status")
    assert status.returncode == 3
    assert stack.run("start").returncode == 0
    assert stack.runs() == before


def test_a_foreign_process_with_our_old_pid_is_never_touched(stack):
    stack.run("stop")
    foreign = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        pid_file = stack.folder / "server.pid"
        created = psutil.Process(foreign.pid).create_time()
        pid_file.write_text(json.dumps({"pid": foreign.pid, "created": created - 50}))
        assert stack.run("status").returncode == 3
        assert "was not running" in stack.run("stop").stdout
        assert stack.run("start").returncode == 0
        assert stack.run("stop").returncode == 0
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_secrets_stand_in_their_file_only(stack):
    stack.python("from multimeter import *; InfluxDBStorage.from_stack()")
    secrets = [stack.config["token"], stack.config["read_token"]]
    process = stack.server
    seen = [" ".join(process.cmdline()), str(process.environ())]
    for verb in ("status", "stop", "start", "open"):
        done = stack.run(verb)
        seen += [done.stdout, done.stderr]
    stack.run("stop")
    files = [each for each in stack.home.rglob("*") if each.is_file()]
    seen += [f.read_bytes().decode("latin-1") for f in files if f != stack.config_file]
    assert len(files) >= 3
    for secret in secrets:
        assert len(secret) >= 43
        assert not [text for text in seen if secret in text]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_every_file_belongs_to_its_owner_alone(tool):
    before = os.umask(0)
    try:
        assert tool.run("install", "--port", "0").returncode == 0
    finally:
        os.umask(before)
    tool.python("from multimeter import InfluxDBStorage")
    for each in (tool.home / ".multimeter").rglob("*"):
        expected = 0o700 if each.is_dir() else 0o600
        assert stat.S_IMODE(each.stat().st_mode) == expected, each


def test_it_listens_on_this_machine_only(stack):
    addresses = {
        each.laddr.ip
        for each in stack.server.net_connections(kind="inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_an_interrupted_install_leaves_nothing(tool):
    """At whatever moment the signal comes, be it when all is done."""
    for milliseconds in (150, 400, 700, 1000):
        process = subprocess.Popen(
            [sys.executable, "-m", "multimeter.visualization", "install", "--port", "0"],
            env=tool.environment,
            cwd=tool.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if tool.config_file.exists():
            assert "installing" not in tool.config
            tool.run("remove", "--yes")
        assert list(tool.home.iterdir()) == []
        assert not _servers_of(tool)


def test_after_a_killed_install_the_next_one_converges(tool):
    for milliseconds in (300, 600, 900):
        process = subprocess.Popen(
            [sys.executable, "-m", "multimeter.visualization", "install", "--port", "0"],
            env=tool.environment,
            cwd=tool.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(milliseconds / 1000)
        process.kill()
        process.wait(60)
        done = tool.run("install", "--port", "0")
        assert done.returncode in (0, 254), done.stderr
        assert tool.runs()["example"]["points"] == EXAMPLE_POINTS
        assert len(_servers_of(tool)) == 1
        assert tool.run("remove", "--yes").returncode == 0
        assert list(tool.home.iterdir()) == []


def _servers_of(tool) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(tool.config_file) in process.cmdline():
                found.append(process)
    return found


def test_serve_runs_in_the_foreground_until_it_is_told_to_end(stack):
    assert "already running in the background" in stack.run("serve").stderr
    stack.run("stop")
    process = subprocess.Popen(
        [sys.executable, "-m", "multimeter.visualization", "serve"],
        env=stack.environment,
        cwd=stack.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        _wait_until_running(stack)
        assert "example" in stack.runs()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert b"Traceback" not in said
    assert not (stack.folder / "store.duckdb.wal").exists()


def _wait_until_running(tool) -> None:
    deadline = time.monotonic() + 60
    while tool.run("status").returncode != 0:
        assert time.monotonic() < deadline


def test_a_server_that_cannot_start_says_why_and_nothing_is_left(tool):
    folder = tool.home / "data"
    folder.mkdir()
    (folder / "store.duckdb").write_bytes(b"this is no store" * 1000)
    done = tool.run("install", "--port", "0", "-d", str(folder))
    assert done.returncode == 252
    assert "store" in done.stderr
    assert "Traceback" not in done.stderr
    assert not tool.config_file.exists()
    assert (folder / "store.duckdb").read_bytes() == b"this is no store" * 1000


def test_a_store_from_before_is_taken_over(stack, tmp_path):
    stack.run("stop")
    kept = stack.config_file.read_text()
    stack.config_file.unlink()
    done = stack.run("install", "--port", "0")
    assert done.returncode == 0, done.stderr
    assert stack.config["token"] != json.loads(kept)["token"]
    assert stack.runs()["example"]["points"] == EXAMPLE_POINTS


def test_a_relative_configuration_works_from_anywhere(tool):
    done = tool.run("install", "--port", "0", "-c", "here.json", "-d", "data")
    assert done.returncode == 0, done.stderr
    try:
        assert (tool.home / "here.json").exists()
        assert (tool.home / "data" / "store.duckdb").exists()
        assert str(tool.home / "here.json") in done.stdout
    finally:
        assert tool.run("remove", "--yes", "-c", "here.json").returncode == 0
    assert list(tool.home.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs chattr")
def test_a_folder_without_permission_is_said(tool):
    read_only = pathlib.Path("/proc/multimeter")
    done = tool.run("install", "--port", "0", "-d", str(read_only))
    assert done.returncode == 252
    assert "cannot be used" in done.stderr
    assert list(tool.home.iterdir()) == []
