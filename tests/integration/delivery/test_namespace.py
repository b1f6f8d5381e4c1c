"""A real network that drops packets: nobody is told of anything."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from multimeter.delivery import RetryPolicy

SECONDS = 300
# Others may run these tests on the same machine.
MINE = os.getpid()
OUR_END, THEIR_END = f"mm{MINE}a", f"mm{MINE}b"
NET = f"10.213.{MINE % 256}"
OURS, THEIRS = f"{NET}.1", f"{NET}.2"

SERVER = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from fakes.write_server import WriteServer
server = WriteServer(8086, host="0.0.0.0")
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
for command in sys.stdin:
    numbers = [line.rpartition(b" ")[2].decode()
               for _, _, body in server.requests for line in body.split(b"\\n")]
    print(" ".join(numbers), flush=True)
"""


def run(*words):
    subprocess.run(words, check=True, capture_output=True, text=True)


@pytest.fixture
def namespace(missing):
    """A network of its own behind a pair of virtual interfaces."""
    name = f"multimeter-{MINE}"
    inside = ("ip", "netns", "exec", name)
    try:
        run("ip", "netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        missing(f"the right to make a network namespace ({error})")
    try:
        pair = (OUR_END, "type", "veth", "peer", THEIR_END, "netns", name)
        run("ip", "link", "add", *pair)
        run("ip", "addr", "add", f"{OURS}/24", "dev", OUR_END)
        run("ip", "link", "set", OUR_END, "up")
        run(*inside, "ip", "addr", "add", f"{THEIRS}/24", "dev", THEIR_END)
        run(*inside, "ip", "link", "set", THEIR_END, "up")
        yield inside
    finally:
        # The interfaces go with the namespace, but some time after it.
        subprocess.run(("ip", "link", "delete", OUR_END), check=False)
        run("ip", "netns", "delete", name)


@pytest.fixture
def remote(namespace):
    """A server in the namespace; returns a function that asks what it was sent."""
    tests = str(pathlib.Path(__file__).parents[2])
    process = subprocess.Popen(
        [*namespace, sys.executable, "-c", SERVER, tests],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"

    def ask():
        process.stdin.write("?\n")
        process.stdin.flush()
        return [int(number) for number in process.stdout.readline().split()]

    yield ask
    process.terminate()
    process.communicate()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux has namespaces")
@pytest.mark.parametrize("chain", ["INPUT", "OUTPUT"])
def test_packets_that_vanish_lose_and_double_nothing(
    namespace, remote, make_delivery, put_all, points, chain
):
    """INPUT: what we send vanishes. OUTPUT: the server has it, and its answers vanish."""
    drop = ("iptables", "-w", "-A", chain, "-p", "tcp", "-j", "DROP")
    delivery = make_delivery(
        f"http://{THEIRS}:8086",
        timeout=0.5,
        batch_size=2_000,
        retry=RetryPolicy(first=0.01, most=0.2),
    )
    half = points // 2
    put_all(delivery, range(half))
    run(*namespace, *drop)
    put_all(delivery, range(half, points))
    assert not delivery.flush(2.0)
    run(*namespace, "iptables", "-w", "-F")
    assert delivery.flush(SECONDS)
    numbers = remote()
    assert list(dict.fromkeys(numbers)) == list(range(points))
    assert delivery.stats().retries >= 1
