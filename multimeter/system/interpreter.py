"""Python processes of our own: none of them imports from the current folder.

``python -c`` and ``python -m`` put the current folder before the standard library. A
file ``pickle.py`` that lies there, a download or another user's in ``/tmp``, would run.
"""

from __future__ import annotations

import sys

__all__ = ["python_command"]

# Python 3.13 imports linecache before the first line of a program runs; Python 3.10
# has no such option. What PYTHONPATH names is absolute already, and stays.
_SAFE_PATH = ["-P"] if sys.version_info >= (3, 11) else []
_WITHOUT_CURRENT_FOLDER = "import sys; sys.path[:] = filter(None, sys.path)\n"
# What narrows the imports of this process must narrow those of its children, too.
_FLAGS = {"ignore_environment": "-E", "no_user_site": "-s", "no_site": "-S"}


def python_command(program: str, *arguments: str) -> list[str]:
    """Return the command line that runs a program with this interpreter.

    The program finds what this interpreter finds when it starts, but nothing in the
    current folder.

    Args:
        program: Its source; ``sys`` is imported.
        *arguments: What it finds in ``sys.argv[1:]``.
    """
    flags = [flag for name, flag in _FLAGS.items() if getattr(sys.flags, name)]
    source = _WITHOUT_CURRENT_FOLDER + program
    return [sys.executable, *_SAFE_PATH, *flags, "-c", source, *arguments]
