"""The doctor: looks at everything that can go wrong with a stack."""

from __future__ import annotations

import os
import pathlib
import stat
from collections.abc import Iterator

from multimeter.errors import MultimeterError
from multimeter.visualization.config import StackConfig, read_config
from multimeter.visualization.engines.base import Request
from multimeter.visualization.engines.factory import engine_of
from multimeter.visualization.errors import NotInstalledError
from multimeter.visualization.report import Check

__all__ = ["diagnose"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def diagnose(request: Request, engine: str = "auto") -> Iterator[Check]:
    """Look at a stack; at what an install would need where there is none.

    Args:
        request: Where its configuration is, and what would be installed.
        engine: On which engine that would be.
    """
    path = request.config_file
    try:
        config = read_config(path, mend=False)
    except NotInstalledError:
        yield Check("configuration", None, f"nothing is installed ({path})")
        # The SDK takes a while to import, which no other check should have to wait for.
        from multimeter.visualization.engines.docker.doctor import diagnose_before

        yield from diagnose_before(request, engine)
        return
    except MultimeterError as error:
        yield Check("configuration", False, error.what, error.next_step)
        return
    yield from _check_file(path, config)
    try:
        yield from engine_of(path, config).diagnose(config)
    except MultimeterError as error:
        yield Check("engine", False, error.what, error.next_step)


def _check_file(path: pathlib.Path, config: StackConfig) -> Iterator[Check]:
    if config.installing:
        detail = f"the install of {path} was interrupted"
        yield Check("configuration", False, detail, "multimeter-visu install")
    elif os.name == "posix" and path.stat().st_mode & _OTHERS:
        detail = f"others can read the secrets in {path}"
        yield Check("configuration", False, detail, f"chmod 600 {path}")
    else:
        yield Check("configuration", True, f"{path}, engine {config.engine}")
