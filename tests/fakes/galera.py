"""A Galera cluster of three MariaDB servers on ports of this machine."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pymysql
from fakes.mariadb import MariaDB, free_port

__all__ = ["Galera", "provider"]

SECONDS = 300
_PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")


def provider() -> str | None:
    """Return the library of Galera, or None where it, or rsync, is not installed."""
    found = next((each for each in _PROVIDERS if pathlib.Path(each).exists()), None)
    return found if shutil.which("rsync") else None


class _Node(MariaDB):
    """A node; it copies its data with programs that do not run as root."""

    @property
    def user(self) -> str:
        return "--user=mysql" if os.geteuid() == 0 else super().user

    @property
    def is_ready(self) -> bool:
        try:
            return self.run("SHOW STATUS LIKE 'wsrep_ready'", database=None)[0][1] == "ON"
        except pymysql.MySQLError:
            return False

    def wait(self) -> None:
        deadline = time.monotonic() + SECONDS
        while not self.is_ready:
            assert self._process
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)


class Galera:
    """The cluster.

    Attributes:
        nodes: Its three servers.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        # Each needs a port for the group, and the one behind it for what it has missed.
        groups = [_two_free_ports() for _ in range(3)]
        cluster = "gcomm://" + ",".join(f"127.0.0.1:{each}" for each in groups)
        library = provider()
        self.nodes = [
            _Node(
                folder / f"node{number}",
                "--binlog-format=ROW",
                "--innodb-autoinc-lock-mode=2",
                "--wsrep-on=ON",
                f"--wsrep-provider={library}",
                "--wsrep-cluster-name=test",
                f"--wsrep-cluster-address={cluster}",
                f"--wsrep-node-name=node{number}",
                f"--wsrep-node-address=127.0.0.1:{group}",
                "--wsrep-sst-method=rsync",
                f"--wsrep-sst-receive-address=127.0.0.1:{free_port()}",
                f"--wsrep-provider-options=base_port={group};"
                f"gmcast.listen_addr=tcp://127.0.0.1:{group};gcache.size=32M;"
                f"ist.recv_addr=127.0.0.1:{group + 1}",
            )
            for number, group in enumerate(groups)
        ]

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Galera]:
        # Not in a folder of root's: the servers run as another user.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            folder = pathlib.Path(name)
            folder.chmod(0o755)
            cluster = cls(folder)
            try:
                for node in cluster.nodes:
                    node.install()
                    if os.geteuid() == 0:
                        shutil.chown(node.folder, "mysql", "mysql")
                cluster.nodes[0].start("--wsrep-new-cluster")
                cluster.nodes[0].make_tables()
                for node in cluster.nodes[1:]:
                    node.start()
                yield cluster
            finally:
                for node in cluster.nodes:
                    node.kill()

    @property
    def size(self) -> int:
        """How many nodes the first one sees."""
        status = self.nodes[0].run("SHOW STATUS LIKE 'wsrep_cluster_size'", database=None)
        return int(status[0][1])


def _two_free_ports() -> int:
    """Return a port that is free, as is the one behind it."""
    while True:
        port = free_port()
        with socket.socket() as behind, suppress(OSError, OverflowError):
            behind.bind(("127.0.0.1", port + 1))
            return port
