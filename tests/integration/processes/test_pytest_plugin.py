"""The plugin in a pytest of its own, as its users have it."""

from __future__ import annotations

import sys

import pytest

from multimeter import FileStorage, JsonFormat

HEAVY = """
import time
import pytest

def test_memory():
    data = bytearray(100 << 20)
    data[::4096] = b"x" * len(data[::4096])

def test_cpu():
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass

def test_nothing():
    pass
"""


def limited(limits, body="pass", above=""):
    return f"""
import time
import pytest
{above}
@pytest.mark.multimeter({limits})
def test_it():
    {body}
"""


@pytest.fixture
def run(pytester):
    def run(source, *options):
        pytester.makepyfile(test_it=source)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)

    return run


def test_the_heaviest_tests_are_shown_at_the_end(run):
    result = run(HEAVY, "--multimeter", "--multimeter-top", "2")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*multimeter: the tests that took the most memory*", "*memory*time*CPU time*test"]
    )
    lines = [line for line in result.outlines if line.strip().startswith("+")]
    assert len(lines) == 2
    assert "test_memory" in lines[0]
    if sys.platform == "linux":
        amount, unit = lines[0].split()[:2]
        assert unit == "MiB"
        assert 95 <= float(amount) <= 115
    result.stdout.fnmatch_lines(["... and 1 more."])


def test_without_the_option_nothing_is_measured_nor_shown(run):
    result = run(HEAVY)
    result.assert_outcomes(passed=3)
    result.stdout.no_fnmatch_line("*multimeter: *")


def test_nothing_heavy_is_loaded_without_the_option(pytester):
    pytester.makepyfile(
        "import sys\ndef test_it():\n    assert 'multimeter.probes' not in sys.modules"
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_without_the_plugin_there_are_no_options(run):
    result = run(HEAVY, "-p", "no:multimeter", "--multimeter")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    run(HEAVY, "-p", "no:multimeter").assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("limits", "body", "text"),
    [
        (
            "max_memory='20 MiB'",
            "data = b'x' * (50 << 20)",
            "The memory of the test rose by * MiB: max_memory is 20 MiB.",
        ),
        (
            "max_memory=1000",
            "x = b'x' * (64 << 20)",
            "*rose by * MiB: max_memory is 1,000 B.",
        ),
        (
            "max_duration=0.05",
            "time.sleep(0.1)",
            "The test took * ms: max_duration is 50 ms.",
        ),
        (
            "max_cpu_time=0.05",
            "[x for x in iter(time.process_time, -1) if x > start + 0.2 and 1 / 0]",
            "*ZeroDivisionError*",
        ),
        (
            "max_cpu_time=0.05",
            "any(x > start + 0.2 for x in iter(time.process_time, -1))",
            "The test used CPU time of * ms: max_cpu_time is 50 ms.",
        ),
    ],
)
def test_a_limit_that_is_broken_has_the_test_fail_and_says_so(run, limits, body, text):
    source = limited(limits, body, above="start = time.process_time()")
    result = run(source, "--strict-markers", "-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([text])
    if "ZeroDivision" in text:  # its own error is the one to be seen
        result.stdout.no_fnmatch_line("The test used*")


def test_limits_that_are_kept_change_nothing(run):
    limits = "max_memory='500 MiB', max_duration=60, max_cpu_time=60.0"
    run(limited(limits), "--strict-markers", "-W", "error").assert_outcomes(passed=1)
    run(limited(""), "--strict-markers").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ("max_memory='much'", "'much' is no limit*"),
        ("max_memory=-1", "max_memory is a number of bytes, or a text such as*not -1."),
        ("max_duration='+1 s'", "max_duration is a number of seconds*not '+1 s'."),
        ("max_duration='1 MiB'", "'1 MiB' is no limit in s,*"),
        (
            "max_cpu_time=True",
            "max_cpu_time is a number of seconds, or a text such as*not True.",
        ),
        (
            "maximum=1",
            "there is no 'maximum', only max_duration, max_cpu_time, max_memory.",
        ),
        ("'200 MiB'", "limits need their names*"),
    ],
)
def test_a_limit_that_cannot_be_understood_is_a_clear_error(run, limits, text):
    result = run(limited(limits, "open('ran', 'w')"))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"@pytest.mark.multimeter: {text}"])
    result.stdout.no_fnmatch_line("*During handling*")


def test_the_nearest_marker_counts(run):
    source = """
import pytest
pytestmark = pytest.mark.multimeter(max_duration=0, max_memory="1 TiB")

@pytest.mark.multimeter(max_duration=60)
def test_near(): pass

def test_far(): pass
"""
    run(source).assert_outcomes(passed=1, failed=1)


def test_skipped_and_expected_failures_stay_what_they_are(run):
    source = """
import pytest

@pytest.mark.multimeter(max_duration=0)
@pytest.mark.skip
def test_skipped(): pass

@pytest.mark.multimeter(max_duration=0)
@pytest.mark.xfail
def test_expected(): raise OSError
"""
    run(source, "--multimeter").assert_outcomes(skipped=1, xfailed=1)


def test_fixtures_do_not_count(run):
    source = """
import time
import pytest

@pytest.fixture
def slow():
    time.sleep(0.2)
    yield
    time.sleep(0.2)

@pytest.mark.multimeter(max_duration=0.15)
def test_it(slow): pass
"""
    run(source).assert_outcomes(passed=1)


def test_runs_are_kept_in_files(run, pytester):
    run(HEAVY, "--multimeter-storage", "runs", "-k", "cpu").assert_outcomes(passed=1)
    storage = FileStorage(pytester.path / "runs", JsonFormat())
    result = storage.load("test_it.py::test_cpu")
    assert result.tags == {"test": "test_it.py::test_cpu"}
    assert len(result.points) >= 1


def test_the_figures_are_in_the_report_for_other_programs(run, pytester):
    run(HEAVY, "--multimeter", "--junit-xml", "junit.xml")
    report = (pytester.path / "junit.xml").read_text()
    assert report.count('name="multimeter_memory"') == 3


BIG = """
import multiprocessing, os, subprocess, sys, time
BIG = bytearray(200 << 20)
BIG[::4096] = b"x" * len(BIG[::4096])
HOLD = "x = b'x' * (80 << 20); print(1, flush=True); import time; time.sleep(1.5)"

def in_a_child(work):
    pid = os.fork()
    if pid == 0:
        kept = work()
        time.sleep(1.5)
        os._exit(0)
    os.waitpid(pid, 0)  # not any child: other tests have some, too
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody says what is shared")
@pytest.mark.parametrize(
    "body",
    [
        "multiprocessing.get_context('fork').Pool(2).map(abs, range(10))",
        "os.fork() or os._exit(0); os.wait()",
        # A sample falls in between for sure.
        "os.fork() or (time.sleep(0.3), os._exit(0)); os.wait()",
        "subprocess.run(['sleep', '0.2'])",
        "subprocess.run(['true'], preexec_fn=lambda: time.sleep(0.2))",
        # Copies of pages that the parent has: nothing was taken.
        "in_a_child(lambda: BIG.__setitem__(slice(0, 80 << 20, 4096), b'y' * 20480))",
        "in_a_child(lambda: [BIG.reverse(), in_a_child(BIG.reverse)])",
    ],
)
def test_what_a_forked_child_shares_does_not_count(run, body):
    source = limited("max_memory='50 MiB'", body, above=BIG)
    run(source, "-W", "ignore").assert_outcomes(passed=1)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody says what is shared")
@pytest.mark.parametrize(
    "work",
    [
        "in_a_child(lambda: b'x' * (80 << 20))",
        "in_a_child(lambda: in_a_child(lambda: b'x' * (80 << 20)))",
        "subprocess.run([sys.executable, '-S', '-c', HOLD])",
    ],
)
def test_what_a_child_has_for_itself_counts(run, work):
    source = limited("max_memory='50 MiB'", work, above=BIG)
    result = run(source, "-W", "ignore")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*rose by * MiB: max_memory is 50 MiB."])


def test_what_came_before_the_test_does_not_count(run):
    above = (
        f"{BIG}\nCHILD = subprocess.Popen([sys.executable, '-S', '-c', "
        "HOLD.replace('1.5', '60')], stdout=subprocess.PIPE)\nCHILD.stdout.readline()"
    )
    body = "time.sleep(0.2); CHILD.kill(); CHILD.wait(); CHILD.stdout.close()"
    run(limited("max_memory='50 MiB'", body, above=above)).assert_outcomes(passed=1)


def test_sessions_are_compared_with_those_before(run, pytester):
    memory = "x = bytearray(SIZE << 20); x[::4096] = bytes(SIZE << 8)"
    options = ("--multimeter-baseline", "base.json", "--multimeter-max", "memory=+50%")

    def session(size, *more):
        return run(f"SIZE = {size}\ndef test_it(): {memory}\n", *options, *more)

    session(20, "--multimeter-update").assert_outcomes(passed=1)
    session(21).assert_outcomes(passed=1)
    worse = session(60)
    worse.assert_outcomes(failed=1)
    worse.stdout.fnmatch_lines(["*in 1 earlier sessions it was * MiB, and * MiB are*"])
    (pytester.path / "base.json").write_text("{")
    assert session(20).ret == 4


def test_limits_without_a_baseline_are_an_error(run):
    result = run("def test_it(): pass\n", "--multimeter-max", "memory=+50%")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*need --multimeter-baseline FILE*"])
