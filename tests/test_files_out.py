"""Files appear complete or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lepid.errors import BadFile
from lepid.files_out import atomic, atomic_folder

KILLED = """
import sys, time
from pathlib import Path
from lepid.files_out import atomic
with atomic(Path(sys.argv[1])) as partial:
    partial.write_text("half")
    print("begun", flush=True)
    time.sleep(60)
"""


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "table.json.gz"
    with atomic(path) as partial:
        partial.write_text("whole")
        assert not path.exists()
        assert partial.parent == tmp_path
        assert partial.name.startswith(".table.part-")
        assert partial.suffixes[-2:] == [".json", ".gz"]
    assert path.read_text() == "whole"
    assert os.listdir(tmp_path) == ["table.json.gz"]


def test_two_that_write_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic(path) as first, atomic(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_existing_file_is_replaced_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text("old")
    with atomic(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "old.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic(path) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["old.txt"]


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "out.root"
    with pytest.raises(BadFile, match="folder to write into does not exist") as caught:
        atomic(path).__enter__()
    assert caught.value.where == str(path)
    assert "make it first" in caught.value.do


def test_a_path_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="is a folder"):
        atomic(tmp_path).__enter__()


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A test that runs as root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(BadFile, match="cannot be written") as caught:
        atomic(tmp_path / "out.root").__enter__()
    assert "another folder" in caught.value.do


def test_a_killed_process_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    path = tmp_path / "out.root"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "begun\n"
        process.kill()
        assert process.wait(30) == -signal.SIGKILL
    assert not path.exists()


def test_two_processes_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.txt"
    with atomic(path) as mine:
        mine.write_text("mine")
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with atomic(path) as other:
            assert other != mine
            other.write_text("other")
        assert path.read_text() == "other"
    assert path.read_text() == "mine"


def test_a_folder_appears_when_all_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "folder"
    with atomic_folder(path) as partial:
        (partial / "a").write_text("a")
        assert not path.exists()
    assert [file.name for file in path.iterdir()] == ["a"]
    assert [file.name for file in tmp_path.iterdir()] == ["deep"]


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_folder(tmp_path / "deep" / "folder") as partial:
            (partial / "a").write_text("a")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_where_no_folder_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadFile, match="is there already") as caught:
        atomic_folder(tmp_path / "file").__enter__()
    assert "another name" in caught.value.do
    with pytest.raises(BadFile, match="cannot be written"):
        atomic_folder(tmp_path / "file" / "below").__enter__()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(BadFile, match="cannot be written"):
        atomic_folder(tmp_path / "new").__enter__()
