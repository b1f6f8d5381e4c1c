"""A program that listens on a port of a stopped stack gets no token of the tool."""

from __future__ import annotations

import pytest
from fakes.impostor import ANSWERS, Impostor


@pytest.mark.parametrize("answer", ["ok", "redirect"])
def test_no_verb_sends_a_token_to_it(stack, answer):
    config, state = stack.config, stack.config["engine_state"]
    assert stack.run("stop").returncode == 0
    with Impostor.running(ANSWERS[answer], state["spec"]["port"]) as impostor:
        opened = stack.run("open", "example")
        assert opened.returncode == 252
        assert "is not running" in opened.stderr
        assert "multimeter-visu start" in opened.stderr
        assert stack.run("status").returncode == 3
        assert stack.run("doctor").returncode == 252
        assert stack.run("demo", "--seconds", "1").returncode == 252
        assert stack.run("start").returncode == 252
    secrets = [config["token"], config["read_token"], state["operator_token"]]
    assert not any(each.encode() in impostor.received for each in secrets)
    assert stack.run("start").returncode == 0
    assert stack.run("open", "example").returncode == 0
