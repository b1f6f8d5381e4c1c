"""Programs with known loads, which do one step after the other when they are told to."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, gc, json, os, resource, signal, subprocess, sys, threading, time
def burn(seconds, clock=time.process_time):
    end = clock() + seconds
    while clock() < end:
        pass
def touch(mebibytes):
    data = bytearray(mebibytes << 20)
    data[::4096] = b"x" * len(data[::4096])
    return data
def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
def spawn(code):
    return subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE)
BURN = "import time\\nwhile time.process_time() < {}: pass"
kept = []
for line in sys.stdin:
    print(json.dumps(eval(line)), flush=True)
"""


class Program:
    """A program in Python that evaluates an expression each time it is told to."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.do("0")

    @property
    def pid(self):
        return self.process.pid

    def do(self, expression):
        """Have an expression evaluated, and return its value."""
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        """Let it end, so that it may be waited for."""
        self.process.stdin.close()


@pytest.fixture
def program():
    program = Program()
    yield program
    with contextlib.suppress(OSError):
        program.process.stdin.close()
    program.process.stdout.close()
    with contextlib.suppress(ChildProcessError):
        program.process.wait(10)
