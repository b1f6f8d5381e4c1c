from __future__ import annotations

import json

from multimeter.errors import MultimeterError
from multimeter.visualization.console import Console
from multimeter.visualization.report import Check

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


LAYERS = [
    ("1", "Pulling from image", 0, 0),
    ("a1", "Downloading", 512, 1024),
    ("b2", "Already exists", 0, 0),
    ("a1", "Pull complete", 0, 0),
    ("", "Status: Downloaded newer image", 0, 0),
]


def test_without_a_terminal_each_layer_is_told_when_it_is_there(capsys):
    with Console().transfer("Pull the image x") as on_layer:
        for layer in LAYERS:
            on_layer(*layer)
    assert capsys.readouterr().out.splitlines() == [
        "Pull the image x ...",
        "  b2: Already exists",
        "  a1: Pull complete",
    ]


def test_on_a_terminal_each_layer_has_a_bar_and_the_image_a_tick(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    with Console().transfer("Pull the image x") as on_layer:
        for layer in LAYERS:
            on_layer(*layer)
    shown = capsys.readouterr().out
    assert "a1 Pull complete" in shown
    assert "0.5/1.0 kB" in shown
    assert "Pulling from" not in shown
    assert shown.rstrip().endswith("Pull the image x")


def test_with_json_nothing_is_told_of_layers_notes_and_checks(capsys):
    console = Console(as_json=True)
    with console.transfer("Pull the image x") as on_layer:
        on_layer(*LAYERS[3])
    console.note("Engine: embedded.")
    console.check(Check("disk", False, "full", "make room"))
    assert capsys.readouterr().out == ""


def test_a_check_that_fails_says_how_to_mend_it(capsys):
    console = Console()
    console.check(Check("disk", True, "70 GiB free", "make room"))
    console.check(Check("port", False, "8086 is taken", "stop it"))
    console.check(Check("neighbours", None, "they can reach it", "upgrade"))
    assert capsys.readouterr().out.splitlines() == [
        "ok    disk: 70 GiB free",
        "FAIL  port: 8086 is taken",
        "      Remedy: stop it",
        "note  neighbours: they can reach it",
        "      Remedy: upgrade",
    ]


def test_an_error_says_what_why_and_what_next(capsys):
    error = MultimeterError("It broke [red].", cause="rust", next_step="oil it")
    Console().error(error, 252)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "Error: It broke [red].\nLikely cause: rust\nNext: oil it\n"
