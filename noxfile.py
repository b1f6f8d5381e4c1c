"""Tasks for developers: `nox -l` lists them, `nox -s check unit` runs two."""

from __future__ import annotations

import pathlib

import nox

nox.options.sessions = ["check", "unit"]
nox.options.reuse_existing_virtualenvs = True

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


@nox.session
def check(session: nox.Session) -> None:
    """Style, types, words, and which room may import which."""
    session.install("-e", ".[dev]")
    session.run(".ci/check", external=True, env={"PYTHON": "python"})


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """The unit tests, with what they cover: a minute."""
    session.install("-e", ".[test]", "pytest-cov>=5")
    session.run("pytest", "-n", "auto", "--cov", "tests/unit", *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """All other tests, with the real servers, browser and Docker that are there."""
    session.install("-e", ".[test]")
    session.run("pytest", "--ignore=tests/unit", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Links, pictures, names and imports of the documentation."""
    session.install("-e", ".[test]")
    session.run("pytest", "tests/unit/test_docs.py", *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """The unit tests with the lowest versions that are declared."""
    session.install("build", "packaging")
    folder = session.create_tmp()
    session.run("python", "-m", "build", "--quiet", "--wheel", "--outdir", folder)
    (wheel,) = pathlib.Path(folder).glob("*.whl")
    session.run(".ci/lowest-versions", str(wheel), f"{folder}/lowest", external=True)
