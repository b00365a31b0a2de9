"""Groups of classes as tasks."""

import os

import numpy as np
import pytest
import torch

from tangentlab._errors import DataError
from tangentlab.data import Data, load, split
from tangentlab.tasks import group

HOSTILE = "</script><img src=x onerror=alert(1)>"
SIZES = {"samples": 200, "test_samples": 100, "seed": 0}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_one_group_stands_against_the_rest_with_target_one(digits):
    task = group(digits, "0-4", **SIZES, normalize=False)
    drawn = split(digits, **SIZES)
    assert task.y_train[:, 0].tolist() == [float(label <= 4) for label in digits.y[drawn.train]]
    assert task.y_test[:, 0].tolist() == [float(label <= 4) for label in digits.y[drawn.test]]
    assert torch.equal(task.x_train, digits.x[drawn.train])
    assert (task.loss, task.y_train.shape, task.x_train.shape) == ("bce", (200, 1), (200, 1, 8, 8))


def test_two_groups_leave_the_other_classes_out(digits):
    task = group(digits, [[3], [8]], **SIZES)
    assert (task.name, task.classes) == ("group:3/8", ("8", "3"))
    drawn = split(digits, **SIZES, classes=[3, 8])
    assert set(digits.y[drawn.train].tolist()) == {3, 8}
    assert task.y_train[:, 0].tolist() == [float(label == 3) for label in digits.y[drawn.train]]


def test_more_groups_are_one_output_each(digits):
    task = group(digits, "0-1/2-3/4-9", **SIZES)
    assert (task.loss, task.y_train.shape, task.classes[0]) == ("cross_entropy", (200, 3), "0, 1")
    labels = digits.y[split(digits, **SIZES).train]
    expected = np.select([labels <= 1, labels <= 3], [0, 1], 2)
    np.testing.assert_array_equal(task.y_train.argmax(1).numpy(), expected)


def test_every_spelling_of_a_task_is_the_same_task(digits):
    tasks = [group(digits, groups, **SIZES) for groups in ("0-4", "4,3,0-2", [[0, 1, 2, 3, 4]], range(5))]
    assert {task.name for task in tasks} == {"group:0-4"}
    assert all(task.identity == tasks[0].identity for task in tasks)
    assert all(torch.equal(task.x_train, tasks[0].x_train) for task in tasks)


def test_rows_are_stratified_by_class(digits):
    task = group(digits, "0-4", samples=500, test_samples=200)
    drawn = split(digits, samples=500, test_samples=200)
    counts = torch.bincount(digits.y[drawn.train])
    assert int(counts.min()) >= 48
    assert int(counts.max()) <= 52
    assert abs(float(task.y_train.mean()) - 0.5) < 0.01


def test_smaller_samples_are_the_beginning_of_larger_ones(digits):
    small, large = (group(digits, "0-4", samples=n, test_samples=100, seed=5) for n in (50, 400))
    for name in ("x", "y"):
        assert torch.equal(getattr(small, f"{name}_train"), getattr(large, f"{name}_train")[:50])
        assert torch.equal(getattr(small, f"{name}_test"), getattr(large, f"{name}_test"))


def test_normalization_uses_the_train_part_alone(digits):
    task = group(digits, "0-4", **SIZES)
    drawn = split(digits, **SIZES)
    rest = np.setdiff1d(np.arange(digits.n), drawn.test.numpy())
    pixels = digits.x.numpy()[rest].astype(np.float64)
    expected = (digits.x.numpy()[drawn.test.numpy()] - pixels.mean()) / pixels.std()
    # float32 rows normalized with float64 statistics: a few roundings of values up to 2
    np.testing.assert_allclose(task.x_test.numpy(), expected, atol=2e-6)


def test_class_names_are_kept_verbatim():
    data = Data.from_arrays(torch.randn(40, 2), [0, 1] * 20, name="toy", classes=[HOSTILE, "b"])
    task = group(data, [[HOSTILE]], samples=10, test_samples=10)
    assert task.classes == ("b", HOSTILE)


def test_identity_tells_what_the_task_was_made_of(digits):
    assert group(digits, "0-4", **SIZES).identity == {
        "task": "group:0-4",
        "data": digits.identity,
        "samples": 200,
        "test_samples": 100,
        "seed": 0,
        "normalize": True,
    }


def test_a_group_of_all_classes_is_refused(digits):
    with pytest.raises(DataError, match="all 10 classes in one group"):
        group(digits, "0-9", **SIZES)


def test_data_of_one_class_are_refused():
    data = Data.from_arrays(torch.zeros(20, 2), [0] * 20, name="toy")
    with pytest.raises(DataError, match="all 1 classes in one group"):
        group(data, "0", samples=5, test_samples=5)


def test_a_group_whose_rest_has_no_rows_is_refused():
    data = Data.from_arrays(torch.zeros(20, 2), [0] * 20, name="toy", classes=["a", "b"])
    with pytest.raises(DataError, match="one class only"):
        group(data, "0", samples=5, test_samples=5)


def test_too_many_rows_are_refused_with_how_many_there_are(digits):
    with pytest.raises(DataError, match="digits has 357 rows for this task"):
        group(digits, "3/8", samples=300, test_samples=100)


def test_fashion_mnist_in_two_groups_takes_its_official_parts():
    if not os.path.isdir("/usr/share/datasets/fashion-mnist"):
        pytest.skip("needs Debian's dataset-fashion-mnist")
    data = load("fashion-mnist", path="/usr/share/datasets/fashion-mnist")
    task = group(data, "T-shirt/top,Trouser,Pullover,Dress,Coat", samples=1000, test_samples=500)
    assert task.name == "group:0-4"
    assert float(task.y_train.sum()) == 500
    # mean and standard deviation of the 60000 train images, as published for this data set
    pixel = (0.0 - 0.2860) / 0.3530
    assert abs(float(task.x_train.min()) - pixel) < 1e-3
