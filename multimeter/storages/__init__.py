"""Storages: where a result goes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__all__ = ["base", "dummy", "file", "influx"]

if TYPE_CHECKING:
    from multimeter.storages import base, dummy, file, influx
else:

    def __getattr__(name: str) -> object:
        """Import a storage that has not been needed before (PEP 562)."""
        if name in __all__:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
