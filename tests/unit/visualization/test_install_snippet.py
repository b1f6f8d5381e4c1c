from __future__ import annotations

import ast
import pathlib

from multimeter.visualization.commands.install import snippet


def test_it_is_python_of_about_ten_lines():
    text = snippet(None)
    ast.parse(text)
    assert len([line for line in text.splitlines() if line]) <= 10
    assert "from_stack()" in text


def test_an_unusual_place_of_the_configuration_is_named():
    text = snippet(pathlib.Path("/tmp/it's.json"))
    assert 'from_stack("/tmp/it\'s.json")' in text
    assert 'find_connection("/tmp/it\'s.json")' in text
    ast.parse(text)
