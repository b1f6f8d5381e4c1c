"""What ``import multimeter`` loads, seen from a new process."""

from __future__ import annotations

import pathlib

import pytest

import multimeter

pytestmark = pytest.mark.integration

HEAVY = {
    "asyncio",
    "docker",
    "duckdb",
    "http",
    "influxdb_client",
    "jinja2",
    "json",
    "logging",
    "numpy",
    "pandas",
    "pathlib",
    "plotly",
    "psutil",
    "pymysql",
    "pynvml",
    "requests",
    "rich",
    "socket",
    "sqlite3",
    "ssl",
    "starlette",
    "typer",
    "urllib",
    "urllib3",
    "uvicorn",
}
LOADED = "\nimport sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
ROOT = pathlib.Path(multimeter.__file__).parents[1]


def test_the_import_loads_nothing_heavy(run_python):
    # Without site, which may load modules for other installed packages.
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import multimeter"
    loaded = set(run_python(code + LOADED, "-S").split())
    assert "multimeter" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    "use",
    [
        "with multimeter.Multimeter(multimeter.ResourceProbe()).measure(): pass",
        "multimeter.FileStorage('x', multimeter.JsonFormat())",
        "multimeter.storages.file.LineFormat()",
    ],
)
def test_measuring_and_files_load_no_other_package(run_python, use):
    after = set(run_python(f"import multimeter\n{use}{LOADED}").split())
    packages = HEAVY - {"http", "json", "logging", "pathlib", "urllib", "socket"}
    assert after & packages == set()


def test_the_visualization_is_not_imported(run_python):
    code = "import multimeter, sys; print('multimeter.visualization' in sys.modules)"
    assert run_python(code) == "False\n"


WITHOUT_RESOURCE = """
import sys
sys.modules["resource"] = None  # as on Windows: importing it is an ImportError
import multimeter
from multimeter import *

class Constant(multimeter.Probe):
    subject = multimeter.Subject("mine")
    metrics = (multimeter.Metric("a"),)
    subjects = (subject,)
    measures = (multimeter.Measure(subject, metrics[0]),)
    def sample(self, values, time_elapsed):
        values["mine.a"] = 3.0

with multimeter.Multimeter(Constant()).measure() as result:
    pass
print(list(result.values("mine.a")))
try:
    multimeter.ResourceProbe()
except multimeter.UnsupportedError as error:
    print(error)
"""


def test_without_the_module_resource_everything_works_but_the_resource_probe(run_python):
    first, *told = run_python(WITHOUT_RESOURCE).splitlines()
    assert first == "[3.0]"
    assert "ResourceProbe needs getrusage(2)" in told[0]
    assert "ProcessProbe()" in told[-1]


def test_everything_can_be_imported_from_its_own_module_first(run_python):
    for module in ("multimeter.storages.influx", "multimeter.result", "multimeter.probe"):
        assert run_python(f"import {module}; print('ok')") == "ok\n"
