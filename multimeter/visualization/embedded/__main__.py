"""``python -m multimeter.visualization.embedded CONFIG PARENT``: the server itself.

The tool starts it; nothing but the name of a file and a pid is on its command line.
"""

from __future__ import annotations

import pathlib
import sys

from multimeter.errors import MultimeterError
from multimeter.visualization.embedded.launch import launch


def main() -> None:
    """Run the server until a signal ends it."""
    try:
        launch(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
    except MultimeterError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
