"""Every tutorial runs as it stands and ends by asserting what it claims."""

import re
import runpy
import time
from pathlib import Path

import pytest
import torch

TUTORIALS = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.py"))
MOST_SECONDS = 60  # they take a few; a loaded machine may take several times that


def cells(path):
    """(kind, text) of each cell, in order; kind is "markdown" or "code"."""
    parts = re.split(r"^# %%( \[markdown\])?\n", path.read_text(), flags=re.MULTILINE)[1:]
    return [("markdown" if kind else "code", text) for kind, text in zip(parts[::2], parts[1::2])]


def test_there_are_tutorials():
    assert len(TUTORIALS) >= 4


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_has_a_title_and_ends_with_its_claims(path):
    found = cells(path)
    kind, title = found[0]
    assert kind == "markdown" and title.startswith("# # ")
    assert all(
        line.startswith("#") for kind, text in found if kind == "markdown" for line in text.split("\n") if line
    )
    kind, last = found[-1]
    assert kind == "code" and last.count("\nassert ") + last.startswith("assert ") >= 3


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_runs_and_its_claims_hold(path, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = time.perf_counter()
    defaults = torch.get_default_dtype(), torch.is_grad_enabled()
    runpy.run_path(str(path))
    assert capsys.readouterr().out
    assert (torch.get_default_dtype(), torch.is_grad_enabled()) == defaults
    assert time.perf_counter() - start < MOST_SECONDS
