from __future__ import annotations

import re
import time

import pytest
from selenium.webdriver.common.keys import Keys

from multimeter import InfluxDBStorage, Measure, Metric, Result, Subject
from multimeter.schema import Schema

PANELS = ["cpu", "memory", "page-faults", "block-io", "context-switches"]
EXAMPLE = "/?run=example"


@pytest.fixture(autouse=True)
def no_console_errors(browser):
    browser.driver.get_log("browser")
    browser.look(1400, 1000, "light")
    yield
    assert browser.errors() == []


@pytest.fixture
def storage(shared_stack):
    storage = InfluxDBStorage.from_stack(shared_stack.config_file)
    yield storage
    storage.close()


def curves(browser, panel):
    """How many points each curve of a panel has."""
    return browser.run(
        "const panel = document.querySelector(`[data-panel='${arguments[0]}']`);"
        "const { lines } = panel.querySelector('.chart').drawn;"
        "return Object.fromEntries(lines.map(l => [l.label, l.mean.length]))",
        panel,
    )


def view(browser):
    """The visible range of time, in ms."""
    data = browser.run("return {...document.querySelector('main').dataset}")
    return float(data["from"]), float(data["to"])


def test_the_example_shows_its_curves_and_marks(browser, shared_stack):
    points = shared_stack.runs()["example"]["points"]
    browser.open(EXAMPLE)
    assert browser.one("[data-testid=run-title]").text == "example"
    panels = [each.get_attribute("data-panel") for each in browser.all("[data-panel]")]
    assert panels == PANELS
    for panel in PANELS:
        # A bucket of time may hold two of them.
        assert 0.9 * points < max(curves(browser, panel).values()) <= points
        marks = browser.one(f'[data-panel="{panel}"]').get_attribute("data-marks")
        assert marks == "6"
    shown = browser.run("return document.querySelector('main').innerText")
    for label in ("load", "hash", "compress in threads", "children", "write", "wait"):
        assert label in shown
    browser.shot("example-light")


def test_figures_stand_on_top_in_readable_units(browser):
    browser.open(EXAMPLE)
    shown = {
        each.get_attribute("data-figure"): each.text
        for each in browser.all("[data-figure]")
    }
    assert re.search(r"1\d(\.\d+)? s", shown["Duration"])
    assert re.search(r"1\d\d(\.\d+)? MiB", shown["Peak memory"])
    assert re.search(r"\d+(\.\d+)? %", shown["Mean CPU"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1400, 1000), (390, 844)])
def test_it_fits_each_screen_in_light_and_dark(browser, scheme, width, height):
    browser.look(width, height, scheme)
    browser.open(EXAMPLE)
    overflow = browser.run(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0
    background = browser.run("return getComputedStyle(document.body).backgroundColor")
    red = int(re.findall(r"\d+", background)[0])
    assert (red < 80) == (scheme == "dark")
    browser.shot(f"example-{scheme}-{width}")


def test_zooming_one_panel_moves_all_and_full_time_range_comes_back(browser):
    browser.open(EXAMPLE)
    before = view(browser)
    first = browser.one('[data-panel="memory"] .plot')
    zoom(browser, first)
    browser.until(lambda: view(browser) != before, "the zoom")
    browser.wait_for("ready")
    ranges = browser.run(
        "return [...document.querySelectorAll('.chart')]"
        ".map(c => `${c.drawn.frame.range.from} ${c.drawn.frame.range.to}`)"
    )
    assert len(set(ranges)) == 1
    start, end = view(browser)
    assert before[0] < start < end < before[1]
    assert f"from={round(start)}" in browser.driver.current_url
    browser.one("#full-range").click()
    browser.until(lambda: view(browser) == before, "the full time range")


def zoom(browser, element):
    from selenium.webdriver import ActionChains

    width = element.rect["width"]
    actions = ActionChains(browser.driver)
    actions.move_to_element_with_offset(element, -int(width / 5), 0)
    actions.click_and_hold().move_by_offset(int(width / 5), 0).release().perform()


def test_a_link_with_a_time_range_shows_that_range(browser, shared_stack):
    example = shared_stack.runs()["example"]
    start = example["start"] // 1_000_000 + 2000
    browser.open(f"{EXAMPLE}&from={start}&to={start + 5000}")
    assert view(browser) == (start, start + 5000)


def test_the_link_of_the_earlier_program_leads_here(browser, shared_stack):
    example = shared_stack.runs()["example"]
    start = example["start"] // 1_000_000
    browser.open(
        f"/d/6V5fU2t7r/multimeter?var-measurementId=example&from={start}&to={start + 5000}"
    )
    assert browser.one("[data-testid=run-title]").text == "example"
    assert view(browser) == (start, start + 5000)


def run_of(identifier, points=3, tags=None, label="mark", start=1_700_000_000_000_000_000):
    """A run with a measure nobody planned for."""
    measure = Measure(
        Subject("rig"), Metric("voltage", "At the pump.", "V", min_value=None)
    )
    schema = Schema((measure.metric,), (measure.subject,), (measure,))
    result = Result.of_schema(schema, identifier=identifier, tags=tags or {})
    for number in range(points):
        result.append(start + number * 10**9, {measure.key: float(number)})
    result.add_mark(start + 10**9, label)
    return result


HOSTILE = [
    "<script>document.title='broken'</script>",
    "<b>bold</b>",
    '<a href="javascript:alert(1)">x</a>',
    "&lt;&amp;",
    "../../etc/passwd",
    "tag,with=all \"of\" 'them'",
    "x" * 300,
    "größe 😀 测量",
    "%00%2e",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is(browser, storage, text):
    storage.store(run_of(text, tags={"tag": text}, label=text))
    from urllib.parse import urlencode

    browser.open("/?" + urlencode({"run": text}))
    title = browser.one("[data-testid=run-title]")
    assert title.get_attribute("textContent") == text
    assert browser.driver.title != "broken"
    assert browser.all("main b, main script, main a[href^=javascript]") == []
    assert browser.all("[data-panel]")[0].get_attribute("data-marks") == "1"


def test_any_measure_has_a_panel_with_its_unit(browser, storage):
    storage.store(run_of("rig-7"))
    browser.open("/?run=rig-7")
    (panel,) = browser.all("[data-panel]")
    assert "rig.voltage" in panel.text
    assert curves(browser, panel.get_attribute("data-panel")) == {"rig.voltage": 3}


def test_the_duration_is_that_which_the_run_says_in_the_list_and_on_top(
    browser, shared_stack
):
    start = time.time_ns()
    shared_stack.write(
        f"lasting v=1 {start}",
        f"lasting v=2 {start + 10**9}",
        f"multimeter_runs,measurement=lasting figure_duration=1.5 {start}",
    )
    browser.open("/?run=lasting")
    shown = browser.one("[data-figure=Duration]").text.split("\n")
    assert shown == ["Duration", "1.5 s"]
    assert "1.5 s" in browser.one('[data-run="lasting"] .facts').text


def test_runs_are_picked_from_a_list_by_keyboard(browser, storage):
    storage.store(run_of("alpha-1"))
    storage.store(run_of("alpha-2"))
    browser.open(EXAMPLE)
    names = [each.get_attribute("data-run") for each in browser.all("[data-run]")]
    assert {"alpha-1", "alpha-2", "example"} <= set(names)
    search = browser.one("input[type=search]")
    search.send_keys("alpha-2")
    browser.until(
        lambda: (
            [
                e.get_attribute("data-run")
                for e in browser.all("[data-run]")
                if e.is_displayed()
            ]
            == ["alpha-2"]
        ),
        "the list to be filtered",
    )
    search.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    browser.until(
        lambda: browser.one("[data-testid=run-title]").text == "alpha-2", "the run"
    )
    browser.wait_for("ready")
    browser.driver.back()
    browser.until(
        lambda: browser.one("[data-testid=run-title]").text == "example", "the run before"
    )
    browser.wait_for("ready")


def test_a_run_that_is_being_written_moves_by_itself(browser, shared_stack):
    from influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import SYNCHRONOUS

    config = shared_stack.config
    now = time.time_ns()
    with InfluxDBClient(config["url"], config["token"], org=config["org"]) as client:
        write = client.write_api(write_options=SYNCHRONOUS).write
        write(config["bucket"], record=f"live value=1 {now - 10**9}")
        browser.open("/?run=live")
        assert curves(browser, "measure:value") == {"value": 1}
        write(
            config["bucket"], record=[f"live value=2 {now}", f"live value=3 {now + 10**9}"]
        )
        browser.until(
            lambda: curves(browser, "measure:value") == {"value": 3}, "the new points"
        )


def test_an_unknown_run_is_waited_for_and_the_list_is_still_there(browser, shared_stack):
    browser.driver.get(shared_stack.config["url"] + "/?run=nothing-like-it")
    browser.wait_for("empty")
    said = browser.run("return document.body.innerText")
    assert "Waiting for the first point of nothing-like-it…" in said
    assert "removed" in said
    browser.until(lambda: browser.all('[data-run="example"]'), "the list")
    # The browser itself says that the answer was 404.
    assert all("404" in message for message in browser.errors())
    browser.one('[data-run="example"]').click()
    browser.wait_for("ready")
    assert "Waiting" not in browser.run("return document.body.innerText")


def test_a_page_that_was_opened_before_its_run_shows_it_when_it_comes(
    browser, shared_stack
):
    browser.driver.get(shared_stack.config["url"] + "/?run=to%20come%2F1")
    browser.wait_for("empty")
    assert "Waiting for the first point of to come/1…" in browser.one("#message").text
    browser.shot("waiting-for-a-run")
    time.sleep(3)  # longer than one look
    assert "Waiting" in browser.one("#message").text
    now = time.time_ns()
    shared_stack.write(f"to\\ come/1 value=1 {now - 10**9}", f"to\\ come/1 value=2 {now}")
    browser.wait_for("ready")
    assert browser.one("[data-testid=run-title]").text == "to come/1"
    assert curves(browser, "measure:value") == {"value": 2}
    assert browser.all('[data-run="to come/1"]')
    assert not browser.one("#message").is_displayed()
    # From now on it moves as every live run.
    shared_stack.write(f"to\\ come/1 value=3 {now + 10**9}")
    browser.until(
        lambda: curves(browser, "measure:value") == {"value": 3}, "the new points"
    )
    assert all("404" in message for message in browser.errors())


def test_a_part_of_the_page_that_did_not_arrive_is_asked_for_again(browser, shared_stack):
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    browser.run("sessionStorage.clear()")
    try:
        blocked = {"urls": ["*/charts/marks.js"]}
        browser.driver.execute_cdp_cmd("Network.setBlockedURLs", blocked)
        browser.driver.get(shared_stack.config["url"] + EXAMPLE)
        again = "return sessionStorage.length"
        browser.until(lambda: browser.run(again), "the page to load itself again")
        assert browser.run("return document.body.dataset.state") == "loading"
        browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        browser.wait_for("ready")
    finally:
        browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        browser.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})
        browser.errors()
