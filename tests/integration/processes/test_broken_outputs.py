"""Outputs that are closed, full or without a reader change nothing but what is read."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from multimeter.cli import app
from multimeter.visualization.cli import app as visu

pytestmark = pytest.mark.skipif(
    not pathlib.Path("/dev/full").exists(), reason="this system has no /dev/full"
)

RUN = "run -o out --name x -- sh -c 'exit 5'"
BROKEN = [">/dev/full", ">&-"]
REASONS = {">/dev/full": "No space left on device", ">&-": "Bad file descriptor"}


def shell(tool, line, *, program="multimeter.cli", function="main"):
    """Run a line in a shell, in which ``TOOL`` is the tool."""
    start = f"from {program} import {function}; {function}()"
    return subprocess.run(
        ["bash", "-c", line.replace("TOOL", f'"{sys.executable}" -c "{start}"')],
        env=tool.environment,
        cwd=tool.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "broken",
    [
        "2>&-",
        "2>/dev/full",
        ">&- 2>&-",
        ">/dev/full 2>/dev/full",
        "<&- >&- 2>&-",
        "2>&1 | true; exit ${PIPESTATUS[0]}",
    ],
)
def test_the_exit_code_of_a_command_is_kept_and_its_run_stored(multimeter, broken):
    done = shell(multimeter, f"TOOL {RUN} {broken}")
    assert done.returncode == 5, done.stderr
    assert (multimeter.home / "out" / "x.json").exists()


def test_a_good_command_stays_good(multimeter):
    assert shell(multimeter, "TOOL run -o out -- true 2>&-").returncode == 0


def test_a_command_finds_its_outputs_closed_as_without(multimeter):
    look = "ls /proc/self/fd | tr '\\n' ' '"
    alone = shell(multimeter, f'sh -c "{look}" 2>&-')
    measured = shell(multimeter, f'TOOL run -q -- sh -c "{look}" 2>&-')
    assert measured.stdout == alone.stdout


@pytest.mark.parametrize("broken", ["2>&-", "2>/dev/full"])
def test_attach_ends_as_it_would(multimeter, broken):
    process = subprocess.Popen(["sleep", "60"])
    try:
        words = f"attach {process.pid} --duration 0.1 -o out --name x"
        assert shell(multimeter, f"TOOL {words} {broken}").returncode == 0
        assert (multimeter.home / "out" / "x.json").exists()
    finally:
        process.kill()
        process.wait()


def test_a_terminal_that_is_closed_costs_neither_run_nor_exit_code(multimeter):
    controller, terminal = os.openpty()
    code = (
        "import signal, time; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "open('ready', 'w'); time.sleep(1); raise SystemExit(7)"
    )
    process = multimeter.popen(
        *("run", "-o", "out", "--name", "x", "--", sys.executable, "-c", code),
        cwd=multimeter.home,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        preexec_fn=_take_terminal,
    )
    os.close(terminal)
    ready = multimeter.home / "ready"
    while not ready.exists() and process.poll() is None:
        os.sched_yield()
    os.close(controller)
    assert process.wait(30) == 7
    assert (multimeter.home / "out" / "x.json").exists()


def _take_terminal():
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_attach_stores_what_it_has_when_its_terminal_is_closed(multimeter):
    process = multimeter.popen(
        *("attach", str(os.getpid()), "-o", "out", "--name", "x"),
        cwd=multimeter.home,
    )
    while signal.SIGHUP not in _caught(process.pid):
        assert process.poll() is None
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 0
    assert (multimeter.home / "out" / "x.json").exists()


def _caught(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    mask = int(text.split("SigCgt:")[1].split()[0], 16)
    return {number for number in signal.Signals if mask >> (number - 1) & 1}


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nonexistent"])
@pytest.mark.parametrize("options", ["", "-o /proc/nonexistent/x"])
def test_a_run_that_nothing_takes_is_kept_among_temporary_files(multimeter, home, options):
    line = f"HOME={home} TMPDIR=$PWD TOOL run --json - {options} -- sh -c 'exit 3'"
    done = shell(multimeter, line)
    assert done.returncode == 3
    assert done.stderr.count("could not be written") == 2  # one for people, one in JSON
    assert "storage.store" not in done.stderr
    assert "edited" not in done.stderr
    summary = json.loads(done.stderr.splitlines()[-1])
    path = pathlib.Path(summary["file"])
    assert path.exists()
    assert path.parent.parent == multimeter.home
    assert "could not be written" in summary["trouble"]


def test_a_run_that_is_lost_is_not_said_to_be_stored(multimeter):
    code = (
        "import tempfile; tempfile.tempdir = '/dev/null'; "
        "from multimeter.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--json", "x.json", "--", "sh", "-c", "exit 3"],
        env={**multimeter.environment, "HOME": "/dev/null"},
        cwd=multimeter.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "The run is lost" in done.stderr
    assert "-o FOLDER" in done.stderr
    assert not any(
        word in done.stderr for word in ("Stored in", "Show it", "storage.store")
    )
    assert json.loads((multimeter.home / "x.json").read_text())["file"] is None


def test_without_processes_to_look_at_a_command_runs_unmeasured(multimeter):
    line = "mount -t tmpfs none /proc && TOOL run --name x -- sh -c 'exit 4'"
    done = shell(multimeter, f"unshare -m bash -c '{line.replace(chr(39), chr(34))}'")
    if "unshare" in done.stderr or "mount" in done.stderr.partition("multimeter")[0]:
        pytest.skip("no namespaces here")
    assert done.returncode == 4
    assert "/proc is empty" in done.stderr
    assert "Stored in" not in done.stderr


def test_in_a_folder_that_is_gone_a_command_is_measured_all_the_same(multimeter):
    done = shell(multimeter, "mkdir d; cd d; rmdir ../d; TOOL run -- true")
    assert done.returncode == 0
    assert "Stored in" in done.stderr


VERBS = {
    "ls": ["ls", "ls --json"],
    "show": ["show x", "show x --json"],
    "compare": ["compare x y", "compare x y --json"],
    "export": [f"export x --format {form}" for form in ("csv", "json", "line")],
    "gate": ["gate x --max duration=99", "gate x --max duration=99 --json"],
    "deliver": ["deliver"],
    "bench": ["bench --repeat 2 true", "bench --repeat 2 true --json"],
    "rm": ["rm x --yes"],
    "selftest": ["selftest --help"],
    "import": ["import --help"],
    "run": ["run --help"],
    "attach": ["attach --help"],
}


def test_no_verb_is_left_out():
    assert set(VERBS) == {
        each.name or each.callback.__name__ for each in app.registered_commands
    }


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("words", [each for some in VERBS.values() for each in some])
def test_an_output_that_takes_nothing_is_one_line_and_1(multimeter, words, broken):
    runs = multimeter.home / ".multimeter" / "runs"
    runs.mkdir(parents=True)
    for name in "xy":
        (runs / f"{name}.line").write_text(f"{name} process.cpu=1 1000000000\n")
    done = shell(multimeter, f"TOOL {words} {broken}")
    assert done.returncode == 1, done.stderr
    assert done.stderr == f"The output cannot be written: {REASONS[broken]}.\n"


VISU = {
    "install": ["install --plan --port 0"],
    "status": ["status", "status --json"],
    "open": ["open --no-browser", "open --json"],
    "logs": ["logs"],
    "doctor": ["doctor", "doctor --json"],
    "credentials": ["credentials --yes"],
    "start": ["start"],
    "stop": ["stop --help"],
    "remove": ["remove --help"],
    "demo": ["demo --seconds 1"],
    "serve": ["serve --help"],
}


def test_no_verb_of_the_stack_is_left_out():
    verbs = {each.name or each.callback.__name__ for each in visu.registered_commands}
    assert set(VISU) == verbs


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(
    "words", ["dashboard list", *(each for some in VISU.values() for each in some)]
)
def test_so_it_is_with_the_stack(shared_stack, words, broken):
    if words.startswith("install"):
        words += " -c other.json"
    done = shell(shared_stack, f"TOOL {words} {broken}", program="multimeter.visualization")
    assert done.returncode == 1, done.stderr
    assert done.stderr == f"The output cannot be written: {REASONS[broken]}.\n"


def test_an_install_that_nobody_reads_is_done(tool):
    done = shell(tool, "TOOL install --port 0 >&-", program="multimeter.visualization")
    assert done.returncode == 1
    assert tool.json("status")["state"] == "running"


def test_a_reader_that_has_enough_hears_nothing(multimeter):
    done = shell(multimeter, "TOOL --help | true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("options", ["", "-o rel", "--json rel.json", "-o rel/x.json"])
def test_folders_that_vanish_meanwhile_change_no_exit_code(multimeter, options):
    line = (
        "export HOME=$PWD/home TMPDIR=$PWD/temporary CURRENT=$PWD/current; "
        "mkdir $HOME $TMPDIR $CURRENT; cd $CURRENT; "
        f"TOOL run --name x {options} -- sh -c 'rm -rf $HOME $TMPDIR $CURRENT; exit 3'"
    )
    done = shell(multimeter, line)
    assert done.returncode == 3
    assert len(list(multimeter.home.rglob("x.json"))) == 1


def test_a_home_without_room_is_no_place_for_a_run(multimeter):
    line = (
        "mkdir full && mount -t tmpfs -o size=64k none full && "
        "dd if=/dev/zero of=full/fill bs=1k 2>dd; "
        "HOME=$PWD/full TMPDIR=$PWD TOOL run --name x -- sh -c 'exit 3'"
    )
    done = shell(multimeter, f"unshare -m bash -c '{line.replace(chr(39), chr(34))}'")
    if "unshare" in done.stderr or "mount" in done.stderr.partition("multimeter")[0]:
        pytest.skip("no namespaces here")
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    (path,) = multimeter.home.rglob("x.json")
    assert f"Stored in {path.relative_to(multimeter.home)}" in done.stderr
