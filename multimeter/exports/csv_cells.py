"""Cells of CSV: text that a spreadsheet would compute stays text. Pure."""

from __future__ import annotations

import unicodedata

__all__ = ["plain_cell"]

_FORMULA = frozenset("=+-@")
# A spreadsheet may split or trim here, and begin anew with what follows.
_BREAKS = frozenset("\t\r\n")
# Spaces, control characters, and what is not visible (the byte order mark).
_SKIPPED = frozenset(("Zs", "Zl", "Zp", "Cc", "Cf"))


def plain_cell(value: object) -> object:
    """Return the value of a cell; a text that looks like a formula begins with ``'``.

    Such a text begins with ``=``, ``+``, ``-`` or ``@``, also in a wide or small form
    and behind spaces or invisible characters, or with a tab or a line break. Numbers
    stay numbers.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return "'" + value if isinstance(value, str) and _is_formula(value) else value


def _is_formula(text: str) -> bool:
    for character in text:
        if character in _BREAKS:
            return True
        if unicodedata.category(character) not in _SKIPPED:
            return unicodedata.normalize("NFKC", character) in _FORMULA
    return False
