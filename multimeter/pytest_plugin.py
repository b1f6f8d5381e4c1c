"""The plugin for pytest: what each test uses, and limits for it.

``pytest --multimeter`` measures each test and shows the heaviest at the end. A marker sets
limits, with or without that option::

    @pytest.mark.multimeter(max_memory="200 MiB", max_duration=2.0, max_cpu_time=1.5)
    def test_import(): ...

``--multimeter-baseline FILE --multimeter-max memory=+20%`` compares with earlier sessions.
Only the call of a test counts, not what its fixtures do: they may be shared.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from multimeter.analysis.session_baseline import SessionBaseline
    from multimeter.probes.span import SpanMeter

__all__: list[str] = []

_MARKER = "multimeter"
_LINE = (
    "multimeter(max_memory=None, max_duration=None, max_cpu_time=None): measure the test, "
    "and have it fail when its call uses more: memory as bytes or a text such as "
    "'200 MiB', times in seconds."
)
_CYCLE_TIME = 0.05
_KEYS = ("duration", "cpu_time", "memory")
_UNITS = {"duration": "s", "cpu_time": "s", "memory": "bytes"}
_LIMITS = {f"max_{key}": key for key in _KEYS}
_USED = {
    "duration": "The test took {}",
    "cpu_time": "The test used CPU time of {}",
    "memory": "The memory of the test rose by {}",
}


@dataclass(frozen=True)
class _Used:
    """What a test used.

    Attributes:
        values: By key: seconds, or bytes by which resident memory rose.
    """

    values: Mapping[str, float]


_USED_KEY = pytest.StashKey[_Used]()
_METER_KEY: pytest.StashKey[SpanMeter] = pytest.StashKey()
_BASELINE_KEY: pytest.StashKey[SessionBaseline | None] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("multimeter", "what each test uses")
    group.addoption("--multimeter", action="store_true", help="Measure each test.")
    group.addoption(
        "--multimeter-top",
        type=int,
        default=10,
        metavar="N",
        help="How many of the heaviest tests are shown; 0 for all.",
    )
    group.addoption(
        "--multimeter-baseline",
        metavar="FILE",
        help="Measure each test, and compare it with this file of earlier sessions.",
    )
    group.addoption(
        "--multimeter-max",
        action="append",
        default=[],
        metavar="KEY=LIMIT",
        help="How much more than the baseline a test may use: memory=+20%%, "
        "cpu_time=+0.5s, duration=+50%%; may be repeated.",
    )
    group.addoption(
        "--multimeter-update",
        action="store_true",
        help="Add what the tests of this session used to the baseline.",
    )
    group.addoption(
        "--multimeter-storage",
        metavar="FOLDER",
        help="Measure each test, and keep each run in a file of this folder.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; and register the table where it is wanted."""
    config.addinivalue_line("markers", _LINE)
    config.stash[_BASELINE_KEY] = _read_baseline(config)
    if _is_on(config):
        config.pluginmanager.register(_Table(config), "multimeter-table")


def _is_on(config: pytest.Config) -> bool:
    options = ("multimeter", "multimeter_storage", "multimeter_baseline")
    return any(map(config.getoption, options))


def _read_baseline(config: pytest.Config) -> SessionBaseline | None:
    from multimeter.errors import MultimeterError

    path = config.getoption("multimeter_baseline")
    limits = config.getoption("multimeter_max")
    if path is None:
        if limits or config.getoption("multimeter_update"):
            raise pytest.UsageError(
                "--multimeter-max and --multimeter-update need --multimeter-baseline FILE"
            )
        return None
    from multimeter.analysis.session_baseline import SessionBaseline

    try:
        return SessionBaseline.read(pathlib.Path(path), limits)
    except MultimeterError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Make sure that the limits can be understood, before anything is done."""
    problem = ""
    try:
        _limits(item)
    except ValueError as error:
        problem = str(error)
    if problem:
        pytest.fail(f"@pytest.mark.multimeter: {problem}", pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Measure the call of a test."""
    if _is_on(item.config) or item.get_closest_marker(_MARKER):
        with _measured(item):
            yield
    else:
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """Have a test fail over its limits."""
    outcome: Any = yield
    used = item.stash.get(_USED_KEY, None)
    if call.when != "call" or used is None:
        return
    report = outcome.get_result()
    broken = _broken(_limits(item), used)
    baseline = item.config.stash.get(_BASELINE_KEY, None)
    if baseline is not None:
        broken += baseline.broken(item.nodeid, used.values)
    if broken and report.passed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = "\n".join(broken)


@contextlib.contextmanager
def _measured(item: pytest.Item) -> Iterator[None]:
    span = _span_meter(item.config)
    with _stored(item):
        span.start()
        try:
            yield
        finally:
            usage = span.end()
            values = {key: getattr(usage, key) for key in _KEYS}
            item.stash[_USED_KEY] = _Used(values)
            # By them, the process that shows the table knows of tests that others ran.
            item.user_properties += [
                (f"multimeter_{key}", value) for key, value in values.items()
            ]


def _span_meter(config: pytest.Config) -> SpanMeter:
    from multimeter.probes.span import SpanMeter

    return config.stash.setdefault(_METER_KEY, SpanMeter(_CYCLE_TIME))


@contextlib.contextmanager
def _stored(item: pytest.Item) -> Iterator[None]:
    """Measure the test as a run and keep it, where that was asked for."""
    folder = item.config.getoption("multimeter_storage")
    if not folder:
        yield
        return
    from multimeter.multimeter import Multimeter
    from multimeter.probes.process import ProcessProbe
    from multimeter.storages.file import FileStorage, JsonFormat

    storage = FileStorage(folder, JsonFormat())
    multimeter = Multimeter(ProcessProbe(), cycle_time=_CYCLE_TIME, storage=storage)
    with multimeter.measure(item.nodeid, test=item.nodeid):
        yield


def _limits(item: pytest.Item) -> dict[str, float]:
    """Return the limits of a test by key; those of the nearest marker.

    Raises:
        ValueError: A marker cannot be understood.
    """
    limits: dict[str, float] = {}
    for marker in item.iter_markers(_MARKER):
        if marker.args:
            raise ValueError(f"limits need their names: {', '.join(_LIMITS)}.")
        for name, limit in marker.kwargs.items():
            if name not in _LIMITS:
                raise ValueError(f"there is no '{name}', only {', '.join(_LIMITS)}.")
            if limit is not None:
                limits.setdefault(_LIMITS[name], _limit(name, limit))
    return limits


def _limit(name: str, limit: Any) -> float:
    from multimeter.analysis.gate import parse_limit

    is_number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
    if is_number and limit >= 0:
        return float(limit)
    if isinstance(limit, str):
        parsed = parse_limit(limit, "bytes" if name == "max_memory" else "s")
        if not parsed.relative:
            return parsed.value
    unit, text = ("bytes", "200 MiB") if name == "max_memory" else ("seconds", "2 s")
    raise ValueError(
        f"{name} is a number of {unit}, or a text such as '{text}', not {limit!r}."
    )


def _broken(limits: Mapping[str, float], used: _Used) -> list[str]:
    from multimeter.analysis.units import format_value

    lines = []
    for key, limit in limits.items():
        value = used.values[key]
        if value > limit:
            most = format_value(limit, _UNITS[key])
            text = _USED[key].format(format_value(value, _UNITS[key]))
            lines.append(f"{text}: max_{key} is {most}.")
    return lines


class _Table:
    """Shows the heaviest tests at the end, also of those that other processes ran."""

    def __init__(self, config: pytest.Config) -> None:
        self._top: int = config.getoption("multimeter_top")
        self._updates: bool = config.getoption("multimeter_update")
        self._baseline = config.stash.get(_BASELINE_KEY, None)
        self._tests: list[tuple[str, dict[str, float]]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of a test."""
        if report.when == "call":
            given = {str(key): value for key, value in report.user_properties}
            if all(f"multimeter_{key}" in given for key in _KEYS):
                values = {key: float(str(given[f"multimeter_{key}"])) for key in _KEYS}
                self._tests.append((report.nodeid, values))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the table; and add to the baseline, where that was asked for."""
        from multimeter.analysis.units import format_value

        if self._updates and self._baseline is not None:
            self._baseline.add(self._tests)
            terminalreporter.write_line(f"multimeter: {self._baseline.path} is updated.")

        tests = sorted(self._tests, key=lambda each: each[1]["memory"], reverse=True)
        shown = tests[: self._top or None]
        if not shown:
            return
        terminalreporter.section("multimeter: the tests that took the most memory")
        terminalreporter.write_line(f"{'memory':>10}  {'time':>10}  {'CPU time':>10}  test")
        for nodeid, values in shown:
            cells = (
                f"+{format_value(values['memory'], 'bytes')}",
                format_value(values["duration"], "s"),
                format_value(values["cpu_time"], "s"),
            )
            row = "  ".join(f"{cell:>10}" for cell in cells)
            terminalreporter.write_line(f"{row}  {nodeid}")
        if len(tests) > len(shown):
            terminalreporter.write_line(f"... and {len(tests) - len(shown)} more.")
