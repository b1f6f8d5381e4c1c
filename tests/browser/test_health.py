from __future__ import annotations

import time

import pytest

S = 10**9


@pytest.fixture(autouse=True)
def no_console_errors(browser):
    browser.driver.get_log("browser")
    browser.look(1400, 1000, "light")
    yield
    assert browser.errors() == []


@pytest.fixture(scope="module")
def filled(shared_stack):
    """A stack in which two programs have said what they have delivered."""
    now = time.time_ns()
    shared_stack.write(
        *(
            f"multimeter_health,program=rig,sink=<b>db</b> accepted={n}i,queued={n % 7}i,"
            f"dropped=3i {now - (200 - n) * 60 * S}"
            for n in range(200)
        ),
        f"multimeter_health,program=done closed=true {now - 1800 * S}",
        f"multimeter_health,program=old accepted=1i,delivered=1i {now - 3600 * S}",
    )
    return shared_stack


def figure(browser, name):
    return browser.one(f"[data-figure={name}] dd").text


def test_the_store_says_what_it_holds(browser, filled):
    browser.open("/status")
    assert figure(browser, "runs") == "1"
    assert figure(browser, "codenames") == "0"
    assert "iB" in figure(browser, "size_bytes")
    assert time.strftime("%Y") in figure(browser, "newest")


def test_deliveries_say_what_became_of_their_points(browser, filled):
    browser.open("/status")
    rig, done, old = (
        [cell.text for cell in row.find_elements("css selector", "th, td")][:-1]
        for row in browser.all("#deliveries tbody tr")
    )
    assert rig == [
        "rig\nsink <b>db</b>",
        "live",
        "199",
        "",
        "3",
        "",
        "",
        "3",
        "",
        "",
    ]
    assert done == ["done", "ended", *[""] * 8]
    assert old == ["old", "silent", "1", "1", *[""] * 6]
    assert [each.text for each in browser.all("#deliveries .lost")] == ["3"]
    assert browser.all("main b") == []
    panels = [each.get_attribute("data-panel") for each in browser.all("[data-panel]")]
    assert panels == ["accepted", "delivered", "queued", "dropped"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1400, 1000), (390, 844)])
def test_it_fits_each_screen(browser, filled, scheme, width, height):
    browser.look(width, height, scheme)
    browser.open("/status")
    assert browser.overflow() <= 0
    browser.shot(f"health-{scheme}-{width}")
