"""What the answers of InfluxDB's write API mean for a delivery. Pure.

======================  =================================================================
204, and nothing else   stored
408, 429, 5xx           later, when the server asks for it
401, 403, 404           later, slowly: a person has to mend the token, right, or bucket
413                     less at once; a single record that is too large is refused
400                     nothing was stored: some records are refused for good
422                     some records are refused for good, the others are stored
anything else           later, slowly: this is no InfluxDB (a network may ask for a login)
======================  =================================================================
"""

from __future__ import annotations

import email.utils
import re
from datetime import timezone
from http import HTTPStatus

from multimeter.http.transport import HttpAnswer
from multimeter.sinks.base import Accepted, Answer, Batch, Rejected, Retry

__all__ = ["answer_of", "parse_retry_after"]

_LONGEST_REASON = 500
_NEXT_STEPS = {
    401: "Use a token that the server knows: multimeter-visu status shows the stack.",
    403: "Use a token that may write to this bucket.",
    404: "Check the names of the organisation and the bucket.",
}

_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_UNPARSED = re.compile(
    r"unable to parse '(.*?)': (.*?)(?=\nunable to parse '|\Z)", re.DOTALL
)
_DROPPED = re.compile(r"\bdropped=(\d+)\b")


def answer_of(answer: HttpAnswer, batch: Batch, now: float) -> Answer:
    """Return what an answer means for a batch.

    Args:
        answer: The answer.
        batch: What was sent.
        now: The time of day, in seconds since the epoch.
    """
    status = answer.status
    if status == HTTPStatus.NO_CONTENT:
        return Accepted()
    message = answer.message
    reason = f"it answered {status}: {message[:_LONGEST_REASON]}"
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Retry(reason, parse_retry_after(answer.headers.get("retry-after"), now))
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Rejected(reason, too_large=True)
    if status in _REFUSED:
        others_stored = status == HTTPStatus.UNPROCESSABLE_ENTITY
        return Rejected(reason, _refused(message, batch), others_stored=others_stored)
    if status in _NEXT_STEPS:
        return Retry(reason, refused=True, next_step=_NEXT_STEPS[status])
    return Retry(
        f"it answered {status}, where InfluxDB answers 204. Another server listens there, "
        "or a network asks for a login.",
        refused=True,
    )


def _refused(message: str, batch: Batch) -> dict[int, str]:
    """Return the records that a message names as refused, with the reasons."""
    # A server that dropped as many as there were dropped all.
    dropped = _DROPPED.search(message)
    if dropped and int(dropped[1]) == len(batch):
        return dict.fromkeys(range(len(batch)), message[:_LONGEST_REASON])
    named = {line.encode(): reason for line, reason in _UNPARSED.findall(message)}
    return {
        index: f"unable to parse: {named[line]}"[:_LONGEST_REASON]
        for index, line in enumerate(batch.lines)
        if line in named
    }


def parse_retry_after(text: str | None, now: float) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, or None for junk.

    Args:
        text: The header: seconds or a date
            (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after).
        now: The time of day, in seconds since the epoch.
    """
    text = (text or "").strip()
    if text.isascii() and text.isdecimal():
        # More digits than a float has are as good as infinity; the policy caps it.
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
        if date.tzinfo is None:
            date = date.replace(tzinfo=timezone.utc)
        return max(0.0, date.timestamp() - now)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
