"""Which networks are set to which task, and the rows of both."""

import pytest

from tangentlab._errors import ArgumentError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.control_task import control_task, each_seed_network_and_task

GIVEN = {"seeds": [0], "networks": ["mlp"], "tasks": ["parity", "halves"], "data": "digits"}
SIZES = {"degree": 3, "dimension": 6, "samples": 40, "test_samples": 20, "seed": 1}


def laid_out(**changes):
    return [(unit["network"], unit["task"]) for unit in each_seed_network_and_task(GIVEN | changes)]


def test_parity_needs_no_data_and_halves_need_some():
    assert laid_out() == [("mlp", "parity"), ("mlp", "halves")]
    assert laid_out(data="") == [("mlp", "parity")]


def test_a_network_of_ones_own_is_not_given_rows_of_parity():
    assert laid_out(networks=["mine"]) == [("mine", "halves")]


def test_nothing_to_learn_is_refused():
    with pytest.raises(ArgumentError, match="Give data"):
        laid_out(networks=["mine"], data="")


def test_both_have_the_rows_asked_for():
    sources = Sources("digits")
    for name, shape in (("parity", (6,)), ("halves", (1, 8, 8))):
        task = control_task(StudyUnit("freeze", SIZES | {"task": name}), sources)
        assert (len(task.x_train), len(task.x_test), task.shape) == (40, 20, shape)
        assert set(task.y_train.flatten().tolist()) == {0.0, 1.0}
