"""The statements of SQL that a sink speaks. Pure.

Names of tables are checked and quoted; every value is a parameter, for which a question
mark is the placeholder here.
"""

from __future__ import annotations

import re

from multimeter.errors import ConfigurationError

__all__ = [
    "BATCHES",
    "CREATE_BATCHES",
    "FIND_BATCH",
    "FIND_BATCHES",
    "FORGET_VERY_OLD",
    "HAS_TRANSACTIONS",
    "KEEP_BATCH",
    "KEEP_MORE",
    "SET_UP",
    "SPEAK_UTC",
    "TYPE_OF_TIME",
    "forget",
    "insert",
    "insert_all",
    "may_insert",
    "quote",
    "select_id",
    "select_spellings",
]

BATCHES = "multimeter_batches"
"""The table of what has been stored: batches, and which of their records."""

CREATE_BATCHES = f"""
CREATE TABLE IF NOT EXISTS `{BATCHES}` (
    `batch` VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    `stored` TEXT CHARACTER SET ascii NOT NULL,
    `written` TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    KEY `written` (`written`)
) ENGINE=InnoDB
"""
FIND_BATCHES = f"SELECT `batch`, `stored` FROM `{BATCHES}` LIMIT 0"
KEEP_BATCH = f"INSERT INTO `{BATCHES}` (`batch`, `stored`) VALUES (?, ?)"
FIND_BATCH = f"SELECT `stored` FROM `{BATCHES}` WHERE `batch` = ? FOR UPDATE"
KEEP_MORE = f"UPDATE `{BATCHES}` SET `stored` = ? WHERE `batch` = ?"
FORGET_VERY_OLD = f"""
DELETE FROM `{BATCHES}` WHERE `written` < CURRENT_TIMESTAMP - INTERVAL 1 YEAR
ORDER BY `written` LIMIT 10000
"""

# What cannot be stored as it is shall be refused, not cut off or made zero. A lock must
# not be waited for longer than an answer. And where the network swallows all, the server
# shall soon give up the connection that we have left: it has the lock of our batch.
SET_UP = """
SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'),
    innodb_lock_wait_timeout = ?, wait_timeout = ?, net_read_timeout = ?
"""
HAS_TRANSACTIONS = """
SELECT engine.TRANSACTIONS FROM information_schema.TABLES
JOIN information_schema.ENGINES AS engine USING (ENGINE)
WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?
"""

TYPE_OF_TIME = """
SELECT DATA_TYPE FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND COLUMN_NAME = 'time'
"""
# A TIMESTAMP is an instant, but it is written as a time of the day in the zone of the
# session. In the hour that a clock change repeats, two instants have the same one.
SPEAK_UTC = "SET SESSION time_zone = '+00:00'"

_NAME = re.compile(r"[0-9A-Za-z_$]{1,64}(?:\.[0-9A-Za-z_$]{1,64})?")


def quote(table: str) -> str:
    """Return the name of a table as it is written in a statement.

    Raises:
        ConfigurationError: It cannot be one.
    """
    if not isinstance(table, str) or not _NAME.fullmatch(table):
        raise ConfigurationError(
            f"{table!r} cannot be the name of a table.",
            next_step="Use letters, digits, '_' and '$'; or 'database.table'.",
        )
    return ".".join(f"`{part}`" for part in table.split("."))


def insert(table: str, rows: int) -> str:
    """Return the statement that stores so many rows of id, time in us, and value.

    Whole microseconds, as a double would round them. The time zone of the session makes
    them a time of the day: UTC for a TIMESTAMP, see :data:`SPEAK_UTC`; for a DATETIME that
    of the server, as for everyone else who writes to the table.
    """
    row = "(?,FROM_UNIXTIME(?*0.000001),?)"
    return f"{insert_all(table).removesuffix('?')}{','.join([row] * rows)}"


def insert_all(table: str) -> str:
    """Return the same statement for rows that are one parameter, all of them."""
    return f"INSERT INTO {quote(table)} (`type`, `time`, `value`) VALUES ?"


def may_insert(table: str) -> str:
    """Return a statement that stores nothing, but needs the right and the columns."""
    columns = "`type`, `time`, `value`"
    return f"INSERT INTO {quote(table)} ({columns}) SELECT 1, NOW(), 0 LIMIT 0"


def select_id(descriptions: str) -> str:
    """Return the query for the id of a codename."""
    return f"SELECT `id` FROM {quote(descriptions)} WHERE `codename` = ?"


def select_spellings(descriptions: str) -> str:
    """Return the query for the ids of a codename, and how each is spelled there."""
    return select_id(descriptions).replace("`id`", "`id`, `codename`", 1)


def forget(batches: int) -> str:
    """Return the statement that removes so many batches."""
    marks = ",".join("?" * batches)
    return f"DELETE FROM `{BATCHES}` WHERE `batch` IN ({marks})"
