"""No process that we start imports anything from the current folder."""

from __future__ import annotations

import _imp
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import multimeter

SECONDS = 300
INSTALLED = (
    *("numpy", "duckdb", "uvicorn", "starlette", "psutil", "h11", "anyio", "jinja2"),
    *("typer", "click", "rich", "plotly", "requests", "certifi", "pymysql", "pynvml"),
    *("sitecustomize", "usercustomize", "multimeter", "visualization"),
)

MEASURE = """
from multimeter import Multimeter
from multimeter.probes import ProcessProbe, SamplerProbe, SystemProbe

probes = ProcessProbe(), SamplerProbe(), SystemProbe()
with Multimeter(*probes, cycle_time=0.02, sampler="process").measure("x") as result:
    sum(range(10_000_000))
assert result.points
"""
# As in a notebook: the current folder is searched, but all that is needed was imported.
NOTEBOOK = f"""
import os, sys
with open(os.devnull, "w") as sys.stdout:
    warm_up = {MEASURE!r}
    exec(warm_up)
    sys.path.insert(0, "")
    os.chdir(sys.argv[1])
    exec(warm_up)
"""
WORKLOAD = """
from multimeter.visualization.examples.simulation import compress_in_child
compress_in_child(1_000)
"""
STACK = """
import sys
from multimeter.visualization import main
for words in ("install --engine embedded --port 0", "status", "stop", "start"):
    sys.argv[1:] = words.split()
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, (words, ended.code)
"""
DEMO = """
import sys
from multimeter.visualization import main
sys.argv[1:] = ["demo"]
main()
"""
RUN = """
import sys
from multimeter.cli import main
sys.argv[1:] = ["run", "--", sys.executable, "-I", "-c", "print('done')"]
main()
"""
UNINSTALL = """
import sys
from multimeter.visualization import main
sys.argv[1:] = ["remove", "--yes"]
main()
"""


@pytest.fixture
def poisoned(tmp_path):
    """A folder full of modules that leave a trace when they are imported."""
    folder, trace = tmp_path / "poisoned", tmp_path / "trace"
    folder.mkdir()
    names = [*sys.stdlib_module_names, *INSTALLED]
    for name in names:
        if name not in sys.builtin_module_names and not _imp.is_frozen(name):
            text = f"with open({str(trace)!r}, 'a') as stream: stream.write({name!r} + ' ')"
            (folder / f"{name}.py").write_text(text)
    yield folder
    assert not trace.exists(), trace.read_text()


@pytest.fixture
def run(tmp_path, poisoned):
    """Run a program that lies elsewhere, from within the poisoned folder."""

    def run(source, *flags, arguments=(), **environment):
        program = tmp_path / "program.py"
        program.write_text(source)
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, *flags, str(program), *map(str, arguments)],
            cwd=poisoned,
            env={
                **os.environ,
                "HOME": str(home),
                "DOCKER_HOST": f"unix://{home}/no-docker.sock",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.mark.parametrize("source", [MEASURE, WORKLOAD, RUN], ids=["helper", "work", "run"])
def test_a_process_that_is_started_imports_nothing_from_the_current_folder(run, source):
    run(source)


def test_the_helper_of_a_notebook_imports_nothing_from_the_current_folder(
    run, poisoned, tmp_path
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(f"import os; os.chdir({str(elsewhere)!r})" + NOTEBOOK, arguments=[poisoned])


@pytest.mark.parametrize("flag", ["-I", "-E"])
@pytest.mark.parametrize("source", [MEASURE, WORKLOAD], ids=["helper", "work"])
def test_what_the_program_does_not_search_its_children_do_not_search(
    run, source, flag, poisoned
):
    run(source, flag, PYTHONPATH=str(poisoned))


def test_the_server_imports_nothing_from_the_current_folder_nor_from_its_own(
    run, poisoned, tmp_path
):
    data = tmp_path / "home" / ".multimeter" / "embedded"
    data.mkdir(parents=True)
    data.chmod(0o700)
    data.parent.chmod(0o700)
    for module in poisoned.iterdir():
        (data / module.name).write_text(module.read_text())
    try:
        run(STACK)
        run(DEMO)
    finally:
        run(UNINSTALL)


PROBE = """
from multimeter import Measure, Metric, Probe, Subject

MEASURE = Measure(Subject("rig", "the rig"), Metric("which", "which", "", str))

class Which(Probe):
    measures, metrics, subjects = (MEASURE,), (MEASURE.metric,), (MEASURE.subject,)

    def for_process(self, process):
        return self

    def sample(self, values, time_elapsed):
        import device
        values[MEASURE.key] = device.__file__
"""
OWN_PATH = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from multimeter import Multimeter
from which import Which

with Multimeter(Which(), cycle_time=0.02, sampler="process").measure("x") as result:
    pass
(found,) = {value for point in result.points for value in point.values.values()} - {None}
print(found)
"""


def test_the_helper_has_the_package_of_the_program_though_another_one_is_installed(
    run, tmp_path
):
    own, installed = tmp_path / "own", tmp_path / "installed"
    package = pathlib.Path(multimeter.__file__).parent
    shutil.copytree(package, own / "multimeter")
    installed.mkdir()
    (installed / "multimeter").symlink_to(package)
    (own / "device.py").write_text("import multimeter; __file__ = multimeter.__file__")
    (own / "which.py").write_text(PROBE)
    done = run(OWN_PATH, arguments=[own, own], PYTHONPATH=str(installed))
    assert done.stdout.strip() == str(own / "multimeter" / "__init__.py")


def test_a_probe_finds_the_modules_that_the_program_finds_in_its_order(run, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "device.py").write_text("")
        (folder / "which.py").write_text(PROBE)
    done = run(OWN_PATH, arguments=[first, second])
    assert done.stdout.strip() == str(first / "device.py")
