"""Access: who may do what, by token or by the cookie of a logged-in browser.

A session is a cookie that the server has signed with a key derived from the read token.
So sessions outlive a restart without a file of secrets, and a new read token ends all of
them. Those that were logged out are kept, see
:mod:`~multimeter.visualization.embedded.http.ended_sessions`.
"""

from __future__ import annotations

import hashlib
import hmac
import pathlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from multimeter.errors import ConfigurationError
from multimeter.http.proof import proof_of
from multimeter.visualization.embedded.http.ended_sessions import EndedSessions

__all__ = ["CODE_NS", "SESSION_NS", "Access", "LoginCodes", "Right", "Sessions"]

Right = Literal["read", "write"]
"""What a token allows: each allows one thing only."""

CODE_NS = 10 * 60 * 1_000_000_000
"""How long a login code counts, in ns."""

SESSION_NS = 7 * 24 * 3600 * 1_000_000_000
"""How long a browser stays logged in, in ns."""

_SCHEMES = ("token", "bearer")
_RANDOM_BYTES = 32
_MOST_CODES = 100


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _same(given: str, expected: str) -> bool:
    """Compare in a time that tells neither content nor length."""
    return hmac.compare_digest(_hash(given), _hash(expected))


def _sign(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Access:
    """The one organisation and bucket of a server, and the tokens for them.

    Args:
        org: The name of the organisation.
        bucket: The name of the bucket.
        write_token: The token that may write, and nothing else.
        read_token: The token that may read, and nothing else.

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
                next_step="Mend it, or remove the stack and install it again.",
            )
        if self.write_token == self.read_token:
            raise ConfigurationError(
                "The write token and the read token are the same.",
                cause="The configuration was edited.",
                next_step="Give each its own: a program that writes need not read.",
            )

    @property
    def org_id(self) -> str:
        """The id of the organisation, 16 hexadecimal digits as InfluxDB has them."""
        return _hash(f"organisation {self.org}").hex()[:16]

    @property
    def bucket_id(self) -> str:
        """The id of the bucket, 16 hexadecimal digits as InfluxDB has them."""
        return _hash(f"bucket {self.org}\n{self.bucket}").hex()[:16]

    def right_of(self, authorization: str | None) -> Right | None:
        """Return what a header ``Authorization: Token ...`` (or ``Bearer``) allows."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() not in _SCHEMES:
            return None
        # Both are always compared, so that the time does not tell which came close.
        may_read = self.is_read_token(token)
        may_write = _same(token, self.write_token)
        return "read" if may_read else "write" if may_write else None

    def is_read_token(self, token: str) -> bool:
        """Whether a token may read."""
        return _same(token, self.read_token)

    def prove(self, challenge: str) -> str:
        """Prove that the tokens are known here, see :mod:`multimeter.http.proof`."""
        tokens = (self.write_token, self.read_token)
        return ", ".join(proof_of(token, challenge) for token in tokens)


class LoginCodes:
    """Codes that open the page once; only their hashes are kept, in memory.

    Args:
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._expiries: dict[bytes, int] = {}

    def issue(self) -> tuple[str, int]:
        """Return a new code, and until when it counts (ns since the epoch)."""
        now = self._now_ns()
        self._expiries = {k: v for k, v in self._expiries.items() if v > now}
        while len(self._expiries) >= _MOST_CODES:
            del self._expiries[next(iter(self._expiries))]
        code = secrets.token_urlsafe(_RANDOM_BYTES)
        self._expiries[_hash(code)] = now + CODE_NS
        return code, now + CODE_NS

    def redeem(self, code: str) -> bool:
        """Use up a code; whether it counted."""
        return self._expiries.pop(_hash(code), 0) > self._now_ns()


class Sessions:
    """Browsers that are logged in.

    Args:
        read_token: The token whose holder may log in.
        now_ns: Returns the time, in ns since the epoch.
        file: Where those are kept that were logged out; None for in memory alone.
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
        # Cookies do not know of ports: two stacks on one host must not share a name.
        self.cookie = f"multimeter_{_sign(self._key, 'name')[:8]}"

    def start(self) -> str:
        """Return the value of the cookie of a new session."""
        name = secrets.token_urlsafe(_RANDOM_BYTES)
        claim = f"{name}.{self._now_ns() + SESSION_NS}"
        return f"{claim}.{_sign(self._key, claim)}"

    def is_valid(self, cookie: str | None) -> bool:
        """Whether a cookie belongs to a session that counts."""
        claim, _, signature = (cookie or "").rpartition(".")
        if not _same(signature, _sign(self._key, claim)):
            return False
        name, _, text = claim.rpartition(".")
        expiry = int(text)
        is_over = self._ended.has(name, expiry - SESSION_NS)
        return expiry > self._now_ns() and not is_over

    def end(self, cookie: str | None) -> None:
        """End the session of a cookie, also for the time after a restart."""
        if cookie is not None and self.is_valid(cookie):
            name, expiry, _ = cookie.split(".")
            self._ended.add(name, int(expiry))
