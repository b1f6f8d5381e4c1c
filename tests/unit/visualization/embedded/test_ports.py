from __future__ import annotations

import os
import socket

import psutil
import pytest

from multimeter.visualization.embedded.ports import free_port, listen, require_free
from multimeter.visualization.errors import PortTakenError

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
