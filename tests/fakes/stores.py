"""Stores for tests: a copy of an empty one is opened in half of the time to create one."""

from __future__ import annotations

import functools
import pathlib
import tempfile

from multimeter.visualization.embedded.store.store import Store


def new_store(path: pathlib.Path) -> Store:
    """Return an empty store, as it is after its creation."""
    path.touch(mode=0o600)
    path.write_bytes(_empty())
    return Store(path)


@functools.cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "store.duckdb"
        Store(path).close()
        return path.read_bytes()
