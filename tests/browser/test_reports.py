"""Pages that ``multimeter show`` and ``compare`` write, opened from the disk."""

from __future__ import annotations

import sys

import pytest

from multimeter import FileStorage, JsonFormat, Result
from multimeter.cli import main

S = 10**9
BREAK = "document.title='broken'"
EVIL = f'<img src=x onerror="{BREAK}"><script>{BREAK}</script>'


def make(name, start, load):
    result = Result(identifier=name, tags={"note": EVIL})
    for number in range(50):
        values = {"process.cpu_rate_user": load, "process.memory_rss_max": 1000 * number}
        result.append((start + number) * S, {**values, f"rig.{EVIL}": load})
    result.add_mark((start + 5) * S, EVIL)
    return result


@pytest.fixture
def page(browser, tmp_path):
    """Write a page, open it, and wait until it is drawn."""

    def page(*words):
        storage = FileStorage(tmp_path, JsonFormat())
        files = []
        for number, name in enumerate(("a", f"b {EVIL}")):
            storage.store(make(name, 1_700_000_000 + 100 * number, 0.5 + number))
            files.append(str(storage.path(name)))
        file = tmp_path / "page.html"
        verb, count = words
        with pytest.raises(SystemExit) as ended:
            main([verb, *files[-count:], "--html", str(file)])
        assert ended.value.code == 0
        browser.driver.get(file.as_uri())
        browser.wait_for("ready")
        return browser

    return page


@pytest.mark.skipif(sys.platform == "win32", reason="the tests of the page run on Linux")
@pytest.mark.parametrize(("verb", "count"), [("show", 1), ("compare", 2)])
def test_a_page_draws_its_curves_offline_and_names_stay_text(page, verb, count):
    browser = page(verb, count)
    charts = browser.run("return charts.length")
    assert len(browser.all(".chart .main-svg")) >= charts >= 3
    assert browser.run("return charts[0].curves[0].mean.length") == 50
    assert EVIL in browser.run("return document.querySelector('h1').textContent")
    assert "broken" not in browser.run("return document.title").partition("<")[0]
    assert (
        browser.run("return document.querySelectorAll('img, body > script[src]').length")
        == 0
    )
    buttons = [each.get_attribute("data-title") for each in browser.all(".modebar-btn")]
    assert buttons
    assert not any("hare" in str(button) or "loud" in str(button) for button in buttons)
    browser.shot(f"report-{verb}")
    assert browser.errors() == []


def test_charts_zoom_together(page):
    browser = page("show", 1)
    browser.run("Plotly.relayout(boxes[0], {'xaxis.range[0]': 10, 'xaxis.range[1]': 20})")
    browser.until(
        lambda: browser.run("return boxes[1].layout.xaxis.range[0] === 10"), "the others"
    )
