from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest

from multimeter import InfluxDBStorage, ResourceProbe, Result

S = 10**9
USER, MEMORY = "process.cpu_rate_user", "process.memory_rss_max"
SCRIPT = "<script>document.title='broken'</script>"
NAMES = ["first", "second", SCRIPT]


@pytest.fixture(autouse=True)
def no_console_errors(browser):
    browser.driver.get_log("browser")
    browser.look(1400, 1000, "light")
    yield
    assert browser.errors() == []


@pytest.fixture(scope="module")
def stored(shared_stack):
    """Three runs, each longer than the one before, with a mark later than before."""
    storage = InfluxDBStorage.from_stack(shared_stack.config_file)
    for number, name in enumerate(NAMES, 1):
        result = Result(ResourceProbe(), identifier=name, tags={"host": str(number)})
        start = time.time_ns() - number * 86_400 * S
        for second in range(100 * number + 1):
            result.append(start + second * S, {USER: number / 2, MEMORY: 1024 * number})
        result.add_mark(start + 10 * number * S, "train")
        result.add_mark(start + 11 * number * S, f"only in {number}")
        storage.store(result)
    storage.close()
    return shared_stack


def address(*names, **more):
    return "/compare?" + urlencode([("run", name) for name in names] + [*more.items()])


def lines(browser, panel):
    """By run, the first and the last time of its line, in s."""
    return browser.run(
        "const { lines } = document.querySelector(`[data-panel='${arguments[0]}']"
        " .chart`).drawn;"
        "return Object.fromEntries(lines.map(l =>"
        " [l.label, [l.time[0], l.time.at(-1)].map(t => Math.round(t / 1000))]))",
        panel,
    )


def about(*times):
    """A line begins and ends with the buckets that its points fall into."""
    return pytest.approx(times, abs=2)


def table(browser, selector):
    rows = browser.all(f"{selector} tbody tr")
    return {
        row.find_element("css selector", "th").text: [
            cell.text.split() for cell in row.find_elements("css selector", "td")
        ]
        for row in rows
    }


def test_runs_lie_over_each_other_from_their_starts(browser, stored):
    browser.open(address(*NAMES))
    assert lines(browser, USER) == {
        "first": about(0, 100),
        "second": about(0, 200),
        SCRIPT: about(0, 300),
    }
    assert browser.driver.title != "broken"
    assert browser.all("main script") == []


def test_runs_are_aligned_on_a_mark_that_all_have(browser, stored):
    browser.open(address("first", "second"))
    offered = [each.text for each in browser.all("#align option")]
    assert offered == ["start", "mark “train”"]
    browser.one("#align option:last-child").click()
    browser.until(lambda: "align=train" in browser.driver.current_url, "the address")
    aligned = {"first": about(-10, 90), "second": about(-20, 180)}
    browser.until(lambda: lines(browser, USER) == aligned, "the lines to move")
    browser.driver.refresh()
    browser.wait_for("ready")
    assert lines(browser, USER) == aligned


def test_a_table_says_how_far_each_is_from_the_first(browser, stored):
    browser.open(address("first", "second"))
    assert table(browser, "#differences") == {
        "Duration": [["1", "min", "40", "s"], ["3", "min", "20", "s", "+100", "%"]],
        "Peak memory": [["1", "MiB"], ["2", "MiB", "+100", "%"]],
        "Mean CPU": [["50", "%"], ["100", "%", "+100", "%"]],
        "CPU time": [
            ["50", "s"],
            ["3", "min", "20", "s", "+300", "%"],
        ],
    }
    browser.one("#all-measures summary").click()
    rows = table(browser, "#all-measures")
    assert rows["CPU · process user: mean"] == [["50", "%"], ["100", "%", "+100", "%"]]
    assert rows["CPU · process user: total"][0] == ["50", "s"]
    assert "Memory · process peak RSS so far: peak" in rows


def test_zooming_stays_in_the_link(browser, stored):
    browser.open(address("first", "second"))
    browser.one("#zoom-in").click()
    browser.until(lambda: "from=" in browser.driver.current_url, "the zoom")
    browser.wait_for("ready")
    assert browser.one("#when").text == "50 s \N{EN DASH} 2:30 after start"


@pytest.mark.parametrize("names", [(), ("first",), [f"n{i}" for i in range(9)]])
def test_fewer_than_two_and_more_than_eight_cannot_be_compared(browser, stored, names):
    browser.driver.get(browser.driver.current_url.split("/compare")[0] + address(*names))
    browser.wait_for("error")
    assert "Two to eight" in browser.one("#message").text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1400, 1000), (390, 844)])
def test_it_fits_each_screen(browser, stored, scheme, width, height):
    browser.look(width, height, scheme)
    browser.open(address(*NAMES))
    assert browser.overflow() <= 0
    browser.shot(f"compare-{scheme}-{width}")
