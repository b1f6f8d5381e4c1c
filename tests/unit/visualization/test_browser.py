from __future__ import annotations

import socket

import pytest

from multimeter.visualization.browser import has_browser, tunnel_command

PAGE = "http://127.0.0.1:8087/?run=example"
OVER_SSH = {"SSH_CONNECTION": "192.0.2.7 50022 192.0.2.1 22", "USER": "ada"}


def test_at_the_machine_itself_no_tunnel_is_needed():
    assert tunnel_command(PAGE, {"USER": "ada"}) == ""


def test_over_ssh_the_command_forwards_the_port_of_the_page():
    assert tunnel_command(PAGE, OVER_SSH) == "ssh -L 8087:127.0.0.1:8087 ada@192.0.2.1"


def test_another_port_of_sshd_is_named():
    environment = OVER_SSH | {"SSH_CONNECTION": "fe80::2 50022 fe80::1%eth0 2222"}
    expected = "ssh -p 2222 -L 8087:127.0.0.1:8087 ada@fe80::1%eth0"
    assert tunnel_command(PAGE, environment) == expected


@pytest.mark.parametrize("broken", ["x", "a b c d", "1.2.3.4 5 $(reboot) 22"])
def test_what_is_not_an_address_is_not_repeated(broken):
    said = tunnel_command(PAGE, OVER_SSH | {"SSH_CONNECTION": broken})
    assert said == f"ssh -L 8087:127.0.0.1:8087 ada@{socket.gethostname()}"


def test_a_browser_is_of_use_here_or_with_a_forwarded_display():
    assert has_browser({})
    assert not has_browser(OVER_SSH)
    assert has_browser(OVER_SSH | {"DISPLAY": "localhost:10.0"})
