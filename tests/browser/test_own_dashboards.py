from __future__ import annotations

import pytest

MINE = """
title = "<b>Mine</b>"

[[panels]]
title = "Peaks"
measures = ["*.memory_rss_max"]
unit = "bytes"
axis = "log"
description = "Of <i>everything</i>."
"""


@pytest.fixture
def added(shared_stack, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    done = shared_stack.run("dashboard", "add", str(file))
    assert done.returncode == 0, done.stderr
    yield
    shared_stack.run("dashboard", "remove", "mine")


def test_panels_of_ones_own_stand_under_their_title_behind_the_others(browser, added):
    browser.open("/?run=example")
    (heading,) = browser.all("#panels > .group")
    assert heading.text == "<b>Mine</b>"
    order = browser.run(
        "return [...document.querySelector('#panels').children]"
        ".map(e => e.dataset.panel ?? 'heading')"
    )
    assert order[-2:] == ["heading", "own:mine:1"]
    panel = browser.one("[data-panel='own:mine:1'] h2")
    assert (panel.text, panel.get_attribute("title")) == ("Peaks", "Of <i>everything</i>.")
    assert browser.errors() == []


def test_a_panel_with_a_log_axis_has_one_while_the_others_have_none(browser, added):
    browser.open("/?run=example")
    browser.run("document.querySelector(\"[data-panel='own:mine:1']\").scrollIntoView()")
    drawn = "return document.querySelector(`[data-panel='${arguments[0]}'] .chart`)?.drawn"
    for panel in ("own:mine:1", "memory"):
        browser.until(lambda each=panel: browser.run(f"{drawn} != null", each), panel)
    axes = [browser.run(f"{drawn}.frame.log", each) for each in ("own:mine:1", "memory")]
    assert axes[0]
    assert not axes[1]
    assert browser.errors() == []
