"""The two laws of the layout: imports point one way, and each big package has one home."""

from __future__ import annotations

import ast
import graphlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "lepid"

# Left to right in the words of ARCHITECTURE.md. A layer may import any layer above it here;
# what a comma joins is one cell, what a | parts may not import each other.
LAYERS = (
    "errors, units, files_out, nodes",
    "tables, root_files, description",
    "events | features | working_points",
    "taggers | efficiency",
    "convert",
    "pipeline, evaluation, deciding, surroundings, provenance, analysis, point_tables",
    "plotting",
    "html_report",
    "cli, __main__",
)

# A home that ends in / is a folder.
HOMES = {
    "awkward": "events/objects/",
    "boost_histogram": "efficiency/counting.py",
    "coffea": "events/files.py",
    "correctionlib": "tables.py",
    "dask_awkward": "events/objects/",
    "h5py": "events/objects/h5.py",
    "hdf5plugin": "events/objects/h5.py",
    "hist": "efficiency/counting.py",
    "iminuit": "efficiency/tag_and_probe/mass_fit.py",
    "matplotlib": "plotting/",
    "mplhep": "plotting/figure.py",
    "numba": "features/kernels/",
    "numba_stats": "efficiency/tag_and_probe/mass_shapes.py",
    "onnx": "taggers/graph/",
    "onnxruntime": "taggers/session.py",
    "pyarrow": "events/objects/",
    "rich": "cli/terminal.py",
    "uproot": "root_files.py",
}

CELLS = {
    name.strip(): (index, column)
    for index, layer in enumerate(LAYERS)
    for column, cell in enumerate(layer.split("|"))
    for name in cell.split(",")
}


class Import(NamedTuple):
    """One imported name: `from module import name`, or `import module` with no name."""

    line: int
    module: str
    name: str = ""
    relative: bool = False


def imports(tree: ast.Module) -> Iterator[Import]:
    """All imports, also those inside functions, under `TYPE_CHECKING`, or by a literal name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (Import(node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                for alias in names:
                    yield Import(node.lineno, module or "", alias.name, relative=level > 0)
            case ast.Call(
                func=ast.Attribute(attr="import_module")
                | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield Import(node.lineno, module)


def module_name(file: Path, package: Path) -> str:
    """Dotted name of a source file, `lepid.taggers.card`; of a folder for its `__init__.py`."""
    parts = file.relative_to(package).with_suffix("").parts
    return ".".join(("lepid", *(part for part in parts if part != "__init__")))


def target(found: Import, modules: set[str]) -> str:
    """Module that an import inside lepid loads: the name itself where it is a module."""
    whole = f"{found.module}.{found.name}"
    return whole if whole in modules else found.module


def layer_breach(source: str, goal: str) -> str:
    """What is wrong with one top-level name importing another, empty where nothing is."""
    if goal not in CELLS:
        return f"{goal} has no layer"
    if source == goal or CELLS[goal] == CELLS[source] or CELLS[goal][0] < CELLS[source][0]:
        return ""
    if CELLS[goal][0] == CELLS[source][0]:
        return f"{goal} stands beside {source}, across a |"
    return f"{goal} stands to the right of {source}"


def import_breaches(path: str, found: Import, modules: set[str]) -> Iterator[str]:
    """What one import of one file breaks."""
    where = f"{path}:{found.line}: {found.module}"
    top, *below = found.module.split(".")
    if found.relative:
        yield f"{where}: a relative import, write from lepid.x import y"
    elif top == "lepid" and (not found.name or not below):
        yield f"{where}: an import of lepid inside lepid, write from lepid.x import y"
    elif top == "lepid" and target(found, modules) not in modules:
        yield f"{where}: lepid has no such module"
    elif top == "lepid" and path != "__init__.py":
        reason = layer_breach(Path(path).parts[0].removesuffix(".py"), below[0])
        if reason:
            yield f"{where}: {reason}"
    home = HOMES.get(top, "")
    inside = path.startswith(home) if home.endswith("/") else path == home
    if home and not inside:
        yield f"{where}: the home of {top} is {home}"


def file_breaches(path: str, tree: ast.Module, modules: set[str]) -> Iterator[str]:
    """What one file breaks, `path` being relative to the package."""
    top = Path(path).parts[0].removesuffix(".py")
    if path != "__init__.py" and top not in CELLS:
        yield f"{path}: {top} has no layer"
        return
    if path.endswith("/__init__.py") and not (len(tree.body) == 1 and ast.get_docstring(tree)):
        yield f"{path}: holds more than one docstring"
    for found in imports(tree):
        yield from import_breaches(path, found, modules)


def cycle_breaches(graph: dict[str, set[str]]) -> Iterator[str]:
    """The first cycle among the modules, if there is one."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"cycle: {' -> '.join(error.args[1])}"


def breaches(package: Path) -> list[str]:
    """All that a package breaks of the two laws, one line each."""
    files = sorted(package.rglob("*.py"))
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    names = {file: module_name(file, package) for file in files}
    modules = set(names.values())
    found: list[str] = []
    graph: dict[str, set[str]] = {}
    for file, tree in trees.items():
        # Several names of one import break a law once.
        path = file.relative_to(package).as_posix()
        found += dict.fromkeys(file_breaches(path, tree, modules))
        goals = (target(one, modules) for one in imports(tree) if not one.relative)
        graph[names[file]] = {goal for goal in goals if goal in modules}
    return found + list(cycle_breaches(graph))


def test_lepid_keeps_both_laws() -> None:
    assert breaches(PACKAGE) == []


def test_the_checker_reads_the_package() -> None:
    modules = {module_name(file, PACKAGE) for file in PACKAGE.rglob("*.py")}
    assert {"lepid.errors", "lepid.units", "lepid.taggers"} <= modules


@pytest.mark.parametrize(("package", "home"), HOMES.items())
def test_home_lies_in_a_layer(package: str, home: str) -> None:
    assert Path(home).parts[0].removesuffix(".py") in CELLS, package


PLANTED = {
    "foreign package": ("taggers/session.py", "import awkward as ak", "home of awkward"),
    "part of one": ("taggers/a.py", "from hist.intervals import x", "home of hist"),
    "in a function": ("pipeline.py", "def f():\n    import uproot", "home of uproot"),
    "by name": (
        "html_report.py",
        "import importlib\nimportlib.import_module('rich')",
        "home of rich",
    ),
    "for types only": (
        "taggers/a.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import coffea.nanoevents",
        "home of coffea",
    ),
    "numba outside its folder": ("features/a.py", "import numba", "home of numba"),
    "across a |": ("features/a.py", "from lepid.events.b import x", "beside features"),
    "to the right": ("units.py", "from lepid.tables import x", "right of units"),
    "import lepid": ("cli.py", "import lepid", "import of lepid inside lepid"),
    "import lepid.x": ("cli.py", "import lepid.errors", "import of lepid inside lepid"),
    "from lepid": ("cli.py", "from lepid import errors", "import of lepid inside lepid"),
    "relative": ("taggers/a.py", "from . import b", "a relative import"),
    "absent": ("cli.py", "from lepid.nowhere import x", "lepid.nowhere: lepid has no such module"),
    "no layer": ("helpers.py", "", "helpers has no layer"),
    "no layer, folder": ("extra/a.py", "", "extra has no layer"),
    "re-export": ("taggers/__init__.py", '"""Doc."""\nfrom lepid.errors import x', "one docstring"),
}


def plant(tmp_path: Path, files: dict[str, str]) -> list[str]:
    """Breaches of the empty shape of lepid with `files` in it."""
    package = tmp_path / "lepid"
    folders = sorted(path.parent for path in PACKAGE.rglob("*/__init__.py"))
    skeleton = {f"{folder.relative_to(PACKAGE)}/__init__.py": '"""One."""' for folder in folders}
    skeleton |= dict.fromkeys(("__init__.py", "errors.py", "units.py", "tables.py"), "")
    for path, text in (skeleton | {"events/b.py": "x = 1"} | files).items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text, encoding="utf-8")
    return breaches(package)


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_breach_is_found(kind: str, tmp_path: Path) -> None:
    path, text, fact = PLANTED[kind]
    (found,) = plant(tmp_path, {path: text})
    assert found.startswith(path)
    assert fact in found


@pytest.mark.parametrize(
    "files",
    [
        {"features/kernels/a.py": "import numba"},
        {"events/objects/flat.py": "import awkward\nimport dask_awkward"},
        {"units.py": "from lepid.errors import x"},
        {
            "cli/terminal.py": "from lepid.events.b import x\nimport rich.table",
            "cli/a.py": "from lepid.events import b",
        },
        {"__init__.py": "from lepid.events.b import x"},
        {"taggers/a.py": "import numpy as np\nimport onnxfoo"},
    ],
)
def test_what_is_allowed_passes(files: dict[str, str], tmp_path: Path) -> None:
    assert plant(tmp_path, files) == []


@pytest.mark.parametrize(
    "files",
    [
        {
            "taggers/a.py": "from lepid.taggers.c import x",
            "taggers/c.py": "from lepid.taggers import a",
        },
        {"errors.py": "from lepid.units import x", "units.py": "from lepid.errors import x"},
        {"errors.py": "from lepid.errors import x"},
    ],
)
def test_a_cycle_inside_a_layer_is_found(files: dict[str, str], tmp_path: Path) -> None:
    (found,) = plant(tmp_path, files)
    assert found.startswith("cycle: ")
    names = {"lepid." + file.removesuffix(".py").replace("/", ".") for file in files}
    assert set(found.removeprefix("cycle: ").split(" -> ")) == names


def test_a_breach_planted_in_lepid_itself_is_found(tmp_path: Path) -> None:
    package = tmp_path / "lepid"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = breaches(package)
    with (package / "units.py").open("a", encoding="utf-8") as file:
        file.write("\nimport awkward\n")
    (new,) = set(breaches(package)) - set(before)
    assert "units.py" in new
    assert "home of awkward is events/objects/" in new
