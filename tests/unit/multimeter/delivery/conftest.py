from __future__ import annotations

import pytest
from fakes.driven import Driven

from multimeter.sinks.memory import MemorySink


@pytest.fixture
def sink():
    return MemorySink()


@pytest.fixture
def drive(tmp_path):
    """Make a delivery that a test takes the steps of."""

    def make(sink, **settings):
        return Driven(sink, tmp_path, **{"spool": tmp_path / "spool", **settings})

    return make
