from __future__ import annotations

import pathlib
import re

import pytest

from multimeter.visualization.dashboards.own import parse_dashboard

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_and_leads_to_is_there(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    ours = [link for link in links if "://" not in link]
    assert [link for link in ours if not (page.parent / link).exists()] == []


def test_every_picture_is_shown_somewhere_or_made_by_the_script():
    script = (ROOT / "docs/screenshots.py").read_text(encoding="utf-8")
    for picture in (ROOT / "docs/images").iterdir():
        view, look = picture.stem.split("-")
        assert re.search(rf'"{look}": \(', script), picture.name
        assert re.search(rf'"{view}": |/ f"{view}-', script), picture.name


def test_every_picture_of_grafana_is_shown():
    page = (ROOT / "docs/docker.md").read_text(encoding="utf-8")
    for picture in (ROOT / "docs/grafana").iterdir():
        assert f"](grafana/{picture.name})" in page


def test_pictures_are_small():
    folders = (ROOT / "docs/images").iterdir(), (ROOT / "docs/grafana").iterdir()
    pictures = [ROOT / "docs/page.png", *folders[0], *folders[1]]
    assert [each.name for each in pictures if each.stat().st_size > 250_000] == []


def test_the_dashboard_of_the_documentation_can_be_used():
    file = (ROOT / "docs/example-dashboard.toml").read_text(encoding="utf-8")
    page = (ROOT / "docs/dashboards.md").read_text(encoding="utf-8")
    assert file in page
    assert len(parse_dashboard("training", file).panels) == 2
