"""The peer: multimeter 0.1, as PyPI has it, in a virtual environment of its own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import venv

__all__ = ["REQUIREMENT", "peer_python"]

REQUIREMENT = "multimeter==0.1"


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
    folder = _cache_folder() / f"peer-{sys.version_info[0]}.{sys.version_info[1]}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "complete").exists():
        venv.create(folder, clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", REQUIREMENT]
        subprocess.run(command, check=True)
        (folder / "complete").touch()
    return str(python)


def _cache_folder() -> pathlib.Path:
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "multimeter-benchmarks"
