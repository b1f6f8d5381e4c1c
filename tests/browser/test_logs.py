from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.keys import Keys

from multimeter.loggers import ContinuousLogger

SCRIPT = "<script>document.title='broken'</script>"
# What was logged, as line protocol: codename, unit, value and how many seconds ago.
STEPS = range(0, 3000, 10)


@pytest.fixture(autouse=True)
def no_console_errors(browser):
    browser.driver.get_log("browser")
    browser.look(1400, 1000, "light")
    yield
    assert browser.errors() == []


@pytest.fixture(scope="module")
def logged(shared_stack):
    """A stack with values of the last 50 minutes, which no test changes."""
    now = time.time()
    names = ["pressure", "current", "gaps", "script"]
    with ContinuousLogger.to_stack(names, config=shared_stack.config_file) as logger:
        for ago in STEPS:
            logger.enqueue_point("pressure", (now - ago, 1e-9 * 2 ** (ago / 300)))
            logger.enqueue_point("current", (now - ago, -1.0 if ago > 1500 else 1.0))
            if not 1000 < ago < 2000:
                logger.enqueue_point("gaps", (now - ago, 20.0))
    shared_stack.write(
        f'multimeter_codenames,codename={escaped(SCRIPT)} unit="<b>V</b>"',
        *(
            f"multimeter_logs,codename={escaped(SCRIPT)} "
            f"value={ago} {int((now - ago) * 1e9)}"
            for ago in STEPS
        ),
    )
    return shared_stack


def escaped(text):
    return text.replace(" ", r"\ ").replace("=", r"\=").replace(",", r"\,")


def address(*codenames, **more):
    return "/logs?" + urlencode(
        [("codename", each) for each in codenames] + [*more.items()]
    )


def drawn(browser):
    """By panel, the lines: how many values, and how many holes."""
    return browser.run(
        "return Object.fromEntries([...document.querySelectorAll('[data-panel]')].map(p =>"
        " [p.querySelector('h2').textContent, p.querySelector('.chart').drawn])"
        ".map(([title, d]) => [title, d.lines.map((l, i) => [l.label,"
        " d.pieces[i].flatMap(p => p.mean).length, d.pieces[i].length - 1])]))"
    )


def titles(browser):
    return [each.text for each in browser.all("[data-panel] h2")]


def test_codenames_are_filtered_while_typing_and_chosen_by_keyboard(browser, logged):
    browser.open(address("current"))
    search = browser.one("#search")
    search.send_keys("press")
    shown = [each.text for each in browser.all(".codename") if each.is_displayed()]
    assert shown == ["pressure"]
    search.send_keys(Keys.ARROW_DOWN, Keys.SPACE)
    browser.until(lambda: browser.all("[data-panel] .legend li")[1:], "a second line")
    browser.wait_for("ready")
    assert {name for name, *_ in drawn(browser)["Values"]} == {"current", "pressure"}
    assert "codename=current&codename=pressure" in browser.driver.current_url
    browser.shot("logs-light")


def test_a_time_in_which_nothing_came_is_a_gap_and_no_line(browser, logged):
    browser.open(address("gaps", "pressure", apart=1))
    found = drawn(browser)
    ((_, values, holes),) = found["gaps"]
    assert holes == 1
    assert values < 250
    ((_, _, holes),) = found["pressure"]
    assert holes == 0


def test_a_logarithmic_axis_leaves_out_what_is_not_above_zero(browser, logged):
    browser.open(address("current"))
    ((_, all_values, _),) = drawn(browser)["current"]
    browser.one("#log-axis").click()
    browser.wait_for("ready")
    browser.until(lambda: "axis=log" in browser.driver.current_url, "the address")
    low = "return document.querySelector('.chart').drawn.axis.low"
    browser.until(lambda: browser.run(low) > 0, "an axis that begins above zero")
    ((_, positive, _),) = drawn(browser)["current"]
    assert 0.4 * all_values < positive < 0.6 * all_values


@pytest.mark.parametrize("last", [300, 900, 3600, 21600, 86400, 604800, 2592000])
def test_any_of_the_ranges_ends_now_and_is_live(browser, logged, last):
    browser.open(address("pressure"))
    browser.one(f"#range option[value='{last}']").click()
    browser.until(lambda: f"last={last}" in browser.driver.current_url, "the address")
    browser.wait_for("ready")
    data = browser.run("return {...document.querySelector('main').dataset}")
    assert (int(data["to"]) - int(data["from"])) // 1000 in (last, last + 1)
    assert browser.one("#live").is_displayed()


def test_a_link_with_two_moments_shows_them_and_stands_still(browser, logged):
    end = int(time.time() * 1000) - 60_000
    browser.open(address("pressure", **{"from": end - 600_000, "to": end}))
    data = browser.run("return {...document.querySelector('main').dataset}")
    assert (int(data["from"]), int(data["to"])) == (end - 600_000, end)
    assert not browser.one("#live").is_displayed()
    assert browser.one("#from").is_displayed()
    browser.one("#zoom-in").click()
    browser.until(lambda: f"from={end - 450_000}" in browser.driver.current_url, "a zoom")
    browser.wait_for("ready")


def test_values_that_come_are_shown_by_themselves(browser, logged):
    with ContinuousLogger.to_stack(["moving"], config=logged.config_file) as logger:
        # So far before the next one that they share no bucket.
        logger.enqueue_point("moving", (time.time() - 30, 1.0))
        assert logger.flush(30)
        browser.open(address("moving", last=300))
        assert drawn(browser)["moving"][0][1] == 1
        logger.enqueue_point_now("moving", 2.0)
        assert logger.flush(30)
    browser.until(lambda: drawn(browser)["moving"][0][1] == 2, "the new value")


def test_codenames_of_one_unit_share_a_panel_unless_each_is_to_be_alone(browser, logged):
    browser.open(address("pressure", "current", "gaps"))
    assert titles(browser) == ["Values"]
    browser.one("#apart").click()
    browser.until(lambda: len(titles(browser)) == 3, "a panel for each")
    assert titles(browser) == ["pressure", "current", "gaps"]


def test_hostile_names_and_units_are_shown_as_they_are(browser, logged):
    browser.open(address(SCRIPT))
    assert titles(browser) == [SCRIPT]
    assert browser.one("[data-panel] .unit").text == "<b>V</b>"
    assert browser.driver.title != "broken"
    assert browser.all("main b, main script, .side b") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1400, 1000), (390, 844)])
def test_it_fits_each_screen(browser, logged, scheme, width, height):
    browser.look(width, height, scheme)
    browser.open(address("pressure", "current", **{"from": 1, "to": 2_000_000_000_000}))
    browser.open(address("pressure", "current", "gaps", SCRIPT, apart=1))
    assert browser.overflow() <= 0
    browser.shot(f"logs-{scheme}-{width}")


def test_the_browser_says_how_long_it_took(browser, logged, record_property):
    browser.open(address("pressure"))
    found = browser.run(
        "return performance.getEntriesByType('measure').map(m => [m.name, m.duration])"
    )
    assert "multimeter-open" in dict(found)
    print(found)
    record_property("measures", found)
