"""lepid doctor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lepid.cli.main import main
from lepid.errors import ProviderUnavailable
from lepid.taggers import session


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of lepid is set, and there is one onnxruntime and no driver."""
    for name in ("LEPID_MODELS", "LEPID_CALIBRATION", "LEPID_PROVIDER", "LEPID_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "has_device", lambda: False)
    monkeypatch.setattr(session, "packages", lambda: {"onnxruntime": "1.23.0"})


def checks(capsys: pytest.CaptureFixture[str], code: int) -> dict[str, dict[str, Any]]:
    assert main(["doctor", "--json"]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return {check["name"]: check for check in json.loads(out)}


def test_a_sound_machine(capsys: pytest.CaptureFixture[str]) -> None:
    found = checks(capsys, 0)
    assert found["onnxruntime"]["found"] == "onnxruntime 1.23.0"
    assert found["NVIDIA driver"]["state"] == "note"
    assert "CPU" in found["NVIDIA driver"]["found"]
    assert found["provider cpu"]["found"] == "a session got CPUExecutionProvider"
    assert "provider cuda" not in found
    assert "batches of sequences at once" in found["threads"]["found"]
    assert found["LEPID_MODELS"]["found"] == "not set"
    assert found["LEPID_CALIBRATION"]["found"] == "not set"
    assert "models" in found["cards"]["found"]
    assert all(name in found["packages"]["found"] for name in ("lepid ", "awkward ", "coffea "))


def test_text_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "lepid doctor"
    assert lines[1].split() == ["what", "state", "found"]
    assert any(line.startswith("provider cpu ") and " ok " in line for line in lines)


def test_two_onnxruntime_packages_are_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = {"onnxruntime-gpu": "1.23.0", "onnxruntime": "1.22.0"}
    monkeypatch.setattr(session, "packages", lambda: both)
    found = checks(capsys, 1)["onnxruntime"]
    assert found["state"] == "error"
    assert found["found"] == "onnxruntime-gpu 1.23.0, onnxruntime 1.22.0"
    assert "uninstall both" in found["do"]
    assert main(["doctor"]) == 1
    assert "onnxruntime: both packages overwrite each other" in capsys.readouterr().out


def test_a_driver_without_the_libraries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def probe(wanted: str) -> list[str]:
        if wanted == "cuda":
            do = "pip install 'lepid[cuda]'"
            raise ProviderUnavailable("provider cuda", "onnxruntime fell back to CPU", (), do)
        return ["CPUExecutionProvider"]

    monkeypatch.setattr(session, "has_device", lambda: True)
    monkeypatch.setattr(session, "probe", probe)
    found = checks(capsys, 0)
    assert found["NVIDIA driver"]["state"] == "ok"
    assert found["provider cuda"]["state"] == "note"
    assert found["provider cuda"]["found"] == "onnxruntime fell back to CPU"
    assert "lepid[cuda]" in found["provider cuda"]["do"]


def test_a_cpu_that_cannot_run_networks_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def probe(wanted: str) -> list[str]:
        raise ProviderUnavailable(f"provider {wanted}", "broken", (), "install again")

    monkeypatch.setattr(session, "probe", probe)
    assert checks(capsys, 1)["provider cpu"]["state"] == "error"


@pytest.mark.parametrize("variable", ["LEPID_MODELS", "LEPID_CALIBRATION"])
def test_folders(
    variable: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    found = checks(capsys, 0)[variable]
    assert (found["state"], found["found"]) == ("ok", str(tmp_path))
    monkeypatch.setenv(variable, str(tmp_path / "absent"))
    found = checks(capsys, 1)[variable]
    assert found["state"] == "error"
    assert found["found"] == f"no such folder: {tmp_path / 'absent'}"


@pytest.mark.parametrize(
    ("variable", "value", "fact"),
    [("LEPID_PROVIDER", "tpu", "no provider 'tpu'"), ("LEPID_THREADS", "many", "'many' is not")],
)
def test_settings_that_are_none(
    variable: str,
    value: str,
    fact: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    found = checks(capsys, 1)["threads"]
    assert found["state"] == "error"
    assert fact in found["found"]


def test_threads_and_provider_that_were_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEPID_THREADS", "3")
    monkeypatch.setenv("LEPID_PROVIDER", "cpu")
    found = checks(capsys, 0)["threads"]["found"]
    assert found.startswith("3 here")
    assert found.endswith("provider cpu")


def test_a_card_that_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "muon_mine" / "one"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text("tagger = 1\n", encoding="utf-8")
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    assert checks(capsys, 1)[str(folder / "card.toml")]["state"] == "error"
