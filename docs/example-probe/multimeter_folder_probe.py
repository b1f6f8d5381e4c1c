"""A probe for the files that wait in a folder, such as a spool or an inbox."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from multimeter import Measure, Metric, Probe, Subject, UnsupportedError

FOLDER = Subject("folder", "The folder that MULTIMETER_FOLDER names.", "host")
FILES = Measure(FOLDER, Metric("files_waiting", "Files in the folder now.", "", int))
BYTES = Measure(FOLDER, Metric("bytes_waiting", "What they hold.", "bytes", int))


class FolderProbe(Probe):
    """Counts the files of the folder that the variable MULTIMETER_FOLDER names.

    Raises:
        UnsupportedError: The variable names no folder; default_probes() then leaves
            the probe out without a word.
    """

    metrics = (FILES.metric, BYTES.metric)
    subjects = (FOLDER,)
    measures = (FILES, BYTES)

    def __init__(self) -> None:
        name = os.environ.get("MULTIMETER_FOLDER", "")
        if not pathlib.Path(name).is_dir() or not name:
            raise UnsupportedError(
                "There is no folder to look at.",
                next_step="Set MULTIMETER_FOLDER to the path of one.",
            )
        self._folder = pathlib.Path(name)

    def for_process(self, pid: int) -> FolderProbe:  # noqa: ARG002 - whichever it is
        """Return itself: a folder is the same from wherever it is looked at."""
        return self

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:  # noqa: ARG002
        """Add how many files there are, and their bytes.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.
        """
        sizes = [each.stat().st_size for each in self._folder.iterdir() if each.is_file()]
        values[FILES.key] = len(sizes)
        values[BYTES.key] = sum(sizes)
