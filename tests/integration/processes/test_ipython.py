"""The magics in a real IPython."""

from __future__ import annotations

import atexit

import pytest

from multimeter import FileStorage, JsonFormat, Result


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    shell.run_line_magic("load_ext", "multimeter")
    yield shell
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()


def test_a_cell_is_measured_and_its_result_is_a_variable(shell, capsys):
    done = shell.run_cell(
        "%%multimeter --name my-cell -o used\nnumbers = [1, 2]\nsum(numbers)"
    )
    assert done.success
    assert done.result == 3
    assert shell.user_ns["numbers"] == [1, 2]
    assert isinstance(shell.user_ns["used"], Result)
    assert shell.user_ns["used"].identifier == "my-cell"
    output = capsys.readouterr().out
    assert "Duration" in output
    assert "Peak memory" in output


def test_a_statement_is_measured_as_it_stands(shell, capsys):
    done = shell.run_cell("%multimeter text = 'two  spaces -o -q'")
    assert done.success
    assert shell.user_ns["text"] == "two  spaces -o -q"
    assert isinstance(shell.user_ns["_multimeter"], Result)
    assert "CPU time" in capsys.readouterr().out


def test_quiet_prints_nothing(shell, capsys):
    shell.run_cell("%%multimeter -q\nvalue = 1")
    assert capsys.readouterr().out == ""


def test_an_error_of_the_cell_is_its_error_and_the_result_is_there(shell, capsys):
    done = shell.run_cell("%%multimeter\nx = 1\n1 / 0")
    assert isinstance(done.error_in_exec, ZeroDivisionError)
    assert isinstance(shell.user_ns["_multimeter"], Result)
    assert capsys.readouterr().out.count("ZeroDivisionError") <= 2


def test_magics_work_in_a_cell_that_is_measured(shell):
    shell.run_cell("%%multimeter -q\nfiles = %pwd")
    assert shell.user_ns["files"]


def test_runs_can_be_kept_in_files(shell, tmp_path):
    shell.run_cell(f"%%multimeter -q --name kept --store {tmp_path / 'runs'}\npass")
    loaded = FileStorage(tmp_path / "runs", JsonFormat()).load("kept")
    assert loaded == shell.user_ns["_multimeter"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("%%multimeter --cycle-time x\n1", "--cycle-time is a number of seconds, not x."),
        ("%%multimeter --cycle-time 0\n1", "positive number of seconds"),
        ("%%multimeter --name multimeter_runs\n1", "used by Multimeter itself"),
        ("%%multimeter what\n1", "'what' is no option"),
        ("%%multimeter --what\n1", "what"),
        ("%%multimeter -o 1x\n1", "'1x' cannot be the name of a variable."),
        ("%%multimeter -o v.w\n1", "'v.w' cannot be the name of a variable."),
        ("%%multimeter -o class\n1", "'class' cannot be the name of a variable."),
    ],
)
def test_a_wrong_option_is_a_clear_error_and_nothing_runs(shell, capsys, cell, text):
    done = shell.run_cell(f"{cell}\nran = True")
    assert not done.success
    assert "ran" not in shell.user_ns
    captured = capsys.readouterr()
    assert text in captured.out + captured.err
    assert "Traceback" not in captured.out + captured.err


@pytest.mark.parametrize("last", ["await 1", "1 +", "return 1"])
def test_a_cell_that_cannot_be_compiled_runs_not_even_in_part(shell, last):
    done = shell.run_cell(f"%%multimeter\nran = True\n{last}")
    assert isinstance(done.error_in_exec, SyntaxError)
    assert "ran" not in shell.user_ns


def test_quotes_around_an_option_are_not_part_of_it(shell):
    done = shell.run_cell("%%multimeter -q --name \"my run\" -o 'v'\n1")
    assert done.success
    assert shell.user_ns["v"].identifier == "my run"
