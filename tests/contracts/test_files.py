"""A file is one idea: of a readable length, at most two folders deep, under a name that says what it holds."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

import tangentlab

SOURCE = Path(tangentlab.__file__).parent
ROOT = SOURCE.parent.parent
FILES = sorted(SOURCE.rglob("*.py"))
NAMELESS = {"utils", "util", "helpers", "helper", "common", "base", "misc", "core", "manager"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_file_is_short_shallow_and_named(path):
    assert len(path.read_text().splitlines()) <= 400
    assert len(path.relative_to(SOURCE).parts) <= 3
    assert path.stem not in NAMELESS


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_file_opens_with_what_it_is_and_prints_nothing(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or path.name == "__main__.py"
    if "cli" not in path.relative_to(SOURCE).parts:
        calls = [n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        assert "print" not in calls


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_is_read_through_pickle(path):
    if path.stem != "array_pickle":  # the restricted unpickler of the CIFAR files
        assert not re.search(
            r"\bpickle\.load|torch\.load\((?!.*weights_only=True)|allow_pickle=True", path.read_text()
        )


def test_global_random_state_is_never_seeded():
    for path in FILES:
        text = path.read_text()
        seeds = re.findall(r"torch\.manual_seed|np\.random\.seed|random\.seed\(", text)
        assert not seeds or "fork_rng" in text or "setstate" in text, path


def test_tracked_files_name_no_machine():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".sh", ".j2"} and "contracts" not in name:
            assert not re.search(r"(?<![\w.])/(work|root|farm)/", path.read_text()), name
