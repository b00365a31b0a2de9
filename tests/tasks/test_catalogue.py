"""Tasks by name."""

import json

import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, UnknownNameError
from tangentlab.data import load
from tangentlab.tasks import TASKS, USAGE, group, make_task, make_tasks, multiclass, parity, random_labels
from tangentlab.tasks.network_eigenfunction import network_eigenfunction

SIZES = {"samples": 60, "test_samples": 40, "seed": 4}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.mark.parametrize(
    ("spec", "name", "build"),
    [
        ("group:0-4", "group:0-4", lambda data: group(data, "0-4", **SIZES)),
        ("group: 4,0-3", "group:0-4", lambda data: group(data, [range(5)], **SIZES)),
        ("classes", "classes", lambda data: multiclass(data, **SIZES)),
        ("random", "random:2", lambda data: random_labels(data, **SIZES)),
        ("random:3", "random:3", lambda data: random_labels(data, classes=3, **SIZES)),
        ("parity", "parity:3,30", lambda data: parity(3, **SIZES)),
        ("parity:3", "parity:3,30", lambda data: parity(3, **SIZES)),
        ("parity:2,8", "parity:2,8", lambda data: parity(2, dimension=8, **SIZES)),
        (
            "eigenfunction: 3, width=8,depth=1",
            "eigenfunction:3,network=mlp,width=8,depth=1",
            lambda data: network_eigenfunction(data, "3,network=mlp:width=8,depth=1", **SIZES),
        ),
    ],
)
def test_a_spec_builds_what_its_function_builds(digits, spec, name, build):
    task, expected = make_task(spec, digits, **SIZES), build(digits)
    assert task.name == expected.name == name
    assert torch.equal(task.x_train, expected.x_train)
    assert torch.equal(task.y_test, expected.y_test)
    assert task.identity == expected.identity


@pytest.mark.parametrize(
    "spec",
    [
        "group:0-4",
        "group:0/1/2-9",
        "classes",
        "random:5",
        "parity:2,9",
        "eigenfunction:2,width=8,form=inductive,seed=9",
        "anisotropy:2,width=8,epsilon=0.5,seed=9",
    ],
)
def test_the_name_of_a_task_is_a_spec_of_it_and_its_identity_is_json(digits, spec):
    task = make_task(spec, digits, **SIZES)
    assert make_task(task.name, digits, **SIZES).identity == task.identity
    assert json.loads(json.dumps(task.identity)) == task.identity


def test_every_task_says_how_it_is_written():
    assert TASKS.keys() == USAGE.keys()
    assert all(name in USAGE[name] for name in TASKS)


def test_rows_can_be_left_as_they_are(digits):
    assert float(make_task("group:0-4", digits, **SIZES, normalize=False).x_train.max()) == 1.0


def test_parity_needs_no_data_and_the_others_do():
    assert make_task("parity:3").x_train.shape == (1000, 30)
    for spec in ("group:0-4", "classes", "random", "eigenfunction:3", "anisotropy:3"):
        with pytest.raises(DataError, match="needs data"):
            make_task(spec)


@pytest.mark.parametrize("spec", ["groups:0-4", "", "Group:0", ":0-4", "eigenfunctions"])
def test_unknown_tasks_are_refused_with_the_known_ones(digits, spec):
    with pytest.raises(
        UnknownNameError, match="`task` must be one of anisotropy, classes, eigenfunction, group, parity, random"
    ):
        make_task(spec, digits, **SIZES)


@pytest.mark.parametrize(
    "spec",
    [
        "group",
        "group:",
        "classes:3",
        "random:x",
        "random:2,3",
        "random:-1",
        "parity:3,4,5",
        "parity:1.5",
        "parity:,",
    ],
)
def test_specs_of_another_form_are_refused_with_the_right_one(digits, spec):
    with pytest.raises(ArgumentError, match="Write"):
        make_task(spec, digits, **SIZES)


@pytest.mark.parametrize("spec", ["group:0-4", "classes", "random:2"])
def test_too_many_rows_are_refused_with_how_many_there_are(digits, spec):
    with pytest.raises(DataError, match="digits has 1797 rows"):
        make_task(spec, digits, samples=5000, test_samples=100)


@pytest.mark.parametrize("spec", ["group:0-4", "classes", "random:2", "parity:3"])
def test_sizes_of_zero_are_refused_by_name(digits, spec):
    with pytest.raises(ArgumentError, match="`samples` must be a whole number of at least 1"):
        make_task(spec, digits, samples=0, test_samples=10)


def test_tasks_made_together_are_those_made_one_by_one(digits):
    names = ["eigenfunction:3,width=8", "group:0-4", "eigenfunction:5,width=8", "eigenfunction:3,width=8,seed=4"]
    names += ["eigenfunction:2,width=8,form=inductive", "random:2", "eigenfunction:1,width=8,network=mlp"]
    together = make_tasks(names, digits, **SIZES)
    for name, task in zip(names, together):
        alone = make_task(name, digits, **SIZES)
        assert (task.name, task.identity) == (alone.name, alone.identity)
        for part in ("x_train", "y_train", "x_test", "y_test"):
            assert torch.equal(getattr(task, part), getattr(alone, part))
