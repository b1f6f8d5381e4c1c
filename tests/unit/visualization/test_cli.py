from __future__ import annotations

import argparse
import inspect
import json

import pytest

from multimeter import visualization
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.stack_spec import StackSpec


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    return tmp_path


def run(*words):
    """Run the tool and return its exit code."""
    try:
        visualization.main(words)
    except SystemExit as ended:
        return ended.code
    return 0


@pytest.mark.parametrize(
    "verb",
    [
        "install",
        "start",
        "stop",
        "remove",
        "status",
        "open",
        "demo",
        "logs",
        "doctor",
        "credentials",
        "serve",
    ],
)
def test_each_verb_explains_itself(verb, capsys):
    assert run(verb, "--help") == 0
    assert "--config" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["add", "list", "remove"])
def test_each_verb_of_dashboards_explains_itself(verb, capsys):
    assert run("dashboard", verb, "--help") == 0
    assert "--config" in capsys.readouterr().out


def test_help_lists_the_exit_codes(capsys):
    assert run("--help") == 0
    said = " ".join(capsys.readouterr().out.split())
    for code in ("252", "253", "254", "255"):
        assert code in said


@pytest.mark.parametrize(
    "verb", ["start", "stop", "status", "open", "demo", "logs", "credentials", "serve"]
)
def test_without_a_stack_a_verb_ends_with_253_and_says_what_to_do(verb, capsys, home):
    assert run(verb) == 253
    said = capsys.readouterr().err
    assert "No visualization is installed" in said
    assert "Next: multimeter-visu install" in said
    assert list(home.iterdir()) == []


def test_remove_without_a_stack_does_not_even_ask(capsys):
    assert run("remove") == 253


def test_errors_are_json_where_a_script_asked_for_it(capsys):
    assert run("start", "--json") == 253
    said = json.loads(capsys.readouterr().out)
    assert said["exit_code"] == 253
    assert said["error"]["next_step"] == "multimeter-visu install"


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("install", "--port", "70000"),
        ("install", "--port", "-1"),
        ("install", "--port", "abc"),
        ("install", "--nonsense"),
    ],
)
def test_wrong_usage_ends_with_2(words):
    assert run(*words) == 2


def test_without_an_engine_docker_says_what_was_tried_and_what_to_do(capsys, home):
    assert run("install", "--engine", "docker") == 255
    said = capsys.readouterr().err
    assert f"DOCKER_HOST (unix://{home}/no.sock): no such socket" in said
    assert "--engine embedded" in said
    assert list(home.iterdir()) == []


def test_the_plan_of_an_install_is_printed_and_nothing_is_done(capsys, home):
    assert run("install", "--plan", "--port", "0") == 0
    said = capsys.readouterr().out
    assert "Engine: embedded. Not Docker: DOCKER_HOST" in said
    assert f"Create the data {home}/.multimeter/embedded" in said
    assert "Nothing was done." in said
    assert list(home.iterdir()) == []


def test_a_doctor_without_a_stack_looks_at_what_an_install_would_need(capsys, home):
    assert run("doctor", "--port", "0", "--json") == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [(each["name"], each["ok"]) for each in checks] == [
        ("configuration", None),
        ("docker", None),
        ("port", True),
        ("install", True),
    ]
    assert "it would use the engine embedded" in checks[-1]["detail"]
    assert list(home.iterdir()) == []


def test_a_doctor_that_is_told_to_use_docker_misses_it(capsys):
    assert run("doctor", "--engine", "docker", "--port", "0", "--grafana-port", "0") == 252
    assert "FAIL  docker: DOCKER_HOST" in capsys.readouterr().out


def test_a_doctor_that_is_told_to_do_without_docker_does_not_look_for_it(capsys):
    assert run("doctor", "--engine", "embedded", "--port", "0") == 0
    assert "docker" not in capsys.readouterr().out.lower()


@pytest.mark.parametrize("name", ["../x", "A", "", "a" * 41, "a b", "-a"])
def test_names_of_stacks_that_no_container_can_have_are_wrong_usage(name, capsys):
    assert run("status", f"--name={name}") == 2
    message = capsys.readouterr().err.replace("│", " ")
    assert "cannot be the name of a stack" in " ".join(message.split())


def test_each_name_has_a_configuration_of_its_own(capsys, home):
    assert run("status", "--name", "lab") == 253
    assert f"{home}/.multimeter/lab.config.json" in capsys.readouterr().err


def test_an_influxdb_of_ones_own_is_for_docker_only(capsys):
    words = ("--engine", "embedded", "--influxdb-url", "http://u", "--influxdb-token", "t")
    assert run("install", *words) == 252
    assert "--engine docker --influxdb-url" in capsys.readouterr().err


def test_an_unknown_engine_is_refused_with_the_known_ones(capsys, home):
    assert run("install", "--engine", "podman") == 252
    assert "auto, docker, embedded" in capsys.readouterr().err
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("words", [("-o", ""), ("-b", "_x"), ("-b", "a\nb")])
def test_names_that_cannot_be_used_are_refused(words, capsys):
    assert run("install", *words) == 252
    assert "cannot be the name" in capsys.readouterr().err


def test_the_config_can_stand_before_and_behind_the_verb(capsys, tmp_path):
    for words in (("-c", "there.json", "status"), ("status", "-c", "there.json")):
        assert run(*words) == 253
        assert "there.json" in capsys.readouterr().err


def test_a_broken_configuration_is_said_to_be_broken(capsys, tmp_path):
    file = tmp_path / "broken.json"
    file.write_text("{")
    for verb in ("install", "start", "stop", "status", "open", "serve"):
        assert run(verb, "-c", str(file)) == 252
        assert "cannot be read" in capsys.readouterr().err
    assert file.read_text() == "{"


def test_what_is_unexpected_is_said_without_a_traceback(capsys, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("multimeter.visualization.commands.status.installed_engine", fail)
    assert run("status") == 252
    said = capsys.readouterr().err
    assert "ZeroDivisionError: oh" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("verb", ["start", "stop", "remove"])
def test_the_functions_of_the_package_take_a_namespace(verb, capsys, tmp_path):
    args = argparse.Namespace(config_file=str(tmp_path / "visu.config.json"))
    with pytest.raises(SystemExit) as ended:
        getattr(visualization, verb)(args)
    assert ended.value.code == 253


def test_install_takes_a_namespace(capsys, tmp_path):
    args = argparse.Namespace(
        config_file=str(tmp_path / "visu.config.json"),
        data_dir=str(tmp_path / "data"),
        org="kantai",
        bucket="_no",
    )
    with pytest.raises(SystemExit) as ended:
        visualization.install(args)
    assert ended.value.code == 252


def test_the_package_offers_what_it_always_did():
    assert visualization.__all__ == ["install", "main", "remove", "start", "stop"]
    for verb in ("install", "remove", "start", "stop"):
        assert list(inspect.signature(getattr(visualization, verb)).parameters) == ["args"]
    (args,) = inspect.signature(visualization.main).parameters.values()
    assert (args.name, args.default) == ("args", None)


def test_both_names_of_the_tool_are_the_same():
    import importlib.metadata

    scripts = importlib.metadata.entry_points(group="console_scripts")
    values = {each.value for each in scripts if each.name in ("multimeter-visu", "mm-visu")}
    assert values == {"multimeter.visualization:main"}


def test_the_defaults_are_those_of_the_documents(capsys):
    spec = StackSpec()
    assert (spec.org, spec.bucket, spec.name) == ("kantai", "multimeter", "multimeter")
    assert spec.engine_name == "auto"
    assert run("install", "--help") == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for default in ("kantai", "multimeter", "auto", "(8086)", "(3000)", "120.0"):
        assert f"[default: {default}]" in shown


def installed_with(monkeypatch, *words):
    """Return the place and the specification that an install is asked for."""
    asked = []

    def keep(config_file, spec, console):
        asked.append((config_file, spec))
        raise VisualizationError("it is enough")

    monkeypatch.setattr("multimeter.visualization.stack.install", keep)
    assert run("install", *words) == 252
    return asked.pop()


@pytest.mark.parametrize(
    ("words", "port", "grafana_port"),
    [
        ((), None, None),
        (("--port", "8086", "--grafana-port", "3000"), 8086, 3000),
        (("--influxdb-port", "0"), 0, None),
    ],
)
def test_only_a_port_that_was_typed_is_asked_for(monkeypatch, words, port, grafana_port):
    _, spec = installed_with(monkeypatch, *words)
    assert (spec.port, spec.grafana_port) == (port, grafana_port)


def test_an_install_without_options_asks_for_the_defaults(monkeypatch, home):
    config_file, spec = installed_with(monkeypatch)
    assert config_file == home / ".multimeter" / "visu.config.json"
    assert spec == StackSpec()


def test_each_option_of_an_install_is_asked_for(monkeypatch, home):
    words = (
        "-n lab -o o -b b -d ~/data --engine docker --port 1 --grafana-port 2"
        " --influxdb-image i --grafana-image g --timeout 9 --anonymous"
        " --influxdb-url http://u --influxdb-token t"
    )
    config_file, spec = installed_with(monkeypatch, *words.split())
    assert config_file == home / ".multimeter" / "lab.config.json"
    assert spec == StackSpec(
        name="lab",
        engine_name="docker",
        org="o",
        bucket="b",
        directory=str(home / "data"),
        port=1,
        grafana_port=2,
        influxdb_image="i",
        grafana_image="g",
        timeout=9.0,
        anonymous=True,
        influxdb_url="http://u",
        influxdb_token="t",
    )


def test_a_token_of_the_environment_is_for_an_influxdb_that_is_named(monkeypatch):
    monkeypatch.setenv("INFLUXDB_V2_TOKEN", "secret")
    _, spec = installed_with(monkeypatch)
    assert spec.influxdb_token == ""
    _, spec = installed_with(monkeypatch, "--influxdb-url", "http://u")
    assert spec.influxdb_token == "secret"


def test_the_function_of_the_package_asks_for_the_same_defaults(monkeypatch, home):
    asked = []
    monkeypatch.setattr(
        "multimeter.visualization.commands.install.install_stack",
        lambda config_file, spec, console: asked.append((config_file, spec)),
    )
    visualization.install(argparse.Namespace())
    visualization.install(argparse.Namespace(data_dir=home / "d", org="o", bucket="b"))
    default = home / ".multimeter" / "visu.config.json"
    named = StackSpec(directory=str(home / "d"), org="o", bucket="b")
    assert asked == [(default, StackSpec()), (default, named)]
