"""Pages quote what the benchmarks kept: nothing else, nothing that is not kept, and nothing outdated."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(scope="module")
def quoted():
    sys.path[:0] = [str(BENCHMARKS)]
    import quoted_figures

    yield quoted_figures
    sys.path.remove(str(BENCHMARKS))


def test_every_page_shows_what_is_kept(quoted):
    for page in quoted.PAGES:
        text = page.read_text(encoding="utf-8")
        assert quoted.written(text) == text, f"{page.name}: run benchmarks/quoted_figures.py"


def test_every_figure_has_a_place_and_every_place_a_figure(quoted):
    names = [
        name
        for page in quoted.PAGES
        for name in re.findall(r"<!-- measured: ([\w-]+) -->", page.read_text(encoding="utf-8"))
    ]
    assert sorted(names) == sorted(quoted.FIGURES)


def test_what_stood_in_a_place_goes(quoted):
    page = "Before\n<!-- measured: steps -->\nold\n<!-- end -->\nafter"
    new = quoted.written(page)
    assert "old" not in new and new.startswith("Before") and new.endswith("<!-- end -->\nafter")
    assert quoted.written(new) == new


@pytest.mark.parametrize("path", sorted((BENCHMARKS / "results").rglob("*.json")), ids=lambda path: path.stem)
def test_a_result_says_when_where_and_how_it_was_made(path):
    kept = json.loads(path.read_text(encoding="utf-8"))
    stamps = [run["stamp"] for run in kept.get("runs") or []] if isinstance(kept.get("runs"), list) else []
    for stamp in stamps or [kept["stamp"]]:
        assert re.match(r"20\d\d-\d\d-\d\dT", stamp["date"])
        assert stamp["command"].startswith("python benchmarks/") and (ROOT / stamp["command"].split()[1]).is_file()
        assert {"instructions", "cores", "threads"} <= stamp["machine"].keys()
        assert {"tangentlab", "torch"} <= stamp["versions"].keys()
        assert stamp["commit"]


def test_every_benchmark_is_run_by_make_and_keeps_a_result():
    made = re.findall(r"benchmarks/(\w+)\.py", (ROOT / "Makefile").read_text())
    benchmarks = [p.stem for p in BENCHMARKS.glob("*.py") if "kept_results.parser" in p.read_text()]
    assert set(benchmarks) <= set(made)
    kept = {path.stem.partition("_")[0] for path in (BENCHMARKS / "results").glob("*.json")}
    assert {name.partition("_")[0] for name in benchmarks} <= kept
