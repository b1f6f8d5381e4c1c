"""Proof: a server shows that it knows a token before the token is sent to it.

While a stack is stopped, any program on the machine can listen on its port. So a client
sends a random challenge first, and the embedded server answers with an HMAC of it
(https://www.rfc-editor.org/rfc/rfc2104) under a key that follows from the token. Another
program learns nothing that opens the server: not the token, and, as the key serves
this purpose alone, nothing that could pass for a cookie or a token.

Pure, except for the random numbers.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

__all__ = [
    "CHALLENGE",
    "PROOF",
    "ProvingToken",
    "expects_proof",
    "is_challenge",
    "is_proof",
    "new_challenge",
    "new_token",
    "proof_of",
]

CHALLENGE = "X-Multimeter-Challenge"
"""The header of the request: 64 hexadecimal digits that are never used again."""

PROOF = "X-Multimeter-Proof"
"""The header of the answer: a proof for each token of the server, with commas."""

_PREFIX = "multimeter-"
_PURPOSE = b"the server proves that it knows the token"
_RANDOM_BYTES = 48
_CHALLENGE_BYTES = 32
_CHALLENGE = re.compile(r"[0-9a-f]{64}", re.ASCII)


class ProvingToken(str):
    """A token whose server can prove that it knows it."""

    __slots__ = ()


def new_token() -> str:
    """Return a new token for a server that can prove that it knows it.

    Its form says so wherever it is copied: into a variable, a file or a program.
    """
    return _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def expects_proof(token: str) -> bool:
    """Return whether the server of a token can prove that it knows it."""
    return isinstance(token, ProvingToken) or token.startswith(_PREFIX)


def new_challenge() -> str:
    """Return a challenge that cannot be foreseen."""
    return secrets.token_hex(_CHALLENGE_BYTES)


def is_challenge(text: str) -> bool:
    """Return whether a text is a challenge."""
    return _CHALLENGE.fullmatch(text) is not None


def proof_of(token: str, challenge: str) -> str:
    """Return what only those who know the token can answer to a challenge."""
    key = hmac.digest(token.encode(), _PURPOSE, hashlib.sha256)
    return hmac.new(key, challenge.encode(), hashlib.sha256).hexdigest()


def is_proof(header: str, token: str, challenge: str) -> bool:
    """Return whether an answer proves that the server knows the token.

    Args:
        header: The header :data:`PROOF` of the answer.
        token: The token.
        challenge: What was sent.
    """
    expected = proof_of(token, challenge).encode()
    given = (each.strip().encode() for each in header.split(","))
    return any(hmac.compare_digest(each, expected) for each in given)
