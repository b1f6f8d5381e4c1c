"""Crashes workloads; how many states were recovered from is said at the end."""

from __future__ import annotations

import logging
import pathlib
import shutil
import tempfile

import pytest
from fakes.crash.explorer import TOTALS, Explorer, Plan, Totals


@pytest.fixture
def explore(request):
    """Return a function that crashes a workload and demands that all is well after it."""
    seconds = request.config.getoption("--crash-seconds")
    seed = request.config.getoption("--crash-seed")
    plan = Plan(states=None, seconds=seconds) if seconds else Plan()
    # A disk in memory, where there is one: each state is a folder with files.
    memory = pathlib.Path("/dev/shm")
    folder = pathlib.Path(
        tempfile.mkdtemp(prefix="crash-", dir=memory if memory.is_dir() else None)
    )

    def explore(workload):
        explorer = Explorer(workload, folder, seed)
        try:
            found = explorer.explore(plan)
        finally:
            request.config.stash.setdefault(TOTALS, Totals()).add(explorer.totals)
        assert found.states
        assert not found.problems, found.examples

    logging.disable(logging.CRITICAL)
    yield explore
    logging.disable(logging.NOTSET)
    shutil.rmtree(folder)
