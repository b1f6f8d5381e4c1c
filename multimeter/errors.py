"""Every error that Multimeter raises, in one tree.

::

    MultimeterError
    ├── ConfigurationError (also a ValueError)    an argument or a setting cannot be used
    │   ├── NoStackError                          neither a stack nor INFLUXDB_V2_*
    │   └── UnknownCodenameError (also KeyError)  a logger does not know a codename
    ├── StateError (also a RuntimeError)          a call came at the wrong moment
    ├── ProbeError                                a probe could not start
    │   └── UnsupportedError (also an OSError)    this system cannot serve the probe
    ├── FormatError (also a ValueError)           data cannot be written or read in a format
    │   └── LineProtocolError                     one line is not line protocol
    └── StorageError                              a result could not be put where it belongs
        ├── MissingExtraError (also ImportError)  an optional dependency is not installed
        ├── QueueFullError                        there is no room for a point, as declared
        └── StartupException                      a database will not take a logger's points

Each says what happened, the likely cause, and what to do next.
"""

from __future__ import annotations

__all__ = [
    "ConfigurationError",
    "FormatError",
    "LineProtocolError",
    "MissingExtraError",
    "MultimeterError",
    "NoStackError",
    "ProbeError",
    "QueueFullError",
    "StartupException",
    "StateError",
    "StorageError",
    "UnknownCodenameError",
    "UnsupportedError",
]


class MultimeterError(Exception):
    """The root of all errors of this package.

    Args:
        what: What happened, one sentence.
        cause: The likely cause, where one can be named.
        next_step: The command or the change that mends it.
    """

    def __init__(self, what: str, *, cause: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.next_step = next_step

    def __str__(self) -> str:
        """The whole message, one aspect a line."""
        lines = [self.what]
        if self.cause:
            lines.append(f"Likely cause: {self.cause}")
        if self.next_step:
            lines.append(f"Next: {self.next_step}")
        return "\n".join(lines)


class ConfigurationError(MultimeterError, ValueError):
    """An argument or a setting cannot be used."""


class NoStackError(ConfigurationError):
    """There is neither an installed stack nor a connection in the environment."""


class UnknownCodenameError(ConfigurationError, KeyError):
    """A logger does not know a codename: it was not named when the logger was made."""


class StateError(MultimeterError, RuntimeError):
    """A call came at a moment when it has no meaning, such as a second start."""


class ProbeError(MultimeterError):
    """A probe could not start."""


class UnsupportedError(ProbeError, OSError):
    """This operating system cannot serve the probe."""


class FormatError(MultimeterError, ValueError):
    """Data cannot be written in a format, or a file is not of the format."""


class LineProtocolError(FormatError):
    """One line is not line protocol.

    Args:
        line: The line as it came.
        reason: Why it was refused, in InfluxDB's words.
    """

    def __init__(self, line: str, reason: str) -> None:
        super().__init__(f"unable to parse '{line}': {reason}")
        self.line = line
        self.reason = reason


class StorageError(MultimeterError):
    """A result could not be put where it belongs; it is still in memory."""


class MissingExtraError(StorageError, ImportError):
    """An optional dependency is not installed.

    Args:
        package: The package that could not be imported.
        extra: The extra of Multimeter that brings it.
        reason: Why it cannot be imported, where it is installed.
    """

    def __init__(self, package: str, extra: str, reason: str = "") -> None:
        super().__init__(
            f"The package '{package}' "
            + (f"cannot be used: {reason}" if reason else "is not installed."),
            cause="A library of the system is missing." if reason else "",
            next_step=f"pip install 'multimeter[{extra}]'"
            + (", and what it needs of the system" if reason else ""),
        )


class QueueFullError(StorageError):
    """There is no room for a point, and the queue is set to raise then."""


class StartupException(StorageError):  # noqa: N818 - an old name, which programs catch
    """A logger cannot start: the database has answered, and will not take its points."""
