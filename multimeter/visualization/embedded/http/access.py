"""Access: API tokens, login codes and session cookies, and the checks of requests.

A session is a cookie that the server has signed with a key derived from the read token.
So sessions survive a restart without a file of secrets, and a new read token ends all of
them. Sessions that were logged out are kept in a file (:class:`EndedSessions`). It holds no
secret: the name of a session makes no cookie without the key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import pathlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import Request

from multimeter.errors import ConfigurationError
from multimeter.http.proof import proof_of
from multimeter.system.durable import PRIVATE_FILE, write_file
from multimeter.visualization.embedded.http.responses import RequestError

__all__ = [
    "CODE_NS",
    "SESSION_NS",
    "Access",
    "EndedSessions",
    "LoginCodes",
    "Right",
    "Sessions",
    "is_logged_in",
    "require_bucket",
    "require_organisation",
    "require_reader",
    "require_right",
    "require_token",
]

Right = Literal["read", "write"]
"""The right of a token; each token has only one."""

CODE_NS = 10 * 60 * 1_000_000_000
"""How long a login code is valid, in ns."""

SESSION_NS = 7 * 24 * 3600 * 1_000_000_000
"""How long a browser stays logged in, in ns."""

_SCHEMES = ("token", "bearer")
_RANDOM_BYTES = 32
_MAX_CODES = 100


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _equal(given: str, expected: str) -> bool:
    """Compare in constant time, independent of content and length."""
    return hmac.compare_digest(_hash(given), _hash(expected))


def _sign(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Access:
    """The one organisation and bucket of a server, and the tokens for them.

    Args:
        org: The name of the organisation.
        bucket: The name of the bucket.
        write_token: The token that may only write.
        read_token: The token that may only read.

    Raises:
        ConfigurationError: One of them is empty, or both tokens are the same.
    """

    org: str
    bucket: str
    write_token: str = field(repr=False)
    read_token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (self.org and self.bucket and self.write_token and self.read_token):
            raise ConfigurationError(
                "The organisation, the bucket and both tokens must be set.",
                cause="The configuration was edited or damaged.",
                next_step="Correct it, or remove the stack and install it again.",
            )
        if self.write_token == self.read_token:
            raise ConfigurationError(
                "The write token and the read token are the same.",
                cause="The configuration was edited.",
                next_step="Use two tokens: a program that writes need not read.",
            )

    @property
    def org_id(self) -> str:
        """The id of the organisation: 16 hexadecimal digits, as in InfluxDB."""
        return _hash(f"organisation {self.org}").hex()[:16]

    @property
    def bucket_id(self) -> str:
        """The id of the bucket: 16 hexadecimal digits, as in InfluxDB."""
        return _hash(f"bucket {self.org}\n{self.bucket}").hex()[:16]

    def right_of(self, authorization: str | None) -> Right | None:
        """Return the right of a header ``Authorization: Token ...`` (or ``Bearer``)."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() not in _SCHEMES:
            return None
        # Always compare both, so that the time does not depend on which one matches.
        may_read = self.is_read_token(token)
        may_write = _equal(token, self.write_token)
        return "read" if may_read else "write" if may_write else None

    def is_read_token(self, token: str) -> bool:
        """Whether a token may read."""
        return _equal(token, self.read_token)

    def prove(self, challenge: str) -> str:
        """Return a proof of knowing the tokens, see :mod:`multimeter.http.proof`."""
        tokens = (self.write_token, self.read_token)
        return ", ".join(proof_of(token, challenge) for token in tokens)


class LoginCodes:
    """Codes that log a browser in once; only their hashes are kept, in memory.

    Args:
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._expiries: dict[bytes, int] = {}

    def issue(self) -> tuple[str, int]:
        """Return a new code, and its expiry in ns since the epoch."""
        now = self._now_ns()
        self._expiries = {k: v for k, v in self._expiries.items() if v > now}
        while len(self._expiries) >= _MAX_CODES:
            del self._expiries[next(iter(self._expiries))]
        code = secrets.token_urlsafe(_RANDOM_BYTES)
        self._expiries[_hash(code)] = now + CODE_NS
        return code, now + CODE_NS

    def redeem(self, code: str) -> bool:
        """Use up a code; return whether it was valid."""
        return self._expiries.pop(_hash(code), 0) > self._now_ns()


class Sessions:
    """Sessions of logged-in browsers.

    Args:
        read_token: The token that allows to log in.
        now_ns: Returns the time, in ns since the epoch.
        file: The file of the sessions that were logged out; None for memory only.
    """

    def __init__(
        self,
        read_token: str,
        now_ns: Callable[[], int],
        file: pathlib.Path | None = None,
    ) -> None:
        self._key = hmac.new(read_token.encode(), b"sessions", hashlib.sha256).digest()
        self._now_ns = now_ns
        self._ended = EndedSessions(file, now_ns)
        # Cookies are shared between ports, so each stack on a host needs another name.
        self.cookie = f"multimeter_{_sign(self._key, 'name')[:8]}"

    def start(self) -> str:
        """Return the value of the cookie of a new session."""
        name = secrets.token_urlsafe(_RANDOM_BYTES)
        claim = f"{name}.{self._now_ns() + SESSION_NS}"
        return f"{claim}.{_sign(self._key, claim)}"

    def is_valid(self, cookie: str | None) -> bool:
        """Whether a cookie belongs to a valid session."""
        claim, _, signature = (cookie or "").rpartition(".")
        if not _equal(signature, _sign(self._key, claim)):
            return False
        name, _, text = claim.rpartition(".")
        expiry = int(text)
        is_over = self._ended.has(name, expiry - SESSION_NS)
        return expiry > self._now_ns() and not is_over

    def end(self, cookie: str | None) -> None:
        """End the session of a cookie; it stays ended after a restart."""
        if cookie is not None and self.is_valid(cookie):
            name, expiry, _ = cookie.split(".")
            self._ended.add(name, int(expiry))


logger = logging.getLogger("multimeter.visualization")

_MAX_ENDED = 10_000
_UNREADABLE = (
    OSError,
    ValueError,
    OverflowError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)


class EndedSessions:
    """The sessions that were logged out before they expired, kept across restarts.

    If the file is unreadable or has too many entries, all earlier sessions count as
    ended: browsers have to log in again, and no ended session becomes valid.

    Args:
        file: The file that stores them; None for memory only.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(self, file: pathlib.Path | None, now_ns: Callable[[], int]) -> None:
        self._file = file
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._since = 0
        self._expiries: dict[str, int] = {}
        if file is not None:
            self._read(file)

    def __len__(self) -> int:
        """Return the number of sessions that are stored individually."""
        return len(self._expiries)

    def has(self, name: str, start: int) -> bool:
        """Whether a session has ended.

        Args:
            name: The name of the session.
            start: Its start, in ns since the epoch.
        """
        return name in self._expiries or start < self._since

    def add(self, name: str, expiry: int) -> None:
        """End a session, and write that to the disk.

        Args:
            name: The name of the session.
            expiry: When it would expire, in ns since the epoch.
        """
        with self._lock:
            now = self._now_ns()
            kept = {k: v for k, v in self._expiries.items() if v > now}
            if len(kept) >= _MAX_ENDED:
                kept, self._since = {}, now
            self._expiries = {**kept, name: expiry}
            self._write()

    def _read(self, file: pathlib.Path) -> None:
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            # A time in the future would lock all browsers out until then.
            self._since = min(int(data["since"]), self._now_ns())
            self._expiries = {str(k): int(v) for k, v in data["ended"].items()}
        except FileNotFoundError:
            return
        except _UNREADABLE:
            self._since = self._now_ns()
            logger.warning("%s cannot be read: all browsers have to log in again.", file)

    def _write(self) -> None:
        if self._file is None:
            return
        data = {"since": self._since, "ended": self._expiries}
        try:
            write_file(self._file, json.dumps(data), PRIVATE_FILE)
        except OSError as error:
            logger.warning(
                "%s cannot be written: %s. Logouts are kept in memory until the next one"
                " can be written.",
                self._file,
                error.strerror,
            )


def require_token(request: Request, access: Access) -> Right:
    """Return the right of a request's token.

    Raises:
        RequestError: There is no token, or an unknown one.
    """
    right = access.right_of(request.headers.get("authorization"))
    if right is None:
        raise RequestError("unauthorized", "unauthorized access")
    return right


def require_right(given: Right, needed: Right) -> None:
    """Check that a token has the needed right.

    Raises:
        RequestError: It has another one.
    """
    if given != needed:
        raise RequestError("forbidden", f"insufficient permissions for {needed}")


def require_reader(request: Request, access: Access, sessions: Sessions) -> None:
    """Check that a request has the read token or a session cookie.

    Raises:
        RequestError: It has neither.
    """
    if "authorization" in request.headers or not is_logged_in(request, sessions):
        require_right(require_token(request, access), "read")


def is_logged_in(request: Request, sessions: Sessions) -> bool:
    """Whether a request has the cookie of a valid session."""
    return sessions.is_valid(request.cookies.get(sessions.cookie))


def require_bucket(request: Request, access: Access, *parameters: str) -> None:
    """Check that a request names our bucket, and our organisation.

    Args:
        request: The request.
        access: The organisation and the bucket.
        parameters: The parameters that may name the bucket.

    Raises:
        RequestError: It names another one, or none.
    """
    names = [name for each in parameters if (name := request.query_params.get(each))]
    if not names:
        raise RequestError("not found", "bucket not found")
    require_organisation(request, access)
    for name in names:
        if name not in (access.bucket, access.bucket_id):
            raise RequestError("not found", f'bucket "{name}" not found')


def require_organisation(request: Request, access: Access) -> None:
    """Check that a request names our organisation, in ``org`` or ``orgID``.

    Raises:
        RequestError: It names another organisation, or none.
    """
    name, identifier = map(request.query_params.get, ("org", "orgID"))
    if not name and not identifier:
        raise RequestError("invalid", "Please provide either orgID or org")
    if identifier and identifier != access.org_id:
        raise RequestError("not found", "organization not found")
    if name and name not in (access.org, access.org_id):
        raise RequestError("not found", f'organization name "{name}" not found')
