from __future__ import annotations

import pytest

from multimeter import Storage


def test_a_storage_must_implement_store_and_nothing_else():
    class List(Storage):
        def __init__(self):
            self.results = []

        def store(self, result):
            self.results.append(result)

    assert List().results == []
    with pytest.raises(TypeError, match="store"):
        Storage()
