from __future__ import annotations

from multimeter import DummyStorage, Result, Storage


def test_a_dummy_storage_leaves_the_result_alone():
    result = Result()
    assert isinstance(DummyStorage(), Storage)
    assert DummyStorage().store(result) is None
    assert result == Result()
