from __future__ import annotations

import threading

from multimeter.loggers.timed_query import (
    NONE_RESPONSE,
    InterruptableThread,
    NoneResponse,
    timeout_query,
)


class Cursor:
    """Answers with rows, or None for a statement that has none, when it may."""

    def __init__(self, rows):
        self.description = None if rows is None else ["column"]
        self.rows = rows
        self.may_answer = threading.Event()
        self.queries = []

    def execute(self, query):
        self.queries.append(query)
        self.may_answer.wait()
        if isinstance(self.rows, Exception):
            raise self.rows

    def fetchall(self):
        assert self.rows is not None, "some drivers refuse that"
        return self.rows


def answering(rows):
    cursor = Cursor(rows)
    cursor.may_answer.set()
    return cursor


def test_the_result_is_a_tuple_of_rows():
    cursor = answering([(1,), (2,)])
    assert timeout_query(cursor, "SELECT", 60) == ((1,), (2,))
    assert cursor.queries == ["SELECT"]


def test_a_statement_without_rows_gives_an_empty_tuple():
    assert timeout_query(answering(None), "INSERT", 60) == ()


def test_a_query_that_has_not_ended_gives_none_response():
    cursor = Cursor([(1,)])
    assert timeout_query(cursor, "SELECT", 0) is NONE_RESPONSE
    cursor.may_answer.set()


def test_a_query_that_fails_gives_none_response_and_the_log_says_why(caplog):
    assert timeout_query(answering(OSError("no disk")), "SELECT", 60) is NONE_RESPONSE
    assert "no disk" in caplog.text


def test_the_thread_is_a_daemon_that_has_its_result_later():
    cursor = Cursor([(1,)])
    thread = InterruptableThread(cursor, "SELECT")
    thread.start()
    assert thread.daemon
    assert isinstance(thread.result, NoneResponse)
    cursor.may_answer.set()
    thread.join()
    assert thread.result == ((1,),)
    assert thread.error is None
