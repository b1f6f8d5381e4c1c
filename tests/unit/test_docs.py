from __future__ import annotations

import importlib
import pathlib
import re

import pytest

from multimeter.visualization.dashboards.user_defined import parse_dashboard

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


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


def _imports():
    for page in PAGES:
        for line in re.findall(
            r"^\s*((?:from|import) multimeter[\w.]*(?: import [\w, ]+)?)$",
            page.read_text(encoding="utf-8"),
            re.MULTILINE,
        ):
            yield pytest.param(line.strip(), id=f"{page.name}: {line.strip()}")


@pytest.mark.parametrize("line", list(_imports()))
def test_what_a_page_imports_is_there(line):
    exec(line, {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_and_files_that_a_page_names_are_there(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`(multimeter(?:\.\w+)+)", text):
        assert _is_there(name), name
    for file in re.findall(
        r"`((?:multimeter|tests|benchmarks|docs|compose)/[\w./-]+)`", text
    ):
        assert (ROOT / file).exists(), file


def _is_there(name):
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = getattr(found, part, None)
        return found is not None
    return False
