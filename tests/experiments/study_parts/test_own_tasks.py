"""Studies whose tasks are named for ten classes run on data with fewer, and say what they took."""

import numpy as np
import pytest
from torch import nn

import tangentlab as tl
from tangentlab._errors import UnknownNameError
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.own_tasks import tasks_there, with_rows_there

TEN = ["group:0-4", "group:5,7,9", "random:2"]


def own(classes, rows=120):
    x = np.random.default_rng(0).normal(size=(rows, 3, 2)).astype(np.float32)
    return x, np.digitize(x[:, 0, 0], np.linspace(-0.8, 0.8, classes + 1)[1:-1])


def network(input_shape):
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))


def test_ten_classes_keep_every_task_as_it_is():
    assert tasks_there(TEN, tl.load("digits")) == TEN


@pytest.mark.parametrize(
    ("classes", "there"),
    [(2, ["group:0", "random:2"]), (5, ["group:0-1", "random:2"]), (6, ["group:0-4", "random:2"])],
)
def test_of_fewer_classes_a_grouping_remains_and_a_warning_tells(classes, there):
    data = tl.Data.from_arrays(*own(classes), name="mine")
    with pytest.warns(UserWarning, match=f"mine has {classes} classes, too few for .*group:5,7,9"):
        assert tasks_there(TEN, data) == there


def test_classes_with_names_that_are_numbers_go_by_their_names():
    x, y = own(2)
    with pytest.warns(UserWarning, match="group:3 was taken instead"):
        assert tasks_there(["group:0-4"], tl.Data.from_arrays(x, np.array([3, 7])[y], name="mine")) == ["group:3"]


def test_a_misspelt_class_is_not_replaced():
    x, y = own(2)
    data = tl.Data.from_arrays(x, np.array(["cat", "dog"])[y], name="mine")
    assert tasks_there(["group:catt"], data) == ["group:catt"]
    with pytest.raises(UnknownNameError, match="cat"):
        tl.tasks.make_task("group:catt", data, samples=20, test_samples=10, seed=0)


@pytest.mark.parametrize("study", ["risk", "calibration"])
def test_a_module_and_two_classes_of_ones_own_need_no_task_by_name(study):
    changed = {"epochs": 2} if study == "calibration" else {"subsets": 2}
    found = tl.study(study, {"mine": network}, data=own(2), samples=60, test_samples=30, seeds=1, **changed)
    assert not found.failed
    (record,) = found.records
    assert any("2 classes, too few for" in told for told in record.readings["warnings"])


@pytest.mark.parametrize(
    ("study", "changed"),
    [
        ("calibration", {"epochs": 1, "tasks": ["group:0", "random:2"]}),
        ("risk", {"subsets": 2, "task": "group:0/1"}),
        ("data-scaling", {"most_epochs": 1, "tasks": ["halves", "closest", "group:0/1", "random:2"]}),
        ("freeze", {"most_epochs": 1, "freeze_epochs": [0, 1], "tasks": ["halves", "group:1"]}),
        ("kernel-through-time", {"most_epochs": 1, "epochs_read": [1], "tasks": ["halves", "group:1"]}),
        ("training-choices", {"most_epochs": 1, "factors": [1.0], "tasks": ["halves", "random:2"]}),
        ("sample-complexity", {"most_epochs": 1}),
    ],
)
def test_no_study_asks_for_more_rows_than_small_data_of_ones_own_have(study, changed):
    found = tl.study(study, {"mine": network}, data=own(2), seeds=1, **changed)
    assert not found.failed
    told = [words for record in found.records for words in record.readings["warnings"]]
    assert any("rows for `samples`" in words for words in told)


def test_groups_against_each_other_have_the_rows_of_their_classes_alone():
    data = tl.Data.from_arrays(*own(4, rows=400), name="mine")
    asked = StudyUnit("risk", {"samples": 1000, "test_samples": 1000})
    with pytest.warns(UserWarning, match="mine has"):
        settings = with_rows_there(asked, data, tasks=["group:0", "group:1/2", "parity:3,20"]).settings
    rows = int(((data.y == 1) | (data.y == 2)).sum())
    assert settings["samples"] + settings["test_samples"] == rows < 400
    assert with_rows_there(asked, data, tasks=["parity:3,20"]) == asked
