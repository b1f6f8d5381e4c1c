from __future__ import annotations

import inspect

import pytest

from multimeter.commands.attach import attach
from multimeter.commands.run import run
from multimeter.processes.options import ATTACH, OPTIONS, RUN, parse_attach, parse_run


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["true"], {"command": ["true"]}),
        (["--", "ls", "-l"], {"command": ["ls", "-l"]}),
        (["ls", "-l", "--", "x"], {"command": ["ls", "-l", "--", "x"]}),
        (["-q", "--wait-all", "x"], {"quiet": True, "wait_all": True, "command": ["x"]}),
        (["--name", "a", "--name=b", "x"], {"name": "b", "command": ["x"]}),
        (["-o", "-", "x"], {"storage": "-", "command": ["x"]}),
        (["--tag", "a=1", "--tag=b=2", "x"], {"tag": ["a=1", "b=2"], "command": ["x"]}),
        (["--cycle-time", "0.5", "x"], {"cycle_time": 0.5, "command": ["x"]}),
        (["--json", "-", "--", "--help"], {"json": "-", "command": ["--help"]}),
    ],
)
def test_words_of_run_are_understood(words, arguments):
    assert parse_run(words) == arguments


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--"],
        ["-q"],
        ["--help"],
        ["--nme", "x", "true"],
        ["--name"],
        ["-qo", "x", "true"],
        ["-o=x", "true"],
        ["--quiet=1", "true"],
        ["--cycle-time", "fast", "true"],
        ["--duration", "1", "true"],
    ],
)
def test_all_other_words_are_left_to_typer(words):
    assert parse_run(words) is None


def test_words_of_attach_are_understood():
    assert parse_attach(["12", "-q", "--duration", "2"]) == {
        "pid": 12,
        "quiet": True,
        "duration": 2.0,
    }
    assert parse_attach(["--json", "-", "--", "12"]) == {"pid": 12, "json": "-"}


@pytest.mark.parametrize(
    "words",
    [["0"], ["x"], ["1", "2"], [], ["1", "--duration", "-1"], ["1", "--duration", "nan"]],
)
def test_what_attach_does_not_understand_is_left_to_typer(words):
    assert parse_attach(words) is None


@pytest.mark.parametrize(("function", "keys"), [(run, RUN), (attach, ATTACH)])
def test_both_parsers_have_the_same_options(function, keys):
    parameters = set(inspect.signature(function).parameters)
    assert parameters - {"command", "pid"} == set(keys)
    assert set(keys) <= OPTIONS.keys()
