"""``multimeter run`` stands between a command and its user, and is not to be noticed."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys

import pytest

from multimeter import FileStorage, JsonFormat, LineFormat

ECHO = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
EVERY_BYTE = bytes(range(256)) * 1_000

# Says which signals it gets, until it gets SIGTERM; how often, says the other side.
LISTEN = """
import os, signal, sys, time
def say(number, frame):
    # One signal may come while another is told: a buffered file does not take that.
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
    if number == signal.SIGTERM:
        sys.exit(5)
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"):
    signal.signal(getattr(signal, name), say)
print("ready", flush=True)
while True:
    time.sleep(60)
"""


@pytest.mark.parametrize("exit_code", [0, 1, 3, 125, 255])
def test_the_exit_code_is_that_of_the_command(multimeter, exit_code):
    assert multimeter.run("run", "sh", "-c", f"exit {exit_code}").returncode == exit_code


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "INT"])
def test_a_command_that_was_killed_is_128_and_its_signal(multimeter, name):
    done = multimeter.run("run", "--", "sh", "-c", f"kill -{name} $$")
    assert done.returncode == 128 + getattr(signal, f"SIG{name}")


def test_input_and_output_are_the_same_byte_for_byte(multimeter):
    done = multimeter.run("run", "--", sys.executable, "-c", ECHO, input=EVERY_BYTE)
    assert done.stdout == EVERY_BYTE


def test_the_error_output_begins_with_that_of_the_command(multimeter):
    done = multimeter.run("run", "--", "sh", "-c", "printf 'a\\0b' >&2")
    assert done.stderr.startswith(b"a\0bmultimeter: sh-")


def test_quiet_adds_nothing_to_any_output(multimeter):
    done = multimeter.run("run", "-q", "--", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")


def test_options_after_the_command_are_those_of_the_command(multimeter):
    done = multimeter.run("run", "-q", "echo", "--name", "x", "-q", "--help")
    assert done.stdout == b"--name x -q --help\n"


def test_arguments_that_are_no_text_are_passed_on(multimeter):
    word = os.fsdecode(b"\xff\xfe")
    done = multimeter.run("run", "--name", "bytes", "--", "printf", "%s", word)
    assert (done.returncode, done.stdout) == (0, b"\xff\xfe")
    folder = multimeter.home / ".multimeter" / "runs"
    assert FileStorage(folder, JsonFormat()).load("bytes").meta_data["command"]


@pytest.mark.parametrize(
    ("command", "exit_code", "text"),
    [
        ("no-such-command", 127, "no-such-command: not found."),
        ("./no/such", 127, "./no/such: not found."),
        ("", 127, ": not found."),
        ("/", 126, "/: cannot be run: Permission denied."),
        ("./not-executable", 126, "./not-executable: cannot be run: Permission denied."),
    ],
)
def test_a_command_that_cannot_be_started_is_said(multimeter, command, exit_code, text):
    (multimeter.home / "not-executable").write_text("")
    done = multimeter.run("run", "--", command)
    assert done.returncode == exit_code
    assert done.stderr.decode().strip() == f"multimeter: {text}"
    assert not (multimeter.home / ".multimeter").exists()


def test_a_script_that_does_not_say_who_reads_it_is_one_for_the_shell(multimeter):
    script = multimeter.home / "script"
    script.write_text("echo $1")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    done = multimeter.run("run", "-q", "./script", "hello")
    assert (done.returncode, done.stdout) == (0, b"hello\n")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--tag", "x"), "'x' is not a tag."),
        (("-o", "run.csv"), "cannot be written to 'run.csv'"),
        (("--probe", "nonesuch"), "no probe 'nonesuch'"),
        (("--probe", "python"), "no probe 'python'"),
        (("--cycle-time", "0"), "positive number of seconds"),
        (("--name", "multimeter_runs"), "used by Multimeter itself"),
    ],
)
def test_with_a_wrong_option_the_command_is_not_started(multimeter, options, text):
    done = multimeter.run("run", *options, "--", "touch", "started")
    assert done.returncode == 125
    assert text in done.stderr.decode()
    assert not (multimeter.home / "started").exists()


def test_the_run_lies_in_a_file_with_its_name_and_tags(multimeter):
    words = (
        "--name",
        "my run",
        "--tag",
        "a=b",
        "--tag",
        "c=d=e",
        "--",
        "sh",
        "-c",
        "exit 4",
    )
    done = multimeter.run("run", *words)
    folder = multimeter.home / ".multimeter" / "runs"
    result = FileStorage(folder, JsonFormat()).load("my run")
    assert result.tags == {"a": "b", "c": "d=e"}
    assert result.meta_data["command"] == "sh -c 'exit 4'"
    assert result.meta_data["exit_code"] == 4
    assert b"Show it: multimeter show 'my run'" in done.stderr


def test_a_file_of_line_protocol_can_be_asked_for(multimeter):
    path = multimeter.home / "here.line"
    assert multimeter.run("run", "-o", str(path), "--name", "x", "true").returncode == 0
    with path.open("rb") as file:
        assert LineFormat().load(file).identifier == "x"
    assert not (multimeter.home / ".multimeter").exists()


def test_a_file_that_cannot_be_written_changes_no_exit_code_and_loses_nothing(multimeter):
    (multimeter.home / "file").write_text("")
    done = multimeter.run("run", "-o", "file/run.json", "--name", "x", "sh", "-c", "exit 6")
    assert done.returncode == 6
    assert b"could not be written to" in done.stderr
    assert (multimeter.home / ".multimeter" / "runs" / "x.json").exists()
    assert b"multimeter show x" in done.stderr


def test_json_goes_to_a_file_and_the_summary_stays(multimeter):
    done = multimeter.run("run", "--json", "summary.json", "--", "sh", "-c", "exit 2")
    summary = json.loads((multimeter.home / "summary.json").read_text())
    assert summary["exit_code"] == 2
    assert summary["command"] == "sh -c 'exit 2'"
    assert pathlib.Path(summary["file"]).exists()
    assert b"Duration" in done.stderr


def test_a_json_file_that_cannot_be_written_is_said(multimeter):
    done = multimeter.run("run", "-q", "--json", "no/such", "--", "sh", "-c", "exit 2")
    assert done.returncode == 2
    assert b"no/such cannot be written" in done.stderr


def test_probes_can_be_chosen(multimeter):
    summary = {}
    for name in ("process", "system"):
        multimeter.run("run", "--probe", name, "--name", name, "-o", "runs", "true")
        result = FileStorage(multimeter.home / "runs", JsonFormat()).load(name)
        summary[name] = {each.key for each in result.schema.subjects}
    assert summary["process"] == {"process", "tree"}
    assert summary["system"] > summary["process"]


@pytest.mark.skipif(not hasattr(signal, "sigtimedwait"), reason="not told who sent it")
def test_signals_are_passed_on(multimeter):
    process = multimeter.popen(
        *("run", "-q", "--", sys.executable, "-c", LISTEN),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    for name in (
        "SIGINT",
        "SIGHUP",
        "SIGQUIT",
        "SIGUSR1",
        "SIGUSR2",
        "SIGWINCH",
        "SIGTERM",
    ):
        process.send_signal(getattr(signal, name))
        assert process.stdout.readline().strip() == name
    assert process.wait(30) == 5
    assert process.stdout.read() == ""
    process.stdout.close()


def test_a_command_finds_signals_as_if_nobody_stood_between(multimeter):
    # 32 and 33 are the C library's own: posix_spawn(3) has them ignored.
    code = (
        "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []), "
        "int(open('/proc/self/status').read().split('SigIgn:')[1].split()[0], 16)"
        " & ~0x180000000)"
    )
    measured = multimeter.run("run", "-q", "--", sys.executable, "-c", code)
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert measured.stdout == alone.stdout


def test_files_that_were_handed_over_stay_open(multimeter):
    reading, writing = os.pipe()
    code = f"import os; os.write({writing}, b'x')"
    multimeter.run("run", "-q", "--", sys.executable, "-c", code, pass_fds=[writing])
    os.close(writing)
    assert os.read(reading, 10) == b"x"
    os.close(reading)


class Terminal:
    """A terminal of its own, with a program in its foreground."""

    def __init__(self, words, environment):
        import pty

        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, environment)

    def read_until(self, text):
        seen = b""
        while text not in seen:
            seen += os.read(self.descriptor, 65_536)
        return seen

    def press(self, key):
        os.write(self.descriptor, key)

    def end(self):
        """Read the rest, and return it with the exit code."""
        seen = b""
        with contextlib.suppress(OSError):  # Linux says EIO where it ends
            while data := os.read(self.descriptor, 65_536):
                seen += data
        os.close(self.descriptor)
        return seen, os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="terminals differ")
def test_ctrl_c_reaches_the_command_once_and_the_summary_still_comes(multimeter):
    words = multimeter.words("run", "--", sys.executable, "-c", LISTEN)
    terminal = Terminal(words, multimeter.environment)
    terminal.read_until(b"ready")
    terminal.press(b"\x03")
    seen = terminal.read_until(b"SIGINT")
    terminal.press(b"\x1c")
    seen += terminal.read_until(b"SIGQUIT")
    os.kill(terminal.pid, signal.SIGTERM)
    rest, exit_code = terminal.end()
    seen += rest
    assert [seen.count(each) for each in (b"SIGINT", b"SIGQUIT", b"SIGTERM")] == [1, 1, 1]
    assert exit_code == 5
    assert b"Duration" in seen


@pytest.mark.skipif(sys.platform != "linux", reason="terminals differ")
def test_on_a_terminal_curves_stand_beside_the_figures(multimeter):
    words = multimeter.words("run", "sleep", "0.5")
    seen, exit_code = Terminal(words, multimeter.environment).end()
    assert exit_code == 0
    assert "█" in seen.decode()
    assert "█" not in multimeter.run("run", "sleep", "0.5").stderr.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="terminals differ")
def test_a_command_may_read_from_the_terminal(multimeter):
    code = "print('got', input('? '))"
    words = multimeter.words("run", "-q", "--", sys.executable, "-c", code)
    terminal = Terminal(words, multimeter.environment)
    terminal.read_until(b"? ")
    terminal.press(b"hello\n")
    seen, exit_code = terminal.end()
    assert b"got hello" in seen
    assert exit_code == 0


class WithoutSigwait:
    """``multimeter`` on a system that does not tell who has sent a signal."""

    def __init__(self, multimeter):
        self.environment = multimeter.environment
        gone = "import signal; del signal.sigtimedwait"
        main = f"{gone}; from multimeter.cli import main; main()"
        self.words = [sys.executable, "-c", main, "run"]

    def run(self, *words, **more):
        return subprocess.run(
            [*self.words, *words],
            env=self.environment,
            capture_output=True,
            timeout=60,
            check=False,
            **more,
        )


def test_without_sigwait_a_command_runs_as_well(multimeter):
    tool = WithoutSigwait(multimeter)
    code = ECHO + "; sys.exit(9)"
    done = tool.run("--", sys.executable, "-c", code, input=EVERY_BYTE)
    assert (done.returncode, done.stdout) == (9, EVERY_BYTE)
    assert b"Duration" in done.stderr
    assert tool.run("--", "sh", "-c", "kill -9 $$").returncode == 128 + 9
    assert tool.run("no-such-command").returncode == 127
    assert tool.run("/").returncode == 126


def test_without_sigwait_its_time_and_memory_are_known(multimeter):
    code = "import time\nx = b'x' * (99 << 20)\nwhile time.process_time() < 0.5: pass"
    words = ("--json", "-", "--", sys.executable, "-S", "-c", code)
    figures = json.loads(WithoutSigwait(multimeter).run(*words).stderr)["figures"]
    assert figures["peak_memory"]["value"] > 99 << 20
    assert 0.4 < figures["cpu_time"]["value"] < 1.0


def test_without_sigwait_signals_are_passed_on(multimeter):
    process = subprocess.Popen(
        [*WithoutSigwait(multimeter).words, "-q", "--", sys.executable, "-c", LISTEN],
        env=multimeter.environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # no terminal, so nobody but us sends SIGINT
    )
    assert process.stdout.readline() == "ready\n"
    for name in ("SIGINT", "SIGHUP", "SIGUSR1", "SIGTERM"):
        process.send_signal(getattr(signal, name))
        assert process.stdout.readline().strip() == name
    assert process.wait(30) == 5
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="formats of programs differ")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#!/no/such/python\n", "its interpreter /no/such/python is missing."),
        (b"#! /no/such/python -u\n", "its interpreter /no/such/python is missing."),
        (b"#!/bin/sh\r\necho hi\r\n", "it has Windows line endings."),
        (b"", "it was built for another system."),
    ],
)
def test_what_is_missing_to_run_a_program_is_named(multimeter, content, said):
    path = multimeter.home / "program"
    if not content:
        loader = b"/lib64/ld-linux-x86-64.so.2"
        content = pathlib.Path(sys.executable).resolve().read_bytes()
        if loader not in content:
            pytest.skip("another loader")
        content = content.replace(loader, loader[:-1] + b"9", 1)
    path.write_bytes(content)
    path.chmod(0o755)
    done = multimeter.run("run", "--", "./program")
    assert done.returncode == 127
    assert done.stderr.decode().startswith("multimeter: ./program: ")
    assert done.stderr.decode().rstrip().endswith(said)
