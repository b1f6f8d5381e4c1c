from __future__ import annotations

import signal

import pytest

from multimeter.visualization.embedded.process import deferred_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_comes_when_its_time_has_come(number):
    came = []
    before = signal.signal(number, lambda each, _frame: came.append(each))
    try:
        with deferred_signals():
            signal.raise_signal(number)
            assert came == []
        assert came == [number]
    finally:
        signal.signal(number, before)
