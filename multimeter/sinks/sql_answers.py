"""What the errors of a MySQL or MariaDB server mean. Pure.

=============================  ==========================================================
1205, 1213, 1020               later: another transaction was in the way
2006, 2013, 2003, 1317, 1053   later: the connection, the query or the server was ended
1040, 1203, 1226, 1129         later: there are too many connections
1047, 1290, 1836, 1114, 1021   later: the server is not ready, read-only, or full
1153                           less at once; a single row that is too large is refused
1044, 1045, 1049, 1142, 1146   later, slowly: the account, the right or the table is wrong
2026, 2061, 2068               later, slowly: the server is not verified, or not honest
1048, 1264, 1292, 1366, ...    some rows are refused for good; none of them is stored
anything else                  later: what is not understood is not thrown away
=============================  ==========================================================

The numbers: https://mariadb.com/kb/en/mariadb-error-code-reference/
"""

from __future__ import annotations

from multimeter.sinks.base import Answer, Rejected, Retry

__all__ = [
    "DUPLICATE_KEY",
    "answer_of",
    "cannot_compare",
    "is_lost",
    "is_of_rows",
    "is_refusal",
]

DUPLICATE_KEY = 1062
_TOO_LARGE = (1153, 2020)
_LOST = (1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2014, 2055, 2068, 4031)
_USER = "Use a user and a password that the server knows."
_RIGHTS = "Give the user the rights to SELECT and INSERT there."
_PLUGIN = (
    "Give the account a plugin that the driver knows: mysql_native_password; or "
    "ed25519, with pip install pynacl."
)
_TLS = (
    "Name the host as its certificate does, and who has signed that: ca='FILE', or "
    "ca=True for those that the system trusts."
)
_UNSAFE = (
    "Have the server verified (ca='FILE', or ca=True for those that the system trusts), "
    "or give the account the plugin mysql_native_password."
)
_TABLE = "Check the names of the database and the table, and the table's columns."
_NEXT_STEPS = {
    1044: _RIGHTS,
    1045: _USER,
    1049: _TABLE,
    1054: _TABLE,
    1130: "Let the user log in from this host.",
    1136: _TABLE,
    1142: _RIGHTS,
    1143: _RIGHTS,
    1146: _TABLE,
    1227: _RIGHTS,
    1251: _USER,
    1364: _TABLE,
    1698: _USER,
    1820: "The password of the user has expired: set another.",
    1862: "The password of the user has expired: set another.",
    2026: _TLS,
    2059: _PLUGIN,
    2061: _UNSAFE,
    2068: "No server does that which only stores points: check the host.",
    3118: "The account is locked: unlock it.",
    4151: "The account is locked: unlock it.",
}
_OF_A_ROW = frozenset(
    (
        *(DUPLICATE_KEY, 1048, 1216, 1264, 1265, 1292, 1366, 1367, 1406, 1411),
        *(1416, 1452, 1526, 1644, 1690, 3140, 3819, 3903, 4025),
    )
)
# A text has characters that the character set of a column does not have.
_OF_CHARACTERS = frozenset((1267, 1270, 1271, 1300, 1366, 1977, 3854, 3988))


def cannot_compare(code: int) -> bool:
    """Return whether a text cannot be in a column that it was compared with."""
    return code in _OF_CHARACTERS


def is_refusal(code: int) -> bool:
    """Return whether waiting alone will not help."""
    return code in _NEXT_STEPS


def is_of_rows(code: int) -> bool:
    """Return whether a value in a row is the reason, and no other row would do harm."""
    return code in _OF_A_ROW


def is_lost(code: int) -> bool:
    """Return whether the connection is gone, or of no use."""
    return code in _LOST or code in _TOO_LARGE


def answer_of(code: int, message: str, *, sending: bool = False) -> Answer:
    """Return what an error means for a batch, none of which is stored.

    Args:
        code: Its number; 0 where it has none.
        message: The server's message.
        sending: Whether rows were being sent. A server that finds them too many may cut
            the connection before it reported so.
    """
    reason = f"it answered {code}: {message}" if code else message
    if code in _TOO_LARGE:
        return Rejected(reason, too_large=True)
    if is_of_rows(code):
        return Rejected(reason)
    if is_refusal(code):
        return Retry(reason, refused=True, next_step=_NEXT_STEPS[code])
    return Retry(reason, smaller=sending and is_lost(code))
