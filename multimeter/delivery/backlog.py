"""Backlog: what programs that have ended left in a spool."""

from __future__ import annotations

import pathlib
import shlex
from dataclasses import dataclass, field

from multimeter.delivery.spool import Address, FolderInfo, folders_of

__all__ = ["Backlog", "deliver_command", "find_backlogs"]

# What the tool must be given, as neither a spool nor the stack knows the password.
_NEEDED = {"mysql": ("--url-file", "FILE"), "odbc": ("--url-file", "FILE")}


def deliver_command(root: pathlib.Path, address: Address) -> str:
    """Return the command that sends what lies in a spool for a place.

    Args:
        root: The folder of the spool.
        address: The place.
    """
    needed = _NEEDED.get(address.get("kind", ""), ())
    return shlex.join(["multimeter", "deliver", str(root), *needed])


@dataclass
class Backlog:
    """What lies in a spool for one place.

    Attributes:
        address: The place, or None where that cannot be read any more.
        records: How many records wait to be sent.
        in_use: How many belong to programs that live, and send them themselves.
        folders: The folders in which they lie.
    """

    address: Address | None
    records: int = 0
    in_use: int = 0
    folders: list[pathlib.Path] = field(default_factory=list)


def find_backlogs(root: pathlib.Path, known: list[Address]) -> list[Backlog]:
    """Return what lies in a spool, by place.

    Args:
        root: The folder of the spool.
        known: Places that folders may be for whose own description is damaged.
    """
    found: dict[str, Backlog] = {}
    for folder in folders_of(root):
        address = _address(folder, known)
        key = str(sorted(address.items())) if address else ""
        backlog = found.setdefault(key, Backlog(address))
        if folder.is_in_use:
            backlog.in_use += folder.records
        else:
            backlog.records += folder.records
        backlog.folders.append(folder.path)
    return list(found.values())


def _address(folder: FolderInfo, known: list[Address]) -> Address | None:
    fitting = (each for each in known if folder.is_for(each))
    return folder.address or next(fitting, None)
