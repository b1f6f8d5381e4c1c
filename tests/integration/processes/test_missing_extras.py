"""``pip install multimeter`` alone: what needs more names the extra that brings it."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from multimeter.visualization.cli import app
from multimeter.visualization.commands.dashboard import dashboards
from multimeter.visualization.errors import EXTRA_PACKAGES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Nothing but what the plain package needs can be imported.
BARE = """
import importlib.abc, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)
sys.meta_path.insert(0, Refuse())
"""
BLOCKED = EXTRA_PACKAGES | {"urllib3", "anyio", "pymysql", "pyodbc", "pynvml", "IPython"}
VISU = "pip install 'multimeter[visu]'"


@pytest.fixture
def bare(multimeter):
    def run(code, *words):
        code = BARE.format(blocked=set(BLOCKED)) + code
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            env=multimeter.environment,
            cwd=multimeter.home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_packages_are_those_of_the_extra():
    root = pathlib.Path(__file__).parents[3]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    names = {
        name.split(">")[0].split(";")[0].strip().replace("-", "_")
        for name in project["optional-dependencies"]["visu"]
    }
    assert names == EXTRA_PACKAGES


WORDS = {"remove": ["--yes"], "credentials": ["--yes"]}
VERBS = [each.name or each.callback.__name__ for each in app.registered_commands]
OWN = [each.name for each in dashboards.registered_commands]
ARGUMENTS = {"add": ["x.toml"], "remove": ["x"]}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_of_the_stack_names_the_extra(bare, verb):
    main = "from multimeter.visualization import main; main()"
    done = bare(main, verb, *WORDS.get(verb, []))
    assert done.returncode == 252
    assert done.stderr.startswith("Error: The package '")
    assert "'docker'" not in done.stderr
    assert done.stderr.endswith(f"Next: {VISU}\n")
    assert bare(main, verb, "--help").returncode == 0


@pytest.mark.parametrize("verb", OWN)
def test_so_does_each_verb_of_dashboards(bare, verb):
    main = "from multimeter.visualization import main; main()"
    done = bare(main, "dashboard", verb, *ARGUMENTS.get(verb, []))
    assert (done.returncode, done.stderr.splitlines()[-1]) == (252, f"Next: {VISU}")


@pytest.mark.parametrize("name", ["install", "start", "stop", "remove"])
def test_so_does_each_function(bare, name):
    code = (
        "import argparse, multimeter, multimeter.visualization as visu\n"
        f"try: visu.{name}(argparse.Namespace(config_file=None))\n"
        "except multimeter.MissingExtraError as error: print(error)"
    )
    assert VISU in bare(code).stdout


@pytest.mark.parametrize(
    ("words", "exit_code", "text"),
    [
        (["ls"], 0, ""),
        (["show", "x"], 0, ""),
        (["show", "x", "--html", "x.html"], 1, VISU),
        (["compare", "x", "x"], 0, ""),
        (["compare", "x", "x", "--html", "x.html"], 1, VISU),
        (["export", "x"], 0, ""),
        (["export", "x", "-o", "x.parquet"], 1, VISU),
        (["gate", "x", "--max", "duration=99s"], 0, ""),
        (["deliver"], 0, ""),
        (
            ["import", ".multimeter/runs/x.line"],
            1,
            f"{VISU}, then: multimeter-visu install",
        ),
        (["run", "-q", "true"], 0, ""),
    ],
)
def test_the_other_tool_does_what_it_can(bare, multimeter, words, exit_code, text):
    runs = multimeter.home / ".multimeter" / "runs"
    runs.mkdir(parents=True)
    (runs / "x.line").write_text("x v=1 1000000000\n")
    done = bare("from multimeter.cli import main; main()", *words)
    assert done.returncode == exit_code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_who_looks_for_a_stack_is_told_both_steps(bare):
    code = (
        "from multimeter import *\n"
        "try: InfluxDBStorage.from_stack()\n"
        "except NoStackError as error: print(error.next_step)"
    )
    assert bare(code).stdout == f"{VISU}, then: multimeter-visu install\n"


@pytest.mark.parametrize("extra", ["mysql", "odbc"])
def test_a_logger_names_its_extra(bare, extra):
    source = {"mysql": "username='u', password='p'", "odbc": "dsn='x'"}[extra]
    code = (
        "from multimeter import *\n"
        "from multimeter.loggers import ContinuousLogger\n"
        "try: ContinuousLogger(table='t', username='u', password='p', "
        f"measurement_codenames=['a'], {source if extra == 'odbc' else ''})\n"
        "except MissingExtraError as error: print(error.next_step)"
    )
    assert bare(code).stdout == f"pip install 'multimeter[{extra}]'\n"
