"""The house has one direction: a folder imports only from those above it, and nothing goes round in a circle."""

import ast
from pathlib import Path

import pytest

import tangentlab

SOURCE = Path(tangentlab.__file__).parent
FOUNDATION = ("_errors", "_shapes", "_seeds", "_fingerprint", "_atomic", "_cluster")

ABOVE = {
    **{name: set() for name in FOUNDATION},
    "_shapes": {"_errors"},
    "_atomic": {"_errors"},
    "_cluster": {"_errors"},
    "networks": set(FOUNDATION),
    "data": set(FOUNDATION),
    "linalg": set(FOUNDATION),
    "records": set(FOUNDATION),
}
ABOVE["tangent"] = {*FOUNDATION, "networks", "linalg"}
ABOVE["kernels"] = ABOVE["tangent"] | {"tangent"}
ABOVE["tasks"] = ABOVE["kernels"] | {"kernels", "data"}
ABOVE["training"] = ABOVE["tasks"] | {"tasks"}
ABOVE["probes"] = ABOVE["training"] | {"training"}
ABOVE["report"] = {*FOUNDATION, "records"}
ABOVE["experiments"] = ABOVE["probes"] | {"probes", "records", "report"}
ABOVE["estimators"] = ABOVE["probes"] | {"probes"}
ABOVE["cli"] = ABOVE["experiments"] | {"experiments", "estimators"}
ABOVE["__main__"] = {"cli"}

INSIDE_EXPERIMENTS = (
    "machine",
    "inputs",
    "learning",
    "graded_tasks",
    "comparison",
    "prediction",
    "study",
    "study_parts",
    "studies",
    "execution",
    "run",
)
"""Its folders, each before those that import from it."""

WITHOUT_TORCH = ("records", "report", "_errors", "_atomic")


def modules():
    return sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py" or path.parent != SOURCE)


def imports_of(path, *, top_level=False):
    """Dotted names a file imports; with `top_level`, only those executed on import."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def home(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_folder_imports_only_from_those_above_it(path):
    own = home(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "tangentlab" or len(parts) == 1:
            continue
        if parts[1] == "__version__":
            continue
        assert parts[1] == own or parts[1] in ABOVE[own], f"{own} imports {name}"


@pytest.mark.parametrize("folder", INSIDE_EXPERIMENTS)
def test_a_folder_of_experiments_imports_only_from_those_before_it(folder):
    before = INSIDE_EXPERIMENTS[: INSIDE_EXPERIMENTS.index(folder) + 1]
    files = sorted((SOURCE / "experiments" / folder).glob("*.py"))
    assert files
    for path in files:
        for name in imports_of(path):
            parts = name.split(".")
            if parts[:2] == ["tangentlab", "experiments"] and len(parts) > 2:
                assert parts[2] in before, f"{folder}/{path.name} imports {name}"


def test_every_file_of_experiments_lies_in_one_of_its_folders():
    found = {path.relative_to(SOURCE / "experiments").parts[0] for path in (SOURCE / "experiments").rglob("*.py")}
    assert found == {*INSIDE_EXPERIMENTS, "__init__.py"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_records_and_report_know_no_torch(path):
    if home(path) in WITHOUT_TORCH:
        assert not any(name.split(".")[0] == "torch" for name in imports_of(path))


def test_no_import_cycles_between_modules():
    names = {".".join(("tangentlab", *p.relative_to(SOURCE).with_suffix("").parts)): p for p in modules()}
    graph = {name: {n for n in imports_of(path) if n in names} - {name} for name, path in names.items()}
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name in done:
            return
        path.append(name)
        for other in graph[name]:
            visit(other)
        done.add(path.pop())

    for name in graph:
        visit(name)


def test_import_is_lazy():
    import subprocess
    import sys

    code = "import sys, tangentlab; print([m for m in ('torch', 'numpy', 'sklearn', 'scipy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
