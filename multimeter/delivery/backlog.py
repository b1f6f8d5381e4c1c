"""Find the records that earlier programs left in a spool."""

from __future__ import annotations

import pathlib
import shlex
from dataclasses import dataclass, field

from multimeter.delivery.spool import Address, FolderInfo, folders_of

__all__ = ["Backlog", "deliver_command", "find_backlogs"]

# Neither the spool nor the stack stores the password: the user has to pass it.
_REQUIRED_OPTIONS = {"mysql": ("--url-file", "FILE"), "odbc": ("--url-file", "FILE")}


def deliver_command(root: pathlib.Path, address: Address) -> str:
    """Return the command that sends the records of a spool to a sink.

    Args:
        root: The folder of the spool.
        address: The address of the sink.
    """
    options = _REQUIRED_OPTIONS.get(address.get("kind", ""), ())
    return shlex.join(["multimeter", "deliver", str(root), *options])


@dataclass
class Backlog:
    """The records in a spool for one sink.

    Attributes:
        address: The address of the sink, or None if it can no longer be read.
        records: How many records wait to be sent.
        in_use: How many belong to running programs, which send them themselves.
        folders: The folders that hold them.
    """

    address: Address | None
    records: int = 0
    in_use: int = 0
    folders: list[pathlib.Path] = field(default_factory=list)


def find_backlogs(root: pathlib.Path, known: list[Address]) -> list[Backlog]:
    """Return the backlogs of a spool, one for each sink.

    Args:
        root: The folder of the spool.
        known: Addresses to match against folders whose own description is damaged.
    """
    backlogs: dict[str, Backlog] = {}
    for folder in folders_of(root):
        address = _address(folder, known)
        key = str(sorted(address.items())) if address else ""
        backlog = backlogs.setdefault(key, Backlog(address))
        if folder.is_in_use:
            backlog.in_use += folder.records
        else:
            backlog.records += folder.records
        backlog.folders.append(folder.path)
    return list(backlogs.values())


def _address(folder: FolderInfo, known: list[Address]) -> Address | None:
    matching = (each for each in known if folder.is_for(each))
    return folder.address or next(matching, None)
