"""Compiled loops: kept where something can be written, and never stale."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lepid

KERNELS = Path(lepid.__file__).parent / "features" / "kernels"


def kernels(tree: ast.Module) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Name) and d.id == "kernel" for d in node.decorator_list)
    ]


@pytest.mark.parametrize("path", sorted(KERNELS.glob("*.py")), ids=lambda p: p.stem)
def test_a_kernel_calls_nothing_of_another_file(path: Path) -> None:
    # What is kept on disk is made anew when its own file changes, not when another one does.
    tree = ast.parse(path.read_text(encoding="utf-8"))
    foreign = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lepid.")
        for alias in node.names
    }
    for function in kernels(tree):
        body = ast.Module(body=function.body, type_ignores=[])
        used = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
        assert not used & foreign, function.name


def test_there_are_kernels() -> None:
    found = [f for p in KERNELS.glob("*.py") for f in kernels(ast.parse(p.read_text("utf-8")))]
    assert len(found) >= 10


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(KERNELS.parents[2]), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


CALL = (
    "import numpy as np; from lepid.features.kernels import rows\n"
    "print(rows.taken(np.array([3, 1], np.uint8), np.array([1, 0])).tolist())"
)


@pytest.mark.parametrize("folder", ["", "deeper"])
def test_the_loops_run_where_they_are_kept_and_where_they_cannot_be(
    tmp_path: Path, folder: str
) -> None:
    # A file in the way of the folder: nothing can be written there, for root neither.
    (tmp_path / "deeper").write_text("", encoding="utf-8")
    place = str(tmp_path / folder / "cache")
    assert run(CALL, NUMBA_CACHE_DIR=place) == "[1.0, 3.0]\n"
    assert Path(place).is_dir() == (not folder and "NUMBA_DISABLE_JIT" not in os.environ)
