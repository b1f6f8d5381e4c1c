from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import psutil
import pytest

from multimeter.visualization.errors import PortTakenError
from multimeter.visualization.ports import (
    choose_port,
    free_port,
    listen,
    require_free,
)

HOST = "127.0.0.1"


def test_a_free_port_can_be_listened_on():
    port = free_port(HOST)
    require_free(HOST, port)
    with listen(HOST, port) as listener:
        assert listener.getsockname() == (HOST, port)


def test_a_taken_port_is_refused_with_who_has_it():
    with listen(HOST, 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"Port {port} is taken") as caught:
            listen(HOST, port)
    assert f"{psutil.Process().name()} (pid {os.getpid()})" in str(caught.value)
    assert "--port" in str(caught.value)


def test_asyncio_sees_that_it_is_tcp_and_lets_no_answer_wait():
    with listen("127.0.0.1", 0) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with client, accepted:
            assert accepted.proto == socket.IPPROTO_TCP


ME = f"{psutil.Process().name()} (pid {os.getpid()})"


@contextlib.contextmanager
def taken(port: int, address: str, *, only_v6: bool = True) -> Iterator[None]:
    """Listen on a port of one address, as another program may."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as other:
        if family is socket.AF_INET6:
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_v6)
        try:
            other.bind((address, port))
        except OSError as error:
            if ":" not in address:
                raise
            pytest.skip(f"no IPv6 here: {error}")
        other.listen()
        yield


def two_free_ports() -> int:
    """Return a port that is free together with the next one."""
    while True:
        port = free_port(HOST)
        with contextlib.suppress(PortTakenError, OverflowError):
            require_free(HOST, port + 1)
            return port


def test_the_usual_port_is_taken_where_it_is_free_without_a_word():
    port = two_free_ports()
    choice = choose_port(HOST, None, port, {})
    assert (choice.port, choice.note) == (port, "")


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_where_the_usual_port_is_taken_the_next_one_is_used_and_it_is_said(address):
    port = two_free_ports()
    with taken(port, address, only_v6=address == "::1"):
        choice = choose_port(HOST, None, port, {})
        require_free(HOST, choice.port)
    assert choice.port > port
    assert choice.note == (
        f"Port {port} is taken by {ME}; this stack uses {choice.port} instead."
    )


def test_ports_that_are_taken_in_a_row_are_passed_over():
    port = two_free_ports()
    with taken(port, "127.0.0.1"), taken(port + 1, "127.0.0.1"):
        choice = choose_port(HOST, None, port, {})
        require_free(HOST, choice.port)
    assert choice.port > port + 1


def test_connections_that_have_just_ended_do_not_take_a_port():
    with listen(HOST, 0) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection((HOST, port))
        accepted, _ = listener.accept()
        accepted.close()  # who closes first keeps it in TIME_WAIT
        client.close()
    assert choose_port(HOST, None, port, {}).port == port


def test_the_port_of_another_stack_is_not_used_though_it_is_free():
    port = two_free_ports()
    choice = choose_port(HOST, None, port, {port: "the stack 'lab'"})
    assert choice.port > port
    assert choice.note.startswith(f"Port {port} is used by the stack 'lab'; ")


def test_a_port_that_was_asked_for_is_no_choice():
    port = two_free_ports()
    with taken(port, "127.0.0.1"):
        choice = choose_port(HOST, port, 1, {})
    assert (choice.port, choice.note) == (port, "")


def test_any_port_means_one_that_is_free_and_of_no_other_stack(monkeypatch):
    offered = iter((40_001, 40_002))
    monkeypatch.setattr("multimeter.visualization.ports.free_port", lambda _: next(offered))
    assert choose_port(HOST, 0, 8086, {40_001: "the stack 'lab'"}).port == 40_002


def test_ports_of_another_machine_cannot_be_looked_at():
    port = two_free_ports()
    with taken(port, "127.0.0.1"):
        assert choose_port(HOST, None, port, {}, look=False).port == port
        assert choose_port(HOST, None, port, {port: "it"}, look=False).port == port + 1


def test_at_the_end_of_all_ports_any_free_one_is_used():
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(taken(65_535, "127.0.0.1"))
        choice = choose_port(HOST, None, 65_535, {})
        require_free(HOST, choice.port)
    assert choice.port != 65_535
