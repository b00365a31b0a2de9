"""Halves of the classes, the two closest ones, or a task by name: always two classes, on anybody's data."""

import itertools

import numpy as np
import pytest
import torch

import tangentlab as tl
from tangentlab._errors import ArgumentError, DataError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.pool import only
from tangentlab.experiments.study_parts.two_classes import closest_classes, two_class_task


def unit(task, **settings):
    return StudyUnit("data-scaling", {"task": task, "seed": 0, "test_samples": 30, **settings})


def test_the_closest_classes_are_those_of_a_loop_over_pairs():
    data = tl.load("digits")
    x, y = data.x.flatten(1).double().numpy(), data.y.numpy()

    def apart(pair):
        a, b = (x[y == label] for label in pair)
        spread = a.var(0, ddof=1).sum() + b.var(0, ddof=1).sum()
        return ((a.mean(0) - b.mean(0)) ** 2).sum() / spread

    assert closest_classes(data) == min(itertools.combinations(range(10), 2), key=apart)


def test_test_rows_have_no_say_in_which_classes_are_closest():
    x = [[0.0], [1.0], [5.0], [6.0], [7.0], [8.0], *[[0.0], [0.1]] * 3]
    y = [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]
    data = tl.Data.from_arrays(x, y, name="line", n_train=6)
    assert closest_classes(data) == (1, 2)


def test_the_closest_pair_has_rows_of_both_alone():
    task = two_class_task(unit("closest"), Sources("digits"), samples=40)
    assert task.name == "group:1/8"
    data = tl.load("digits")
    ones = (task.y_train[:, 0] == 1).sum()
    assert 15 <= ones <= 25
    pool = data.x[(data.y == 1) | (data.y == 8)].flatten(1)
    scale = pool.mean(), pool.std()  # rows of digits are normalized as a whole, one channel
    assert all(
        ((task.x_train[i].flatten() * scale[1] + scale[0] - pool).abs().amax(1) < 0.1).any() for i in range(5)
    )


def test_halves_are_those_of_the_pool():
    assert two_class_task(unit("halves"), Sources("digits"), samples=40).name == "group:0-4"


def test_two_classes_of_ones_own_are_one_task_either_way():
    rows = torch.randn(60, 5, generator=torch.Generator().manual_seed(0))
    data = tl.Data.from_arrays(rows.numpy(), (rows[:, 0] > 0).long().numpy(), name="mine")
    halves, closest = (
        two_class_task(unit(name, test_samples=10), Sources(data), samples=30) for name in ("halves", "closest")
    )
    assert torch.equal(halves.x_train, closest.x_train)
    assert torch.equal(halves.y_train, closest.y_train)


def test_only_keeps_the_official_split():
    data = tl.Data.from_arrays(np.arange(6.0)[:, None], [0, 1, 2, 0, 1, 2], name="six", n_train=3)
    kept = only(data, (2, 1))
    assert (kept.x.flatten().tolist(), kept.y.tolist(), kept.n_train) == ([1.0, 2.0, 4.0, 5.0], [1, 0, 1, 0], 2)


def test_other_tasks_go_by_name_and_must_have_two_classes():
    assert two_class_task(unit("group:3/5"), Sources("digits"), samples=20).name == "group:3/5"
    with pytest.raises(ArgumentError, match="halves"):
        two_class_task(unit("classes"), Sources("digits"), samples=20)


def test_one_class_with_rows_to_speak_of_is_refused():
    data = tl.Data.from_arrays([[0.0], [1.0], [2.0]], [0, 0, 1], name="lone")
    with pytest.raises(DataError, match="needs two"):
        closest_classes(data)
