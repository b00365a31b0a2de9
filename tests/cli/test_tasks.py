"""`tangentlab tasks`: label files and a table, for any learner."""

import json

import numpy as np
import pytest

import tangentlab as tl

SMALL = ["--network", "mlp:activation=gelu,width=8", "--samples", "60", "--test-samples", "40"]


def test_eigenfunctions_are_those_of_the_named_task(run, tmp_path):
    code, out, _ = run("tasks", "eigenfunction", "--index", "1,4", *SMALL, "--out", "bank", "--seed", 3)
    assert code == 0 and "norm difficulty" in out and "Written: bank" in out
    found = tl.read_tasks(tmp_path / "bank")
    named = tl.tasks.make_task(
        "eigenfunction:4,activation=gelu,width=8", tl.load("digits"), samples=60, test_samples=40, seed=3
    )
    assert np.array_equal(found[1].task.y_test, named.y_test) and np.array_equal(
        found[1].task.x_test, named.x_test
    )


def test_directions_come_with_a_picture_and_answers_in_json(run, tmp_path):
    code, out, _ = run(
        "tasks", "anisotropy", "-k", "0", "-k", "5", *SMALL, "--out", "bank", "--json", "--sigma", 0.5
    )
    told = json.loads(out)
    assert code == 0 and [task["index"] for task in told["tasks"]] == [0, 5]
    assert (tmp_path / "bank" / "directions.svg").read_text().count("<image") == 4
    assert tl.read_tasks(tmp_path / "bank")[0].arrays["direction"].shape == (1, 8, 8)


def test_labels_only_and_the_inductive_form(run, tmp_path):
    code, *_ = run("tasks", "eigenfunction", "-k", "2", *SMALL, "--out", "bank", "--labels-only", "--inductive")
    assert code == 0 and not (tmp_path / "bank" / "inputs.npz").exists()
    about = json.loads((tmp_path / "bank" / "tasks.json").read_text())
    assert about["tasks"][0]["identity"]["form"] == "inductive" and about["about"]["rows"]["samples"] == 60


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["tasks", "parity", "-k", "1", "--out", "bank"], 2, "anisotropy"),
        (["tasks", "eigenfunction", "--out", "bank"], 2, "--index"),
        (["tasks", "eigenfunction", "-k", "one", "--out", "bank"], 2, "whole numbers"),
        (["tasks", "anisotropy", "-k", "1", "--inductive", "--out", "bank"], 2, "only eigenfunctions"),
        (["tasks", "anisotropy", "-k", "1", "--network", "mlp", "--out", "bank"], 1, "kink"),
        (["tasks", "eigenfunction", "-k", "0", *SMALL, "--data", "nothing", "--out", "bank"], 1, "nothing"),
        (["tasks", "eigenfunction", "-k", "100", *SMALL, "--out", "bank"], 1, "indices"),
    ],
)
def test_mistakes_are_told_without_a_traceback(run, arguments, code, said):
    found, _, error = run(*arguments)
    assert found == code and said in " ".join(error.split()) and "Traceback" not in error
