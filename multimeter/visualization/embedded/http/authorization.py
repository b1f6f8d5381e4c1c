"""Authorization: whether a request may do what it asks for."""

from __future__ import annotations

from starlette.requests import Request

from multimeter.visualization.embedded.http.access import Access, Right, Sessions
from multimeter.visualization.embedded.http.responses import RequestError

__all__ = [
    "is_logged_in",
    "require_organisation",
    "require_reader",
    "require_right",
    "require_token",
]


def require_token(request: Request, access: Access) -> Right:
    """Return what the token of a request allows.

    Raises:
        RequestError: There is none, or it is not known.
    """
    right = access.right_of(request.headers.get("authorization"))
    if right is None:
        raise RequestError("unauthorized", "unauthorized access")
    return right


def require_right(given: Right, needed: Right) -> None:
    """Check that a token allows what is needed.

    Raises:
        RequestError: It does not.
    """
    if given != needed:
        raise RequestError("forbidden", f"insufficient permissions for {needed}")


def require_reader(request: Request, access: Access, sessions: Sessions) -> None:
    """Check that a request has the read token, or comes from a logged-in browser.

    Raises:
        RequestError: It has neither.
    """
    if "authorization" in request.headers or not is_logged_in(request, sessions):
        require_right(require_token(request, access), "read")


def is_logged_in(request: Request, sessions: Sessions) -> bool:
    """Whether a request has the cookie of a session."""
    return sessions.is_valid(request.cookies.get(sessions.cookie))


def require_organisation(request: Request, access: Access) -> None:
    """Check that a request means our organisation, in ``org`` or ``orgID``.

    Raises:
        RequestError: It names another one, or none.
    """
    name, identifier = map(request.query_params.get, ("org", "orgID"))
    if not name and not identifier:
        raise RequestError("invalid", "Please provide either orgID or org")
    if identifier and identifier != access.org_id:
        raise RequestError("not found", "organization not found")
    if name and name not in (access.org, access.org_id):
        raise RequestError("not found", f'organization name "{name}" not found')
