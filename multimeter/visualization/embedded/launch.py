"""Launch: the server of one embedded stack, from its first moment to its last."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
from types import FrameType
from typing import NoReturn

from multimeter.visualization.config import read_config
from multimeter.visualization.embedded.folder import DataFolder

__all__ = ["launch"]


def launch(config_file: pathlib.Path, parent: int | None = None) -> None:
    """Serve the embedded stack of a configuration until SIGTERM or SIGINT.

    Args:
        config_file: The configuration.
        parent: The process that waits for the server; without it, by the time it
            could be waited for, the server does not even begin.

    Raises:
        NotInstalledError: There is no such configuration.
        PortTakenError: Another program listens on its port.
        StoreError: Its store cannot be opened.
        VisualizationError: Its server runs already.
    """
    # uvicorn ends in order and then sends itself the signal again; the store is to be
    # closed after that.
    signal.signal(signal.SIGTERM, _leave)
    config = read_config(config_file)
    folder = DataFolder.of(config)
    # Known before anything is loaded or opened: an install that is killed now leaves
    # nothing that the next one would not find.
    with folder.running():
        if parent is not None and os.getppid() != parent:
            return
        from multimeter.visualization.embedded.serve import serve

        serve(config_file, config, folder)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
