"""The home folder of the user."""

from __future__ import annotations

import pathlib

__all__ = ["home_folder"]

_NONE = pathlib.Path("/nonexistent")


def home_folder() -> pathlib.Path:
    """Return the home folder; one that is not there for a user who has none.

    A container often runs as a user without an entry in the table of users, and without
    ``HOME``. Debian has the same path for users without a home folder.
    """
    try:
        return pathlib.Path.home()
    except RuntimeError:
        return _NONE
