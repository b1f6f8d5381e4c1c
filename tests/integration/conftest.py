"""What the tests against real parts share."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def missing():
    """Return what to call when a real part is missing: a failure in CI, else a skip."""

    def missing(what):
        if os.environ.get("CI"):
            pytest.fail(f"{what} is not there")
        pytest.skip(f"{what} is not there")

    return missing


_CLOCK_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The time of day, moved by the seconds that stand in a file. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, time);
    if (!failed && clock == CLOCK_REALTIME) {
        FILE *file = fopen(getenv("MOVED_CLOCK"), "r");
        long seconds = 0;
        if (file && fscanf(file, "%ld", &seconds) == 1)
            time->tv_sec += seconds;
        if (file)
            fclose(file);
    }
    return failed;
}
"""


@pytest.fixture(scope="session")
def clock_shim(missing, tmp_path_factory):
    """Return a library that moves the time of day, and no other clock."""
    if not sys.platform.startswith("linux"):
        pytest.skip("a clock is moved as Linux does it")
    compiler = shutil.which("cc") or missing("a C compiler")
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(_CLOCK_SHIM)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True
    )
    return library


@pytest.fixture
def moved_clock(clock_shim, tmp_path):
    """Return the environment of a program whose time of day a file moves."""
    clock: pathlib.Path = tmp_path / "clock"
    clock.write_text("0")
    return {"LD_PRELOAD": str(clock_shim), "MOVED_CLOCK": str(clock)}
