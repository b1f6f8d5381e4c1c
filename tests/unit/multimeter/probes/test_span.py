from __future__ import annotations

import sys
import time

import pytest

from multimeter.probes.span import SpanMeter

MIB = 2**20


@pytest.fixture
def meter():
    # The thread looks once an hour: what is found is found without it.
    return SpanMeter(3_600.0)


def test_a_span_has_its_duration_and_cpu_time(meter):
    meter.start()
    begin = time.process_time()
    while time.process_time() < begin + 0.05:
        pass
    usage = meter.end()
    assert 0.05 <= usage.cpu_time < 2
    assert usage.duration >= 0.04


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel forgets a mark there")
def test_memory_that_was_given_back_is_in_the_rise(meter):
    meter.start()
    memory = bytearray(40 * MIB)
    memory[::4096] = bytes(40 * 256)
    del memory
    assert 39 * MIB < meter.end().memory < 60 * MIB


def test_spans_do_not_know_of_each_other(meter):
    meter.start()
    memory = bytearray(30 * MIB)
    memory[::4096] = bytes(30 * 256)
    meter.end()
    meter.start()
    assert meter.end().memory < 10 * MIB
    del memory
