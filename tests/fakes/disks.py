"""Small disks that a test mounts: there is an end to them."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

__all__ = ["mount_disk", "unmount_disk"]


def mount_disk(folder: pathlib.Path, options: str) -> None:
    """Mount a disk in memory; where that is not possible, the test fails in CI, else skips.

    Args:
        folder: Where; it exists.
        options: Those of ``mount -t tmpfs``, such as ``size=1m``.
    """
    if not sys.platform.startswith("linux"):
        pytest.skip("mounts as Linux does")
    command = ["mount", "-t", "tmpfs", "-o", options, "multimeter-test", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"a disk cannot be mounted here: {reason}")


def unmount_disk(folder: pathlib.Path) -> None:
    """Take it away, also while something of it is still open."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
