#!/usr/bin/env -S uv run --script

# /// script
# dependencies = ["nox[uv]>=2025.2.9"]
# ///
"""What `make` cannot do in its one environment: other Pythons, and the oldest dependencies."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"

PYTEST = ("python", "-m", "pytest", "--benchmark-disable", "-m", "not slow")


@nox.session(python=["3.11", "3.12", "3.13"], default=False)
def tests(session: nox.Session) -> None:
    """Run the tests on one Python."""
    session.install("-e.", "--group", "test")
    session.run(*PYTEST, *session.posargs)


@nox.session(python="3.11", venv_backend="uv", default=False)
def minimums(session: nox.Session) -> None:
    """Run the tests with the oldest versions that pyproject.toml allows."""
    session.install("-e.", "--group", "test", "--resolution=lowest-direct")
    session.run(*PYTEST, *session.posargs)


@nox.session(venv_backend="none", default=True)
def lint(session: nox.Session) -> None:
    """Run ruff, mypy and sp-repo-review in make's environment."""
    session.run("make", "lint", external=True)


if __name__ == "__main__":
    nox.main()
