"""``multimeter-visu`` as a user runs it, in a home folder of its own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

__all__ = ["Tool"]


@dataclass
class Tool:
    """The tool and programs beside it, with one stack.

    Attributes:
        home: The home folder.
        host: Where a Docker engine is; by default there is none.
    """

    home: pathlib.Path
    host: str = ""

    @property
    def config_file(self) -> pathlib.Path:
        return self.home / ".multimeter" / "visu.config.json"

    @property
    def config(self) -> dict[str, Any]:
        return dict(json.loads(self.config_file.read_text()))

    @property
    def environment(self) -> dict[str, str]:
        others = {k: v for k, v in os.environ.items() if not k.startswith("INFLUXDB_V2")}
        home = str(self.home)
        # Where another one is, an install would use that.
        host = self.host or f"unix://{home}/no-docker.sock"
        return {**others, "HOME": home, "USERPROFILE": home, "DOCKER_HOST": host}

    def words(self, *words: str) -> list[str]:
        """Return the command."""
        return [sys.executable, "-m", "multimeter.visualization", *words]

    def run(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return self.call(self.words(*words), stdin=subprocess.DEVNULL, **more)

    def json(self, *words: str) -> dict[str, Any]:
        done = self.run(*words, "--json")
        # That it does not run, or is not well, is an answer as well.
        assert done.returncode in (0, 3, 252), done.stderr
        return dict(json.loads(done.stdout))

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        return self.call([sys.executable, "-c", code])

    def call(
        self, command: list[str], timeout: float = 300, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run another program in its home."""
        return subprocess.run(
            command,
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **more,
        )
