"""The README shows what the tree makes: its code runs and prints what stands beside it, its numbers have a source."""

import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
FIGURES = ROOT / "docs" / "figures"


def kept(name):
    return json.loads((FIGURES / f"{name}.json").read_text())


def figure_script():
    import importlib.util

    script = importlib.util.spec_from_file_location("make_figures", FIGURES / "make_figures.py")
    module = importlib.util.module_from_spec(script)
    script.loader.exec_module(module)
    return module


def test_the_tour_runs_and_prints_what_the_page_shows(blocks, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "readme"}
    for line, _, code in blocks(TEXT, "python"):
        exec(compile("\n" * line + code, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    shown = "".join(code for _, _, code in blocks(TEXT, "text"))
    assert words_of(printed) == words_of(shown)
    for ours, theirs in zip(numbers_of(printed), numbers_of(shown), strict=True):
        assert math.isclose(ours, theirs, abs_tol=0.015), (ours, theirs)  # another processor rounds otherwise


def words_of(text):
    return re.sub(r"\d+\.\d+", "0.0", text).split()


def numbers_of(text):
    return [float(number) for number in re.findall(r"\d+\.\d+", text)]


def prose():
    text = re.sub(r"^ *```.*?^ *```", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"\]\([^)]*\)", "]", text)


def test_every_measured_number_names_its_reading():
    accuracy = kept("curves")["accuracy"]
    named = re.findall(r"<!-- ([^>]+) -->\s*([\d.]+)%", prose())
    assert named
    for key, number in named:
        assert f"{accuracy[key][0]:.1f}" == number, key
    without = re.sub(r"<!-- [^>]+ -->\s*[\d.]+%", "", prose())
    assert re.findall(r"\d+(?:\.\d+)?%", without) == ["95%"]  # the level of the intervals


def test_settings_told_beside_the_figure_are_those_of_the_run():
    spec = kept("curves")["spec"]
    assert f"{len(spec['seeds'])} seeds" in prose()
    assert max(spec["samples"]) == 1000
    assert kept("curves")["failed"] == 0


def test_the_quoted_verdict_is_that_of_the_first_run():
    quoted = " ".join(re.findall(r"^> (.*)$", TEXT, re.MULTILINE))
    found = kept("first_run")
    assert quoted in " ".join([found["headline"], *found["sentences"]])
    assert quoted.startswith(found["headline"])


@pytest.mark.parametrize("path", sorted(FIGURES.glob("*.svg")), ids=lambda path: path.stem)
def test_figure_is_small_whole_and_drawn_by_the_script(path):
    assert path.stat().st_size <= 110_000
    assert ET.parse(path).getroot().tag.endswith("svg")
    assert path.name in figure_script().FIGURES


def test_numbers_kept_follow_from_the_readings_kept():
    script = figure_script()
    assert script.accuracies(script.read("curves")) == kept("curves")["accuracy"]


def test_readings_kept_are_those_of_the_comparison_in_the_script():
    script, spec = figure_script(), kept("curves")["spec"]
    for name in ("networks", "tasks", "samples", "ridge"):
        assert spec[name] == script.CURVES[name]
    assert len(spec["seeds"]) == script.CURVES["seeds"]


def test_what_how_to_choose_says_of_alignment_and_complexity_is_in_the_readings():
    alignments, complexities = {}, {}
    for row in figure_script().read("first_run"):
        if row["samples"] == 300 and row["learner"] == "network":
            noise, key = row["task"] == "random:2", (row["network"], row["task"])
            alignments.setdefault((noise, *key), []).append(row["init_alignment_trace_normalized"])
            complexities.setdefault((noise, *key), []).append(row["init_complexity_normalized"])
    for network in ("mlp", "lenet"):
        spread = {}
        for name, found in (("alignment", alignments), ("complexity", complexities)):
            real = [sum(v) / len(v) for (noise, who, _), v in found.items() if who == network and not noise]
            assert len(real) == 5
            spread[name] = max(real) / min(real)
            (random,) = [sum(v) / len(v) for (noise, who, _), v in found.items() if who == network and noise]
            assert random < min(real) if name == "alignment" else random > 2 * max(real)
        assert spread["complexity"] < 2 and spread["alignment"] > 9
    text = " ".join((ROOT / "docs" / "how_to_choose.md").read_text().split())
    assert "within a factor of 2" in text and "a factor of 9 and more" in text


def test_figures_can_be_drawn_again_from_the_readings(tmp_path, monkeypatch):
    script = figure_script()
    monkeypatch.setattr(script, "save", lambda figure, name: figure.savefig(tmp_path / name))
    for draw, theme in script.FIGURES.values():
        draw(theme)
    assert {path.name for path in tmp_path.iterdir()} == set(script.FIGURES)


def test_citation_and_changelog_speak_of_this_version():
    import tangentlab as tl

    citation = (ROOT / "CITATION.cff").read_text()
    assert f"version: {tl.__version__}\n" in citation
    assert "2106.06770" in citation and "2106.06770" in TEXT
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
