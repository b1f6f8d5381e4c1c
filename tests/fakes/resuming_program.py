"""A program that logs numbers, and goes on where it was when it is started again."""

from __future__ import annotations

import random
import signal
import time

__all__ = ["NUMBERS", "SECONDS", "ResumingProgram", "moments"]

SECONDS = 1_200
"""How long a program may take; a million points on a slow machine need some time."""

NUMBERS = '''
import os, time

def numbers(progress, points, first=None):
    """Yield numbers, from the one that was noted or the first; each is noted when done."""
    descriptor = os.open(progress, os.O_RDWR | os.O_CREAT)
    noted = int(os.read(descriptor, 20) or 0)
    gate = os.open(progress + ".gate", os.O_RDWR | os.O_CREAT)
    allowed = 0
    for number in range(noted if first is None else first, points):
        while number >= allowed:
            allowed = int(os.pread(gate, 20, 0) or points)
            time.sleep(0.001)
        yield number
        os.pwrite(descriptor, b"%020d" % (number + 1), 0)
'''
"""What stands at the head of the program's code."""


class ResumingProgram:
    """Such a program, to be killed at chosen moments.

    Args:
        start_python: Starts the code that follows, with its arguments.
        code: What the program does with ``numbers(progress, points)``.
        folder: Where it notes how far it is.
        arguments: What it is called with, after the file of its progress.
    """

    def __init__(self, start_python, code, folder, *arguments):
        self.runs = 0
        self._progress_file = folder / "progress"
        self._words = (NUMBERS + code, self._progress_file, *arguments)
        self._start_python = start_python

    def start(self):
        self.runs += 1
        return self._start_python(*self._words, self.runs)

    @property
    def progress(self):
        try:
            return int(self._progress_file.read_bytes() or 0)
        except FileNotFoundError:
            return 0

    def let_through(self, number):
        """Let it log so many points, and no more."""
        self._progress_file.with_suffix(".gate").write_bytes(b"%020d" % number)

    def wait(self, process, number):
        """Wait until it has logged so many points."""
        deadline = time.monotonic() + SECONDS
        while self.progress < number and process.poll() is None:
            assert time.monotonic() < deadline, "it does not log"
            time.sleep(0.001)

    def run_until(self, number):
        """Start it, and kill it as soon as it has logged so many points."""
        process = self.start()
        self.wait(process, number)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def finish(self, process=None):
        """Let it come to its end."""
        process = process or self.start()
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors

    def killed_in_turn(self, kills, points, kill_server):
        """Kill the server and the program in turn while it logs, then let it end."""
        for server_dies, program_dies in zip(kills[::2], kills[1::2]):
            # It is in the middle of its work, however long the server takes to start.
            self.let_through(min(program_dies + points // 100, points - 1))
            process = self.start()
            self.wait(process, server_dies)
            kill_server()
            self.wait(process, program_dies)
            process.kill()
            assert process.wait() == -signal.SIGKILL
        self.let_through(points)
        self.finish()


def moments(seed, number, points):
    """Return after how many points something happens."""
    return sorted(random.Random(seed).randrange(points) for _ in range(number))
