"""The command that foretells: words, ranking, JSON and page."""

import json
import subprocess
import sys

import pytest


def tangentlab(*arguments):
    return subprocess.run([sys.executable, "-m", "tangentlab", *arguments], capture_output=True, text=True)


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "page.html"
    run = tangentlab(
        *(
            "predict",
            "--network",
            "mlp:width=16",
            "--network",
            "mlp:width=16,depth=1",
            "--task",
            "group:0-4,random:2",
        ),
        *("--samples", "40,80", "--seeds", "2", "--json", "--out", str(page)),
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout), page.read_text()


def test_every_cell_is_foretold_and_ranked(answered):
    found, _ = answered
    assert [(each["network"], each["task"]) for each in found["predictions"]] == [
        (network, task)
        for task in ("group:0-4", "random:2")
        for network in ("mlp:width=16", "mlp:width=16,depth=1")
    ]
    assert all(each["samples"] == [40, 80] and each["seeds"] == [0, 1] for each in found["predictions"])
    ranking = found["ranking"]
    assert [each["name"] for each in ranking["tasks"]] == ["group:0-4", "random:2"]
    assert len(ranking["cells"]) == 4 and len(ranking["networks"]) == 2 and ranking["calibrated"]


def test_the_page_tells_what_the_answer_tells(answered):
    found, page = answered
    assert found["ranking"]["headline"] in page and "of trained networks with Spearman" in page
    assert "From easy to hard" in page and "<span>predict</span>" in page


def test_one_cell_is_told_in_words():
    run = tangentlab(
        "predict", "--network", "mlp:width=8", "--task", "random:2", "--samples", "40", "--seeds", "1"
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("Linearized, mlp:width=8 is expected to get") and "95% band" in run.stdout
    assert "Nothing was trained" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "mpl"], "mlp"),
        (["--task", "grop:0-4"], "grop"),
        (["--samples", "100000"], "100000"),
        (["--ridge", "none"], "ridge"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, words):
    run = tangentlab("predict", *arguments)
    assert run.returncode == 1 and words in run.stderr and "Traceback" not in run.stderr
