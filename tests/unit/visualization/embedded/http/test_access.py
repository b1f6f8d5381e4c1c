from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.errors import ConfigurationError
from multimeter.visualization.embedded.http import access as access_module
from multimeter.visualization.embedded.http.access import (
    CODE_NS,
    SESSION_NS,
    Access,
    LoginCodes,
    Sessions,
)

ACCESS = Access("kantai", "multimeter", "the-write-token", "the-read-token")


class Clock:
    def __init__(self):
        self.now = 1_700_000_000_000_000_000

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER"])
def test_a_token_has_one_right_under_both_schemes(scheme):
    assert ACCESS.right_of(f"{scheme} the-read-token") == "read"
    assert ACCESS.right_of(f"{scheme} the-write-token") == "write"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Token",
        "Token ",
        "the-read-token",
        "Basic the-read-token",
        "Token the-read-toke",
        "Token the-read-tokenn",
        "Token the-read-token ",
        "Token the-write-token the-read-token",
    ],
)
def test_anything_else_has_no_right(header):
    assert ACCESS.right_of(header) is None


@given(st.text())
def test_no_other_text_is_a_token(text):
    if text not in ("the-read-token", "the-write-token"):
        assert ACCESS.right_of(f"Token {text}") is None


def test_tokens_are_compared_in_constant_time_and_without_their_lengths(monkeypatch):
    compared = []
    compare = hmac.compare_digest

    def spy(left, right):
        compared.append((len(left), len(right)))
        return compare(left, right)

    monkeypatch.setattr(access_module.hmac, "compare_digest", spy)
    ACCESS.right_of("Token short")
    ACCESS.right_of("Token the-read-token")
    # Each time both tokens, and always as hashes of one length.
    assert compared == [(32, 32)] * 4


def test_tokens_are_in_no_representation():
    for text in (repr(ACCESS), str(ACCESS), f"{ACCESS}"):
        assert "the-write-token" not in text
        assert "the-read-token" not in text


@pytest.mark.parametrize(
    "values",
    [
        ("", "b", "w", "r"),
        ("o", "", "w", "r"),
        ("o", "b", "", "r"),
        ("o", "b", "w", ""),
        ("o", "b", "same", "same"),
    ],
)
def test_access_that_would_be_no_protection_is_refused(values):
    with pytest.raises(ConfigurationError):
        Access(*values)


def test_ids_look_like_those_of_influxdb_and_follow_from_the_names():
    again = Access("kantai", "multimeter", "w", "r")
    other = Access("kantai", "other", "w", "r")
    assert ACCESS.org_id == again.org_id
    assert ACCESS.bucket_id == again.bucket_id != other.bucket_id
    for identifier in (ACCESS.org_id, ACCESS.bucket_id):
        assert len(identifier) == 16
        assert int(identifier, 16)


def test_a_login_code_counts_once(clock):
    codes = LoginCodes(clock)
    code, expires = codes.issue()
    assert expires == clock.now + CODE_NS
    assert codes.redeem(code)
    assert not codes.redeem(code)


def test_a_login_code_expires(clock):
    codes = LoginCodes(clock)
    code, expires = codes.issue()
    clock.now = expires
    assert not codes.redeem(code)


def test_an_unknown_login_code_does_not_count(clock):
    codes = LoginCodes(clock)
    codes.issue()
    assert not codes.redeem("")
    assert not codes.redeem("x" * 43)


def test_login_codes_are_long_different_and_kept_as_hashes_only(clock):
    codes = LoginCodes(clock)
    issued = {codes.issue()[0] for _ in range(20)}
    assert len(issued) == 20
    assert all(len(code) == 43 for code in issued)  # 256 bits in base 64
    assert not any(code in repr(vars(codes)) for code in issued)


def test_only_so_many_login_codes_wait_and_the_oldest_goes_first(clock):
    codes = LoginCodes(clock)
    first, _ = codes.issue()
    others = [codes.issue()[0] for _ in range(100)]
    assert not codes.redeem(first)
    assert all(codes.redeem(code) for code in others)


def test_expired_login_codes_take_no_room(clock):
    codes = LoginCodes(clock)
    codes.issue()
    clock.now += CODE_NS
    code, _ = codes.issue()
    assert len(codes._expiries) == 1
    assert codes.redeem(code)


def test_a_session_counts_until_it_expires(clock):
    sessions = Sessions("the-read-token", clock)
    cookie = sessions.start()
    clock.now += SESSION_NS - 1
    assert sessions.is_valid(cookie)
    clock.now += 1
    assert not sessions.is_valid(cookie)


def test_a_session_outlives_a_restart_of_the_server(clock):
    cookie = Sessions("the-read-token", clock).start()
    assert Sessions("the-read-token", clock).is_valid(cookie)


def test_a_new_read_token_ends_all_sessions(clock):
    cookie = Sessions("the-read-token", clock).start()
    assert not Sessions("another-read-token", clock).is_valid(cookie)


def test_a_session_that_has_ended_does_not_count_and_others_do(clock):
    sessions = Sessions("the-read-token", clock)
    ended, other = sessions.start(), sessions.start()
    sessions.end(ended)
    assert not sessions.is_valid(ended)
    assert sessions.is_valid(other)


def test_sessions_that_have_ended_are_forgotten_when_they_have_expired(clock):
    sessions = Sessions("the-read-token", clock)
    sessions.end(sessions.start())
    clock.now += SESSION_NS
    sessions.end(sessions.start())
    assert len(sessions._ended) == 1


def test_who_has_logged_out_stays_so_when_the_server_is_started_again(clock, tmp_path):
    file = tmp_path / "sessions.json"
    sessions = Sessions("the-read-token", clock, file)
    ended, other, later = (sessions.start() for _ in range(3))
    sessions.end(ended)
    again = Sessions("the-read-token", clock, file)
    again.end(later)
    for each in (again, Sessions("the-read-token", clock, file)):
        assert [each.is_valid(cookie) for cookie in (ended, other, later)] == [
            False,
            True,
            False,
        ]
    assert file.stat().st_mode & 0o077 == 0
    assert ended not in file.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"since": 1}',
        '{"since": 0, "ended": 1}',
        '{"since": 1e999, "ended": {}}',
        '{"since": 0, "ended": {"x": 1e999}}',
    ],
)
def test_a_damaged_file_ends_all_sessions_of_before_and_none_of_later(
    clock, tmp_path, text, caplog
):
    file = tmp_path / "sessions.json"
    before = Sessions("the-read-token", clock).start()
    clock.now += 1
    file.write_text(text)
    sessions = Sessions("the-read-token", clock, file)
    assert "log in again" in caplog.text
    assert not sessions.is_valid(before)
    later = sessions.start()
    assert sessions.is_valid(later)
    sessions.end(sessions.start())
    again = Sessions("the-read-token", clock, file)
    assert (again.is_valid(before), again.is_valid(later)) == (False, True)


def test_an_end_of_sessions_that_lies_ahead_keeps_nobody_out(clock, tmp_path):
    file = tmp_path / "sessions.json"
    file.write_text(f'{{"since": {clock.now + 10**18}, "ended": {{}}}}')
    sessions = Sessions("the-read-token", clock, file)
    assert sessions.is_valid(sessions.start())


def test_that_it_cannot_be_kept_is_logged_and_the_session_has_ended(
    clock, tmp_path, caplog
):
    sessions = Sessions("the-read-token", clock, tmp_path / "gone" / "sessions.json")
    cookie = sessions.start()
    sessions.end(cookie)
    assert not sessions.is_valid(cookie)
    assert "cannot be written" in caplog.text


def test_no_number_of_logouts_fills_the_file(clock, tmp_path, monkeypatch):
    monkeypatch.setattr(access_module, "_MAX_ENDED", 3)
    file = tmp_path / "sessions.json"
    sessions = Sessions("the-read-token", clock, file)
    cookies = [sessions.start() for _ in range(9)]
    clock.now += 1
    for cookie in cookies[:8]:
        sessions.end(cookie)
    assert len(sessions._ended) <= 3
    again = Sessions("the-read-token", clock, file)
    assert not any(again.is_valid(cookie) for cookie in cookies)


@pytest.mark.parametrize("cookie", [None, "", ".", "..", "a.b.c", "a.1", "é.9.x"])
def test_what_the_server_has_not_signed_is_no_session(clock, cookie):
    sessions = Sessions("the-read-token", clock)
    assert not sessions.is_valid(cookie)
    sessions.end(cookie)


@given(place=st.integers(0, 123), character=st.characters(codec="latin-1"))
def test_a_session_that_was_changed_anywhere_does_not_count(place, character):
    sessions = Sessions("the-read-token", Clock())
    cookie = sessions.start()
    changed = cookie[:place] + character + cookie[place + 1 :]
    assert sessions.is_valid(changed) == (changed == cookie)


def test_a_session_does_not_hold_the_token(clock):
    sessions = Sessions("the-read-token", clock)
    assert "the-read-token" not in sessions.start() + sessions.cookie + repr(vars(sessions))


def test_stacks_on_one_host_name_their_cookies_differently(clock):
    assert Sessions("a", clock).cookie != Sessions("b", clock).cookie
    assert Sessions("a", clock).cookie == Sessions("a", clock).cookie
