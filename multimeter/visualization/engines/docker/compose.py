"""The files of Grafana for the stack by hand: ``compose/`` in the source tree.

``python -m multimeter.visualization.engines.docker.compose FOLDER`` writes them.
"""

from __future__ import annotations

import pathlib
import sys

from multimeter.visualization.engines.docker.provisioning import (
    dashboard_files,
    data_source_files,
)
from multimeter.visualization.engines.docker.spec import GRAFANA_FILES, data_source_url
from multimeter.visualization.stack_spec import StackSpec

__all__ = ["compose_files"]


def compose_files() -> dict[str, str]:
    """Return what is in each file, by its path in the folder of Grafana."""
    files = dashboard_files()
    spec = StackSpec()
    files += data_source_files(data_source_url(spec), spec.org, spec.bucket, "")
    return {
        each.path.removeprefix(f"{GRAFANA_FILES}/"): each.text
        for each in files
        if each.text is not None and not each.secret
    }


def main() -> None:
    """Write them into the folder that the command line names."""
    folder = pathlib.Path(sys.argv[1])
    for name, text in compose_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
