"""lepid doctor: what this machine gives lepid."""

from __future__ import annotations

import argparse
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version

from lepid.cli import terminal
from lepid.errors import LepidError
from lepid.files_out import cache_folder
from lepid.taggers import catalogue, session

PACKAGES = ("lepid", "awkward", "uproot", "coffea", "numba", "numpy", "hist", "correctionlib")


@dataclass(frozen=True)
class Check:
    """One finding; `state` is ok, note or error."""

    name: str
    state: str
    found: str
    do: str = ""


def run(arguments: argparse.Namespace) -> int:
    """Say what was found; fails if something would stop a network from running."""
    checks = [
        *_versions(),
        _runtime(),
        _driver(),
        *_providers(),
        _threads(),
        *_folders(),
        *_cards(),
    ]
    if arguments.json:
        terminal.say_json([asdict(check) for check in checks])
    else:
        rows = [(check.name, check.state, check.found) for check in checks]
        terminal.say_table("lepid doctor", ("what", "state", "found"), rows)
        for check in checks:
            if check.do:
                terminal.say_wrapped(f"{check.name}: {check.do}")
    return 1 if any(check.state == "error" for check in checks) else 0


def _versions() -> list[Check]:
    found = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [Check("python", "ok", platform.python_version()), Check("packages", "ok", found)]


def _runtime() -> Check:
    packages = session.packages()
    found = ", ".join(f"{name} {number}" for name, number in packages.items()) or "none"
    if len(packages) > 1:
        do = "both packages overwrite each other: uninstall both, then install lepid again"
        return Check("onnxruntime", "error", found, do)
    return Check("onnxruntime", "ok", found)


def _driver() -> Check:
    if session.has_device():
        return Check("NVIDIA driver", "ok", "found")
    return Check("NVIDIA driver", "note", "none: networks run on the CPU")


def _providers() -> list[Check]:
    checks = []
    for name in session.PROVIDERS:
        if name == "cuda" and not session.has_device():
            continue
        try:
            found = ", ".join(session.probe(name))
            checks.append(Check(f"provider {name}", "ok", f"a session got {found}"))
        except LepidError as error:
            state = "error" if name == "cpu" else "note"
            checks.append(Check(f"provider {name}", state, error.wrong, error.do))
    return checks


def _threads() -> Check:
    try:
        chosen = session.current_settings()
    except LepidError as error:
        return Check("threads", "error", f"{error.where}: {error.wrong}", error.do)
    _, at_once = chosen.shares(sequences=True)
    found = f"{session.threads(chosen.threads)} here, 1 in the workers of a pool"
    found += f"; {at_once} batches of sequences at once"
    return Check("threads", "ok", f"{found}; provider {chosen.provider}")


def _folders() -> list[Check]:
    checks = []
    for variable in ("LEPID_MODELS", "LEPID_CALIBRATION"):
        value = os.environ.get(variable, "")
        absent = [
            folder for folder in value.split(os.pathsep) if folder and not os.path.isdir(folder)
        ]
        if absent:
            checks.append(Check(variable, "error", f"no such folder: {', '.join(absent)}"))
        else:
            checks.append(Check(variable, "ok" if value else "note", value or "not set"))
    checks.append(Check("cache", "ok", str(cache_folder())))
    searched = ", ".join(str(folder) for folder in catalogue.model_folders())
    return [*checks, Check("cards", "ok", f"searched in {searched}")]


def _cards() -> list[Check]:
    return [Check(path, "error", error.wrong) for path, error in catalogue.broken().items()]
