from __future__ import annotations

import pathlib
import time

import pytest
from selenium.webdriver.common.keys import Keys

from multimeter import InfluxDBStorage, Measure, Metric, Result, Subject
from multimeter.probes import ProcessProbe
from multimeter.schema import Schema

S = 10**9
MIB = 1024**2


MEASURES = [
    Measure(Subject(subject), Metric(metric, "", unit))
    for subject, metric, unit in (
        ("process", "cpu_rate_user", ""),
        ("machine", "load_1", ""),
        ("python", "gc_runs", "1/s"),
    )
]


@pytest.fixture(autouse=True)
def no_console_errors(browser):
    browser.driver.get_log("browser")
    browser.look(1400, 1000, "light")
    yield
    assert browser.errors() == []


@pytest.fixture(scope="module")
def stored(shared_stack):
    """A stack with a run that has a hole, three marks, and a peak between two samples."""
    probe = ProcessProbe()
    result = Result(probe, identifier="peaky", tags={"host": "a"})
    start = time.time_ns() - 600 * S
    for number in range(400):
        values = dict.fromkeys([measure.key for measure in probe.measures])
        values["process.cpu_rate_user"] = 0.5
        values["process.cpu_rate_system"] = 0.25
        values["process.memory_rss"] = 100 * MIB
        values["process.memory_rss_peak"] = (100 if number < 200 else 900) * MIB
        late = 60 * S if number >= 300 else 0
        result.append(start + number * S + late, values)
    for second, label in ((0, "load"), (100, "train"), (200, "<i>write</i>")):
        result.add_mark(start + second * S, label)
    storage = InfluxDBStorage.from_stack(shared_stack.config_file)
    storage.store(result)
    storage.close()
    return shared_stack


@pytest.fixture
def downloads(browser, tmp_path):
    browser.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    return tmp_path


def saved(browser, folder: pathlib.Path, ending):
    def find():
        return next((p for p in folder.glob(f"*{ending}") if p.stat().st_size), None)

    return browser.until(find, f"a file {ending}")


def menu(browser, panel, words):
    browser.one(f"[data-panel={panel}] .menu summary").click()
    items = browser.all(f"[data-panel={panel}] .menu button")
    next(each for each in items if words in each.text).click()


def panels(browser):
    return [each.get_attribute("data-panel") for each in browser.all("[data-panel]")]


def test_a_peak_between_two_samples_is_a_line_with_its_value(browser, stored):
    browser.open("/?run=peaky")
    (peak,) = browser.all(".peak")
    assert peak.text == "900 MiB between two samples"
    assert (
        peak.find_element("xpath", "ancestor::section").get_attribute("data-panel")
        == "memory"
    )


def test_a_time_without_samples_is_marked_in_each_panel(browser, stored):
    browser.open("/?run=peaky")
    (gap,) = browser.all("[data-panel=cpu] .gap")
    # From the begin of a bucket of a few seconds.
    assert gap.get_attribute("title").startswith("No sample for 1 min")


def test_spans_between_marks_say_their_time_and_use(browser, stored):
    browser.open("/?run=peaky")
    browser.until(lambda: browser.all("#spans tbody tr"), "the spans")
    rows = [
        [cell.text for cell in row.find_elements("css selector", "th, td")]
        for row in browser.all("#spans tbody tr")
    ]
    assert rows[0] == ["load", "0 s", "1 min 40 s", "1 min 15 s", "75 %", "100 MiB"]
    assert [row[0] for row in rows] == ["load", "train", "<i>write</i>"]
    browser.one("#spans tbody button").send_keys(Keys.ENTER)
    browser.until(lambda: "from=" in browser.driver.current_url, "the span")
    browser.wait_for("ready")


def test_a_panel_is_hidden_and_the_link_says_so(browser, stored):
    browser.open("/?run=peaky")
    before = panels(browser)
    menu(browser, "memory", "Hide")
    browser.until(lambda: "memory" not in panels(browser), "the panel to go")
    assert "hide=memory" in browser.driver.current_url
    browser.driver.refresh()
    browser.wait_for("ready")
    assert panels(browser) == [each for each in before if each != "memory"]
    browser.one("[data-show=memory]").click()
    browser.until(lambda: panels(browser) == before, "the panel to come back")
    browser.wait_for("ready")


def test_groups_of_panels_are_folded_until_somebody_wants_them(browser, stored):
    now = time.time_ns()
    metrics, subjects = ([getattr(m, of) for m in MEASURES] for of in ("metric", "subject"))
    schema = Schema(tuple(metrics), tuple(subjects), tuple(MEASURES))
    result = Result.of_schema(schema, identifier="grouped")
    for number in range(3):
        result.append(now + number * S, {measure.key: 1.0 for measure in MEASURES})
    storage = InfluxDBStorage.from_stack(stored.config_file)
    storage.store(result)
    storage.close()
    browser.open("/?run=grouped")
    shown = [each for each in browser.all("[data-panel]") if each.is_displayed()]
    assert [each.get_attribute("data-panel") for each in shown] == ["cpu"]
    browser.one("[data-group=Machine] summary").send_keys(Keys.ENTER)
    browser.until(lambda: "unfold=Machine" in browser.driver.current_url, "the address")
    browser.wait_for("ready")
    drawn = "return document.querySelector('[data-panel=load] .chart').drawn?.lines.length"
    browser.until(lambda: browser.run(drawn) == 1, "the line")
    browser.driver.refresh()
    browser.wait_for("ready")
    assert browser.one("[data-panel=load]").is_displayed()
    assert not browser.one("[data-panel=gc-runs]").is_displayed()
    browser.one("[data-group=Machine] summary").click()
    browser.until(lambda: "unfold" not in browser.driver.current_url, "the address")


def test_a_panel_is_saved_as_a_picture_and_as_values(browser, stored, downloads):
    browser.open("/?run=peaky")
    menu(browser, "memory", "PNG")
    picture = saved(browser, downloads, ".png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 10_000
    menu(browser, "memory", "CSV")
    head, *rows = saved(browser, downloads, ".csv").read_text().splitlines()
    assert head.startswith("time,host,process.memory_rss (bytes),process.memory_rss_peak")
    assert len(rows) == 400


def test_the_whole_run_is_one_file_that_needs_no_server(browser, stored, downloads):
    browser.open("/?run=peaky")
    browser.one("#export").click()
    report = saved(browser, downloads, ".html")
    browser.driver.get(report.as_uri())
    browser.until(lambda: len(browser.all(".js-plotly-plot")) >= 2, "the charts")
    text = browser.run("return document.body.innerText")
    for words in ("peaky", "Peak memory", "CPU", "Memory", "<i>write</i>", "1 min 40 s"):
        assert words in text
    assert browser.overflow() <= 0
    browser.shot("report")
    browser.open("/?run=peaky")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1400, 1800), (390, 844)])
def test_it_fits_each_screen(browser, stored, scheme, width, height):
    browser.look(width, height, scheme)
    browser.open("/?run=peaky")
    assert browser.overflow() <= 0
    browser.shot(f"run-{scheme}-{width}")


def test_a_live_run_moves_in_the_panels_that_are_there(browser, stored):
    now = time.time_ns()
    stored.write(
        f"moving v=1 {now - 2 * S}",
        f"moving v=1 {now - S}",
        f'multimeter_marks,measurement=moving label="on" {now - 2 * S}',
    )
    browser.open("/?run=moving")
    browser.until(lambda: browser.all("#spans button"), "the spans")
    browser.run("window.before = document.querySelector('.chart')")
    browser.run("document.querySelector('#spans button').focus()")
    stored.write(f"moving v=5 {now}")
    count = "return before.drawn.lines[0].time.length"
    browser.until(lambda: browser.run(count) == 3, "the new point")
    assert browser.run("return before.isConnected")
    focused = "return document.activeElement.closest('#spans') !== null"
    browser.until(lambda: browser.run(focused), "the focus to stay")
    assert browser.one("#run-state").text == "live"
    assert "Duration" in browser.one("#spoken").get_attribute("textContent")


def test_the_page_is_used_by_keyboard_alone(browser, stored):
    browser.open("/?run=peaky")
    browser.one("body").send_keys(Keys.TAB)
    skip = browser.driver.switch_to.active_element
    assert skip.text == "Skip to the content"
    skip.send_keys(Keys.ENTER)
    browser.until(lambda: "#main" in browser.driver.current_url, "the skip")
    summary = browser.one("[data-panel=memory] .menu summary")
    summary.send_keys(Keys.ENTER)
    assert browser.one("[data-panel=memory] .menu .items").is_displayed()
    summary.send_keys(Keys.TAB)
    assert "PNG" in browser.driver.switch_to.active_element.text
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not browser.one("[data-panel=memory] .menu .items").is_displayed()
    assert browser.driver.switch_to.active_element == summary
    browser.one("body").send_keys("+")
    browser.until(lambda: "from=" in browser.driver.current_url, "the zoom")
    browser.wait_for("ready")
    browser.one("body").send_keys("0")
    browser.until(lambda: "from=" not in browser.driver.current_url, "all of the run")
    browser.wait_for("ready")


@pytest.mark.parametrize(
    "path", ["/", "/?run=peaky", "/logs", "/compare?run=peaky&run=example", "/status"]
)
def test_everything_that_can_be_used_has_a_name(browser, stored, path):
    browser.driver.get(stored.config["url"] + path)
    browser.wait_for("ready", "empty")
    nameless = browser.run(
        "return [...document.querySelectorAll('a, button, input, select, summary')]"
        ".filter(e => e.offsetParent && !(e.ariaLabel || e.textContent.trim() || e.title"
        " || [...(e.labels ?? [])].some(l => l.textContent.trim())))"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []
    assert len(browser.all("main h1")) >= 1
    assert browser.run("return document.documentElement.lang") == "en"


def test_runs_that_share_a_name_are_said_to(browser, stored):
    config = stored.config
    for seconds_ago in (500, 400):
        result = Result(ProcessProbe(), identifier="shared")
        for number in range(3):
            now = time.time_ns() + (number - seconds_ago) * S
            result.append(now, {"process.cpu_rate_user": 0.5})
        # Its token may only write, so it cannot know of the other one.
        storage = InfluxDBStorage(
            config["token"], config["url"], config["org"], config["bucket"]
        )
        storage.store(result)
        storage.close()
    browser.open("/?run=shared")
    assert "2 runs of this name; the figures are of the last one" in (
        browser.one("#run-about").text
    )
    browser.open("/?run=peaky")
    assert "of this name" not in browser.one("#run-about").text
