from __future__ import annotations

import pytest

from multimeter.sinks.base import Rejected, Retry
from multimeter.sinks.sql_answers import answer_of, is_lost


@pytest.mark.parametrize(
    "code",
    [0, 1205, 1213, 1020, 2006, 2013, 1040, 1203, 1047, 1290, 1317, 1053, 1114, 9999],
)
def test_what_passes_is_tried_again(code):
    answer = answer_of(code, "why")
    assert isinstance(answer, Retry)
    assert not answer.refused
    assert "why" in answer.reason


@pytest.mark.parametrize("code", [1044, 1045, 1049, 1054, 1142, 1146, 1364, 1698])
def test_what_somebody_must_mend_is_kept_and_told(code):
    answer = answer_of(code, "why")
    assert isinstance(answer, Retry)
    assert answer.refused
    assert f"{code}: why\nNext: " in str(answer)


@pytest.mark.parametrize("code", [1048, 1062, 1264, 1292, 1366, 1406, 1452, 4025])
def test_what_a_row_is_to_blame_for_is_rejected(code):
    assert answer_of(code, "why") == Rejected(f"it answered {code}: why")


def test_a_packet_that_is_too_large_asks_for_less():
    assert answer_of(1153, "why") == Rejected("it answered 1153: why", too_large=True)
    assert is_lost(1153)


@pytest.mark.parametrize(
    ("code", "sending", "smaller"),
    [
        (2013, True, True),
        (2006, True, True),
        (2013, False, False),
        (1213, True, False),
    ],
)
def test_a_connection_that_is_cut_while_rows_are_sent_asks_for_less(code, sending, smaller):
    answer = answer_of(code, "why", sending=sending)
    assert isinstance(answer, Retry)
    assert answer.smaller == smaller
