"""The peer: multimeter 0.1, as PyPI has it, in a virtual environment of its own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import venv
from collections.abc import Sequence

__all__ = ["METERS", "REQUIREMENT", "meter_folder", "peer_python"]

REQUIREMENT = "multimeter==0.1"

METERS = ("con-duct", "memory_profiler", "psrecord", "setuptools<81")
"""Other meters of commands; psrecord and memory_profiler still need setuptools."""


def peer_python(given: str | None = None) -> str:
    """Return a Python that has the peer.

    Args:
        given: One that has it already; without it, a virtual environment is made in
            the cache folder of the user, once.

    Raises:
        subprocess.CalledProcessError: The peer cannot be installed.
    """
    if given:
        return given
    return str(_bin(_environment("peer", [REQUIREMENT])) / _PYTHON)


def meter_folder() -> pathlib.Path:
    """Return the folder with the commands of :data:`METERS`; they are installed once.

    Raises:
        subprocess.CalledProcessError: They cannot be installed.
    """
    return _bin(_environment("meters", METERS))


_PYTHON = "python.exe" if os.name == "nt" else "python"


def _bin(folder: pathlib.Path) -> pathlib.Path:
    return folder / ("Scripts" if os.name == "nt" else "bin")


def _environment(name: str, requirements: Sequence[str]) -> pathlib.Path:
    """Return a virtual environment with some packages, made once."""
    folder = _cache_folder() / f"{name}-{sys.version_info[0]}.{sys.version_info[1]}"
    if not (folder / "complete").exists():
        venv.create(folder, clear=True, with_pip=True)
        python = str(_bin(folder) / _PYTHON)
        command = [python, "-m", "pip", "install", "--quiet", *requirements]
        subprocess.run(command, check=True)
        (folder / "complete").touch()
    return folder


def _cache_folder() -> pathlib.Path:
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "multimeter-benchmarks"
