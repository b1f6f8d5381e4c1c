from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimeter.probes.tree import TreeAccount
from multimeter.probes.usage import COUNTERS, NOTHING, Usage

USER, FAULTS, WRITE = (COUNTERS.index(each) for each in ("user", "faults", "disk_write"))
SWITCHES = COUNTERS.index("switches_vol")


def totals(account):
    return {name: value for name, value in zip(COUNTERS, account.totals) if value}


def test_what_was_used_before_does_not_count(make_usage):
    account = TreeAccount({1: make_usage(user=5, faults=9)}, started=100)
    account.update({1: make_usage(user=7, faults=9)})
    assert totals(account) == {"user": 2}


def test_a_new_child_counts_from_its_start(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    account.update({1: make_usage(), 2: make_usage(1, 101, user=3)})
    account.update({1: make_usage(), 2: make_usage(1, 101, user=4)})
    assert totals(account) == {"user": 4}


def test_an_older_process_that_joins_counts_from_when_it_is_seen(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    account.update({1: make_usage(), 2: make_usage(1, 99, user=30)})
    account.update({1: make_usage(), 2: make_usage(1, 99, user=31)})
    assert totals(account) == {"user": 1}


def test_a_child_that_was_never_seen_counts_when_it_was_reaped(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    account.update({1: make_usage(reaped={"user": 2, "faults": 50})})
    assert totals(account) == {"user": 2, "faults": 50}


def test_a_child_that_was_seen_does_not_count_twice(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    account.update({1: make_usage(), 2: make_usage(1, 101, user=3, faults=40)})
    account.update({1: make_usage(reaped={"user": 5, "faults": 50})})
    assert totals(account) == {"user": 5, "faults": 50}


def test_a_child_that_nobody_reaped_stays_counted(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    account.update({1: make_usage(), 2: make_usage(1, 101, user=3, faults=40)})
    account.update({1: make_usage(user=1)})
    account.update({1: make_usage(user=2)})
    assert totals(account) == {"user": 5, "faults": 40}


def test_a_child_reaped_between_two_reads_is_found_the_next_time(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    account.update({1: make_usage(), 2: make_usage(1, 101, user=3, faults=40)})
    # The parent is read, then the child ends and is reaped, then nothing is left to read.
    account.update({1: make_usage()})
    assert totals(account) == {"user": 3, "faults": 40}
    account.update({1: make_usage(reaped={"user": 3, "faults": 45})})
    assert totals(account) == {"user": 3, "faults": 45}


def test_a_grandchild_whose_parent_ended_too_is_found_in_the_grandparent(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    account.update(
        {
            1: make_usage(),
            2: make_usage(1, 101, user=3, faults=40),
            3: make_usage(2, 102, user=10, faults=60),
        }
    )
    account.update({1: make_usage(reaped={"user": 14, "faults": 110})})
    assert totals(account) == {"user": 14, "faults": 110}


def test_an_orphan_goes_on_counting(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    orphan = make_usage(2, 102, user=10, faults=60)
    account.update({1: make_usage(), 2: make_usage(1, 101, faults=40), 3: orphan})
    gone_on = make_usage(7, 102, user=12, faults=60)
    account.update({1: make_usage(reaped={"faults": 40}), 3: gone_on})
    account.update({1: make_usage(reaped={"faults": 40})})
    assert totals(account) == {"user": 12, "faults": 100}


def test_an_id_that_was_used_again_is_another_process(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    account.update({1: make_usage(), 2: make_usage(1, 101, user=5, faults=40)})
    account.update(
        {1: make_usage(reaped={"user": 5, "faults": 40}), 2: make_usage(1, 105, user=1)}
    )
    assert totals(account) == {"user": 6, "faults": 40}


def test_bytes_that_the_parent_took_over_do_not_count_twice(make_usage):
    account = TreeAccount({1: make_usage()}, 100, merged=["disk_write"])
    account.update({1: make_usage(), 2: make_usage(1, 101, disk_write=7, faults=9)})
    account.update({1: make_usage(disk_write=10, reaped={"faults": 9})})
    assert totals(account) == {"disk_write": 10, "faults": 9}


def test_bytes_of_a_child_that_nobody_reaped_stay_counted(make_usage):
    account = TreeAccount({1: make_usage()}, 100, merged=["disk_write"])
    account.update({1: make_usage(), 2: make_usage(1, 101, disk_write=7, faults=9)})
    account.update({1: make_usage(disk_write=2)})
    assert totals(account) == {"disk_write": 9, "faults": 9}


def test_bytes_that_arrive_after_the_reaping_do_not_count_twice(make_usage):
    account = TreeAccount({1: make_usage()}, 100, merged=["disk_write"])
    account.update({1: make_usage(), 2: make_usage(1, 101, disk_write=7, faults=9)})
    # The bytes were read before the child was reaped, the faults after it.
    account.update({1: make_usage(reaped={"faults": 9})})
    assert totals(account) == {"disk_write": 7, "faults": 9}
    account.update({1: make_usage(disk_write=10, reaped={"faults": 9})})
    assert totals(account) == {"disk_write": 10, "faults": 9}


def test_a_counter_that_goes_back_takes_nothing_away(make_usage):
    account = TreeAccount({1: make_usage(switches_vol=10)}, 100)
    account.update({1: make_usage(switches_vol=15)})
    account.update({1: make_usage(switches_vol=3)})
    account.update({1: make_usage(switches_vol=4)})
    assert totals(account) == {"switches_vol": 6}


def test_a_loop_of_parents_ends(make_usage):
    account = TreeAccount({1: make_usage()}, started=100)
    account.update({2: make_usage(3, 101), 3: make_usage(2, 101)})
    account.update({1: make_usage()})
    assert totals(account) == {}


class World:
    """Processes that work, end, and reap each other, as a kernel has them."""

    def __init__(self):
        self.alive = {1: [None, NOTHING, NOTHING]}  # parent, own, reaped
        self.ended = set()
        self.used = NOTHING
        self.next = 2

    def work(self, pid, amount):
        parent, own, reaped = self.alive[pid]
        counters = [0.0] * len(COUNTERS)
        counters[USER], counters[FAULTS], counters[WRITE] = amount, amount + 1, 3 * amount
        self.used = tuple(map(sum, zip(self.used, counters)))
        self.alive[pid] = [parent, tuple(map(sum, zip(own, counters))), reaped]

    def spawn(self, parent):
        self.alive[self.next] = [parent, NOTHING, NOTHING]
        self.work(self.next, 0)
        self.next += 1

    def reap(self, pid):
        """Let a process end that has no children, and its parent wait for it."""
        parent, own, reaped = self.alive.pop(pid)
        passed = [a + b for a, b in zip(own, reaped)]
        of_parent = self.alive[parent]
        written, passed[WRITE] = passed[WRITE], 0.0
        of_parent[2] = tuple(map(sum, zip(of_parent[2], passed)))
        own = list(of_parent[1])
        own[WRITE] += written  # as in /proc/PID/io
        of_parent[1] = tuple(own)

    def step(self, kind, which, amount):
        pids = sorted(self.alive)
        pid = pids[which % len(pids)]
        if kind == "work":
            self.work(pid, amount)
        elif kind == "spawn":
            self.spawn(pid)
        elif pid != 1 and not any(p[0] == pid for p in self.alive.values()):
            self.reap(pid)

    def usage(self, pid):
        parent, own, reaped = self.alive[pid]
        return Usage(parent or 0, 100.0 + pid, own, reaped)

    def snapshot(self, between=()):
        """Read one process after the other, while the world goes on in between."""
        found, steps, queue = {}, iter(between), [1]
        while queue:
            pid = queue.pop(0)
            if pid in self.alive:
                found[pid] = self.usage(pid)
                queue += [p for p, each in self.alive.items() if each[0] == pid]
            for step in steps:
                self.step(*step)
                break
        return found


STEP = st.tuples(
    st.sampled_from(["work", "work", "spawn", "spawn", "reap"]),
    st.integers(0, 50),
    st.integers(0, 9),
)


@settings(max_examples=150)
@given(st.lists(st.lists(STEP, max_size=12), max_size=8))
def test_nothing_is_lost_and_nothing_doubled_while_all_are_reaped(rounds):
    world = World()
    account = TreeAccount(world.snapshot(), 100, merged=["disk_write"])
    for steps in rounds:
        for step in steps:
            world.step(*step)
        account.update(world.snapshot())
        assert account.totals == pytest.approx(world.used)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.lists(STEP, max_size=8), st.lists(STEP, max_size=6)), max_size=8)
)
def test_what_changes_while_it_is_read_is_right_in_the_end(rounds):
    world = World()
    account = TreeAccount(world.snapshot(), 100, merged=["disk_write"])
    for steps, between in rounds:
        for step in steps:
            world.step(*step)
        before = account.totals
        account.update(world.snapshot(between))
        assert all(new >= old for new, old in zip(account.totals, before))
    # What was too much while the world changed is made up for by what is used later.
    account.update(world.snapshot())
    world.work(1, 50)
    account.update(world.snapshot())
    assert account.totals == pytest.approx(world.used)
