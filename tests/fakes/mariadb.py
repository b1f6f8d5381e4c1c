"""A MariaDB server of a test's own, on a port of this machine, that can be killed."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pymysql

__all__ = ["MariaDB", "free_port", "server_program"]

SECONDS = 300
DATABASE = "lab"
TABLE = "dateplots_lab"
_TABLES = f"""
CREATE DATABASE {DATABASE};
CREATE TABLE {DATABASE}.dateplots_descriptions (
    id INT AUTO_INCREMENT PRIMARY KEY, codename VARCHAR(80) NOT NULL);
CREATE TABLE {DATABASE}.{TABLE} (
    id BIGINT AUTO_INCREMENT PRIMARY KEY, type INT NOT NULL, time DATETIME(6) NOT NULL,
    value DOUBLE NOT NULL, KEY (type, time));
INSERT INTO {DATABASE}.dateplots_descriptions (codename)
    VALUES ('a'), ('b'), ('twice'), ('twice');
CREATE USER 'rig'@'127.0.0.1' IDENTIFIED BY 'S3CRET-of-rig';
GRANT ALL ON {DATABASE}.* TO 'rig'@'127.0.0.1';
"""


def server_program() -> str | None:
    """Return the program, or None where it is not installed."""
    where = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/libexec"])
    return shutil.which("mariadbd", path=where)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class MariaDB:
    """One server. ``start`` and ``kill`` can follow each other.

    Args:
        folder: Where its data is; made when it is not there.
        options: More options of the server.
    """

    username = "rig"
    password = "S3CRET-of-rig"

    def __init__(self, folder: pathlib.Path, *options: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, folder: pathlib.Path, *options: str) -> Iterator[MariaDB]:
        server = cls(folder, *options)
        server.install()
        server.start()
        try:
            server.make_tables()
            yield server
        finally:
            server.kill()

    @property
    def user(self) -> str:
        """Whom the server runs as: root must be named."""
        return f"--user={'root' if os.geteuid() == 0 else os.environ.get('USER', '')}"

    def install(self) -> None:
        self.folder.mkdir(parents=True)
        done = subprocess.run(
            [
                *("mariadb-install-db", "--no-defaults", self.user, "--skip-test-db"),
                *(f"--datadir={self.folder}", "--auth-root-authentication-method=normal"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def make_tables(self) -> None:
        for statement in _TABLES.split(";\n"):
            if statement.strip():
                self.run(statement, database=None)

    @property
    def command(self) -> list[str]:
        program = server_program()
        assert program
        return [
            *(program, "--no-defaults", self.user, f"--datadir={self.folder}"),
            *(f"--port={self.port}", f"--socket={self.folder}/s", "--skip-name-resolve"),
            *("--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=1"),
            *("--innodb-buffer-pool-size=64M", *self.options),
        ]

    def start(self, *more: str) -> None:
        """Start it, and wait until it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.command, *more], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.connect(None).close()
            except pymysql.MySQLError:
                assert self._process
                assert self._process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.05)
            else:
                return

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3_000:]

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self._process:
            self._process.terminate()
            self._process.wait(SECONDS)

    def connect(self, database: str | None = DATABASE) -> Any:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            database=database,
            autocommit=True,
        )

    def run(self, statement: str, *values: object, database: str | None = DATABASE) -> Any:
        """Execute a statement as root; return its rows."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def load_time_zone(self, name: str) -> None:
        """Make the server know a time zone by its name."""
        tables = subprocess.run(
            ["mariadb-tzinfo-to-sql", f"/usr/share/zoneinfo/{name}", name],
            capture_output=True,
            check=True,
        )
        client = ["mariadb", "--no-defaults", "-u", "root", f"--socket={self.folder}/s"]
        subprocess.run([*client, "mysql"], input=tables.stdout, check=True)

    def values(self, codename: str = "a", *, order: str = "id") -> list[float]:
        """Return the values of a codename; by default as they were stored."""
        rows = self.run(
            f"SELECT value FROM {TABLE} JOIN dateplots_descriptions AS d ON d.id = type "
            f"WHERE d.codename = %s ORDER BY {TABLE}.{order}",
            codename,
        )
        return [row[0] for row in rows]

    def clear(self) -> None:
        """Forget all points and batches, and let go of what tests have changed."""
        self.run(f"TRUNCATE {TABLE}")
        self.run("DROP TABLE IF EXISTS multimeter_batches")
        for (thread,) in self.run(
            "SELECT id FROM information_schema.processlist WHERE user = 'rig'"
        ):
            with suppress(pymysql.MySQLError):
                self.run(f"KILL {thread}")
