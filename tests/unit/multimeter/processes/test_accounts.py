from __future__ import annotations

import os

import pytest

from multimeter.processes.accounts import Reaped

resource = pytest.importorskip("resource")
MIB = 2**20


def usage(peak):
    values = [0.0] * 16
    values[2] = peak // 1024
    return resource.struct_rusage(values)


@pytest.mark.parametrize(
    ("floor", "peak", "is_known"),
    [
        (11 * MIB, 11 * MIB + 300 * 1024, False),  # pages are counted in batches
        (11 * MIB, 13 * MIB, True),
        (200 * MIB, 203 * MIB, False),
        (200 * MIB, 210 * MIB, True),
    ],
)
def test_a_peak_near_to_our_own_may_be_our_own(floor, peak, is_known):
    reaped = Reaped()
    reaped.floor = floor
    reaped.add(os.getpid(), usage(peak))
    assert reaped.is_peak_known is is_known


def test_the_floor_is_what_this_process_held_when_it_started_a_process():
    reaped = Reaped()
    before = reaped.floor
    memory = bytearray(30 * MIB)
    memory[::4096] = bytes(30 * 256)
    reaped.raise_floor()
    assert reaped.floor >= before
    del memory
