from __future__ import annotations

import time
from urllib.parse import parse_qs, urlparse

import pytest
from selenium.webdriver.common.keys import Keys

S = 10**9
RUNS = 2_000
SCRIPT = "<script>document.title='broken'</script>"


@pytest.fixture(autouse=True)
def no_console_errors(browser):
    browser.driver.get_log("browser")
    browser.look(1400, 1000, "light")
    yield
    assert browser.errors() == []


@pytest.fixture(scope="module")
def filled(shared_stack):
    """A stack with 2,000 runs, which no test changes."""
    now = time.time_ns()
    lines = []
    for number in range(RUNS):
        start = now - (RUNS - number) * 600 * S
        head = f"run-{number:04d},host=gpu-{number % 7}"
        memory = (number * 7919) % RUNS + 1
        lines += [
            f"{head} process.memory_rss_max={memory} {start + k * S}" for k in (0, 30)
        ]
        end = f'start={start}i,end={start + 30 * S}i,state="finished"'
        lines.append(f"multimeter_runs,measurement=run-{number:04d} {end} {start}")
    died = now - 3600 * S
    lines += [
        f"dead,host=gpu-9 process.memory_rss_max=1 {died}",
        f'multimeter_runs,measurement=dead state="running",alive_until={died}i {died}',
        f"{SCRIPT},tag=<b>x</b> v=1 {now - 7200 * S}",
    ]
    shared_stack.write(*lines)
    return shared_stack


def identifiers(browser):
    rows = "[...document.querySelectorAll('tbody tr')]"
    return browser.run(f"return {rows}.map(row => row.dataset.run)")


def count(browser):
    return browser.one("#run-count").text


def test_all_runs_are_listed_and_rows_come_while_scrolling(browser, filled):
    browser.open("/")
    assert count(browser) == f"{RUNS + 3:,} runs"
    assert "run-1999" in identifiers(browser)[:2]
    assert len(identifiers(browser)) < RUNS
    browser.until(
        lambda: (
            browser.run("scrollTo(0, document.body.scrollHeight)")
            or len(identifiers(browser)) == RUNS + 3
        ),
        "all rows",
    )
    browser.shot("overview-light")


def test_runs_are_filtered_by_words_tags_and_state(browser, filled):
    browser.open("/")
    search = browser.one("#search")
    search.send_keys("host=gpu-3 run-00")
    expected = [f"run-{n:04d}" for n in range(99, -1, -1) if n % 7 == 3]
    browser.until(lambda: identifiers(browser) == expected, "the runs of one host")
    assert count(browser) == f"{len(expected)} of {RUNS + 3:,} runs"
    search.send_keys(Keys.ESCAPE)
    next(each for each in browser.all("#state option") if each.text == "died").click()
    browser.until(lambda: identifiers(browser) == ["dead"], "the run that died")
    assert "state=died" in browser.driver.current_url
    browser.driver.refresh()
    browser.wait_for("ready")
    assert identifiers(browser) == ["dead"]


def test_a_click_on_a_tag_shows_the_runs_that_have_it(browser, filled):
    browser.open("/?search=run-0011")
    browser.one("tbody .tags button").click()
    assert browser.one("#search").get_attribute("value") == "run-0011 host=gpu-4"


@pytest.mark.parametrize(
    ("column", "first", "then"),
    [("identifier", "<", "run-1999"), ("peak_memory", "example", "run-0000")],
)
def test_a_column_sorts_both_ways_by_keyboard(browser, filled, column, first, then):
    browser.open("/")
    head = browser.one(f"th[data-column='{column}']")
    button = head.find_element("css selector", "button")
    button.send_keys(Keys.ENTER)
    assert identifiers(browser)[0].startswith(first)
    before = head.get_attribute("aria-sort")
    button.send_keys(Keys.ENTER)
    assert {before, head.get_attribute("aria-sort")} == {"ascending", "descending"}
    assert f"{column}" in browser.driver.current_url
    # The smallest of all memories is that of the run that died, and of one more.
    assert identifiers(browser)[0] in (then, "dead")


def test_ticked_runs_lead_to_their_comparison(browser, filled):
    browser.open("/?search=run-000")
    boxes = browser.all("tbody input")
    boxes[0].send_keys(Keys.SPACE)
    assert browser.one("#compare").get_attribute("href") is None
    boxes[1].send_keys(Keys.SPACE)
    link = browser.one("#compare").get_attribute("href")
    assert parse_qs(urlparse(link).query) == {"run": ["run-0009", "run-0008"]}
    for box in boxes[2:9]:
        box.click()
    assert browser.one("#compare").get_attribute("href") is None
    assert "at most 8" in browser.one("#ticked").text


def test_a_run_opens_by_its_name(browser, filled):
    browser.open("/?search=example")
    browser.one("tbody a[data-run=example]").click()
    browser.until(lambda: browser.all("[data-testid=run-title]"), "the run")
    browser.wait_for("ready")
    assert browser.one("[data-testid=run-title]").text == "example"


def test_hostile_text_is_shown_as_it_is(browser, filled):
    browser.open("/?search=script")
    assert identifiers(browser) == [SCRIPT]
    assert "tag <b>x</b>" in browser.one("tbody .tags").text
    assert browser.driver.title != "broken"
    assert browser.all("tbody b, tbody script") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1400, 1000), (390, 844)])
def test_it_fits_each_screen(browser, filled, scheme, width, height):
    browser.look(width, height, scheme)
    browser.open("/?search=run-00")
    assert browser.overflow() <= 0
    browser.shot(f"overview-{scheme}-{width}")


def test_the_browser_says_how_long_two_thousand_runs_take(browser, filled, record_property):
    browser.open("/")
    browser.one("#search").send_keys("gpu-3")
    measures = (
        "return performance.getEntriesByType('measure').map(m => [m.name, m.duration])"
    )
    found = browser.run(measures)
    assert {"multimeter-open", "multimeter-list"} <= {name for name, _ in found}
    print(found)
    record_property("measures", found)
