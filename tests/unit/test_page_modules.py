from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.skipif(
    shutil.which("node") is None and "CI" not in os.environ, reason="needs Node.js"
)
def test_the_modules_of_the_page_pass_their_own_tests():
    tests = [str(each) for each in sorted((ROOT / "tests/page").glob("*.test.js"))]
    done = subprocess.run(
        ["node", "--test", *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
