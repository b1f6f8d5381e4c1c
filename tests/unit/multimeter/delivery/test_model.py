"""Queue, spool and worker against a world that accepts, refuses, lies and crashes."""

from __future__ import annotations

import json
import pathlib
import tempfile

import pytest
from fakes.driven import Driven
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from multimeter.sinks.base import Accepted, Rejected, Retry
from multimeter.sinks.memory import MemorySink

MOODS = ["accept", "retry", "wait", "refuse", "slow", "lose the answer", "break"]
POISON = b"poison"


class World(MemorySink):
    """Answers as its mood is, but never stores poison."""

    def __init__(self):
        super().__init__(self.say)
        self.mood = "accept"
        self.names_them = False
        self.largest = 100

    def say(self, batch):  # noqa: PLR0911 - one for each mood
        bad = {i: "no" for i, line in enumerate(batch.lines) if POISON in line}
        match self.mood:
            case "retry":
                return Retry("down")
            case "wait":
                return Retry("busy", after=7.0)
            case "refuse":
                return Retry("unauthorized", refused=True)
            case "slow":
                return Retry("too slow", smaller=True)
            case "break":
                raise ConnectionError("broken")
        if len(batch) > self.largest:
            return Rejected("too large", too_large=True)
        if bad:
            return Rejected("no", bad if self.names_them else {})
        if self.mood == "lose the answer":
            self.store(batch)
            return Retry("no answer")
        return Accepted()


class Model(RuleBasedStateMachine):
    tier = "spool"

    def __init__(self):
        super().__init__()
        self.root = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.root.name)
        self.world = World()
        self.put = 0
        self.poisoned = set()
        self.begin()

    def begin(self):
        self.driven = Driven(
            self.world,
            self.folder,
            tier=self.tier,
            spool=self.folder / "spool",
            max_records=7,
            batch_size=4,
        )

    @rule(records=st.lists(st.booleans(), min_size=1, max_size=9))
    def put_some(self, records):
        for is_poison in records:
            line = b"%06d" % self.put
            if is_poison:
                line += POISON
                self.poisoned.add(line)
            self.driven.put(line)
            self.put += 1

    @rule(steps=st.integers(1, 6))
    def work(self, steps):
        for _ in range(steps):
            self.driven.step()

    @rule(mood=st.sampled_from(MOODS), names=st.booleans(), largest=st.integers(1, 5))
    def change_the_world(self, mood, names, largest):
        self.world.mood = mood
        self.world.names_them = names
        self.world.largest = largest

    @rule()
    def spill(self):
        self.driven.queue.spill(self.driven.worker.claimed)

    @precondition(lambda self: self.tier != "memory")
    @rule()
    def crash(self):
        self.driven.queue.abandon()
        self.begin()

    @rule()
    def end_in_order(self):
        """Close with what is left in the spool, and begin again."""
        self.driven.queue.spill(self.driven.worker.claimed)
        self.driven.queue.close()
        self.begin()

    @invariant()
    def the_accounts_add_up(self):
        stats = self.driven.counters.stats()
        parts = (
            stats.delivered + stats.rejected + stats.queued + sum(stats.dropped.values())
        )
        assert stats.accepted == parts
        assert stats.queued >= 0
        assert not stats.dropped
        assert self.driven.balance()

    @invariant()
    def memory_is_bounded(self):
        assert len(self.driven.queue._lines) + self.driven.queue._taken_records <= 7

    def teardown(self):
        self.world.mood = "accept"
        self.driven.run()
        stored = list(self.world.lines.values())
        rejects = self.driven.rejects.path
        text = rejects.read_text() if rejects.exists() else ""
        rejected = {json.loads(line)["line"].encode() for line in text.splitlines()}
        assert rejected == self.poisoned, "exactly the bad ones are rejected"
        assert len(stored) == len(set(stored)), "nothing is doubled"
        assert len(stored) + len(rejected) == self.put, "nothing is lost"
        assert stored == sorted(stored), "the order is kept"
        self.driven.queue.close()
        left = self.folder / "spool"
        assert not left.exists() or not list(left.iterdir()), "nothing is left behind"
        self.root.cleanup()


class MemoryModel(Model):
    tier = "memory"


class SyncModel(Model):
    tier = "spool+fsync"


@pytest.mark.parametrize(
    ("model", "examples"), [(Model, 60), (MemoryModel, 60), (SyncModel, 5)]
)
def test_nothing_is_lost_nothing_is_doubled_and_the_order_is_kept(model, examples):
    case = model.TestCase()
    case.settings = settings(max_examples=examples, stateful_step_count=30, deadline=None)
    case.runTest()
