"""Private: whether others could have changed files and folders that we trust.

Who can write to the configuration says where measurements and tokens go, and who can
write to its folder can put another file in its place. So both must belong to us or to
root, as ssh has it (https://man.openbsd.org/ssh_config.5, "FILES"). What is merely too
open, and was out of others' reach so far or is ours by name, is mended with a warning.

Under sudo, a file of the user who called it may be read, too, as git has it
(https://git-scm.com/docs/git-config, "safe.directory"). To change a stack is for that
user alone: what root makes in it, its owner could not use.

On Windows, the modes say nothing, and nothing is checked.
"""

from __future__ import annotations

import os
import pathlib
import shlex
import stat
from collections.abc import Collection

from multimeter.errors import ConfigurationError
from multimeter.system.durable import OUR_FOLDER, PRIVATE_FILE, PRIVATE_FOLDER
from multimeter.system.log import log

__all__ = ["require_own_file", "require_own_folder"]

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_ENTER = stat.S_IXGRP | stat.S_IXOTH
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def require_own_file(path: pathlib.Path, descriptor: int, *, mend: bool = True) -> None:
    """Check that no other user could have written a file of secrets.

    Args:
        path: The file.
        descriptor: The same, open.
        mend: Whether what is too open is mended.

    Raises:
        ConfigurationError: It, its folder, or the folder it is a link to, belongs to
            another user, or other users may write to it.
    """
    if os.name != "posix":
        return
    real = path.resolve()
    for folder in dict.fromkeys((path.parent, real.parent)):
        _require_folder(folder, _readable_owners(), mend=mend, sticky=True)
    status = os.fstat(descriptor)
    _require_owner(real, status, _readable_owners())
    mode = stat.S_IMODE(status.st_mode)
    folder_mode = real.parent.stat().st_mode
    reachable = folder_mode & _OTHERS_ENTER
    if mode & _OTHERS_WRITE and (reachable or not mend):
        raise _writable(real, f"chmod 600 {_quoted(real)}", "and look at what is in it")
    is_ours = status.st_uid == os.geteuid()
    private = real.parent.name == OUR_FOLDER or mode & _OTHERS_WRITE
    if mend and is_ours and private and mode & _OTHERS:
        _close(real, PRIVATE_FILE, "The file")


def require_own_folder(
    path: pathlib.Path, *, mend: bool = True, sticky: bool = False
) -> None:
    """Check that no other user can put files into a folder, or take its files away.

    Args:
        path: The folder; it exists.
        mend: Whether ``.multimeter``, where it is too open, is mended.
        sticky: Whether one will do where each may remove its own files only, as
            ``/tmp``: then it still matters whose a file in it is.

    Raises:
        ConfigurationError: It belongs to another user, or other users may write to it.
    """
    if os.name == "posix":
        _require_folder(path, _owners(), mend=mend, sticky=sticky)


def _require_folder(
    path: pathlib.Path, owners: Collection[int], *, mend: bool, sticky: bool
) -> None:
    status = path.stat()
    _require_owner(path, status, owners)
    # What a link leads to was named by a user, and may be shared on purpose.
    is_ours = (
        path.name == OUR_FOLDER and not path.is_symlink() and status.st_uid == os.geteuid()
    )
    sticky = sticky and not is_ours and bool(status.st_mode & stat.S_ISVTX)
    if not status.st_mode & _OTHERS_WRITE or sticky:
        return
    if not (mend and is_ours):
        raise _writable(path, f"chmod go-w {_quoted(path)}", "if what is in it is yours")
    _close(path, PRIVATE_FOLDER, "The folder")


def _owners() -> Collection[int]:
    return (0, os.geteuid())


def _readable_owners() -> Collection[int]:
    """Return whose files count: under sudo, also those of the user who called it."""
    caller = os.environ.get("SUDO_UID", "")
    is_sudo = os.geteuid() == 0 and caller.isascii() and caller.isdecimal()
    return (*_owners(), int(caller)) if is_sudo else _owners()


def _require_owner(
    path: pathlib.Path, status: os.stat_result, owners: Collection[int]
) -> None:
    if status.st_uid not in owners:
        owner = _name_of(status.st_uid)
        raise ConfigurationError(
            f"{path} belongs to another user: {owner}.",
            cause="Who owns it decides where measurements and tokens go.",
            next_step=f"Do it as {owner}; or, if what is in it is yours, "
            f"chown {_name_of(os.geteuid())} {_quoted(path)}",
        )


def _writable(path: pathlib.Path, command: str, more: str) -> ConfigurationError:
    return ConfigurationError(
        f"Other users may write to {path}.",
        cause="It was made with a umask that allows it, or opened to a group. Who can "
        "write to it decides where measurements and tokens go.",
        next_step=f"{command}, {more}.",
    )


def _close(path: pathlib.Path, mode: int, what: str) -> None:
    path.chmod(mode)
    log().warning("%s %s was open to other users; it is yours alone now.", what, path)


def _quoted(path: pathlib.Path) -> str:
    return shlex.quote(str(path))


def _name_of(user: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(user).pw_name
    except (ImportError, KeyError):
        return str(user)
