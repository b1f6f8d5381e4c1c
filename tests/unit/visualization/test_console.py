from __future__ import annotations

import json

from multimeter.errors import MultimeterError
from multimeter.visualization.console import Console

LONG = "http://127.0.0.1:8086/login?code=" + "x" * 300


def test_links_are_never_broken_into_lines(capsys):
    Console().table({"log in": LONG})
    assert f"  log in  {LONG}\n" == capsys.readouterr().out


def test_without_a_terminal_steps_are_plain_lines(capsys):
    with Console().step("Start the server"):
        pass
    assert capsys.readouterr().out == "Start the server ...\n"


def test_with_json_there_is_one_object_and_nothing_else(capsys):
    console = Console(as_json=True)
    with console.step("Start"):
        console.line("text")
        console.heading("text")
        console.table({"a": "b"})
    console.result({"page": LONG, "text": "größe [bold]"})
    assert json.loads(capsys.readouterr().out) == {"page": LONG, "text": "größe [bold]"}


def test_without_json_results_are_not_printed(capsys):
    Console().result({"page": LONG})
    assert capsys.readouterr().out == ""


def test_an_error_says_what_why_and_what_next(capsys):
    error = MultimeterError("It broke [red].", cause="rust", next_step="oil it")
    Console().error(error, 252)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "Error: It broke [red].\nLikely cause: rust\nNext: oil it\n"
