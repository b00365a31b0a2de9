"""Parity of a few of many signs: easy for a network that finds them, hard for a kernel that does not."""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_whole_number
from tangentlab.tasks.random_labels import balanced_labels
from tangentlab.tasks.task import Task


def parity(
    degree: int = 3,
    *,
    dimension: int = 30,
    samples: int = 1000,
    test_samples: int = 1000,
    seed: int = 0,
) -> Task:
    """Synthetic rows x uniform on {-1, +1}^dimension; the target is 1 where x_0 x_1 ... x_{degree - 1} = +1.

    Labels are balanced exactly (up to one row), which leaves the rows uniform given their label: all
    coordinates but x_0 are drawn freely and x_0 is set to give the label. Train and test rows are
    independent draws; rows of smaller sizes are the first of larger ones. Rows are not normalized.

    >>> task = parity(2, dimension=5, samples=100, test_samples=10)
    >>> torch.equal(task.x_train[:, :2].prod(dim=1) > 0, task.y_train[:, 0] == 1)
    True
    """
    numbers = {"degree": degree, "dimension": dimension, "samples": samples, "test_samples": test_samples}
    degree, dimension, samples, test_samples = (
        expect_whole_number(argument, value, remedy="Try parity:3,30.") for argument, value in numbers.items()
    )
    if degree > dimension:
        raise ArgumentError(
            "degree",
            expected=f"at most the dimension {dimension}",
            got=degree,
            remedy=f"Try parity:{degree},{10 * degree}.",
        )
    (x_train, train), (x_test, test) = (
        _signs(rows, degree, dimension, seed=seed, part=part)
        for rows, part in ((samples, "train"), (test_samples, "test"))
    )
    name = f"parity:{degree},{dimension}"
    return Task.from_labels(
        name=name,
        x_train=x_train,
        labels_train=train,
        x_test=x_test,
        labels_test=test,
        classes=("-1", "+1"),
        identity={"task": name, "data": None, "samples": samples, "test_samples": test_samples, "seed": seed},
    )


def _signs(rows: int, degree: int, dimension: int, *, seed: int, part: str) -> tuple[Tensor, Tensor]:
    labels = balanced_labels(rows, 2, generator=generator(seed, "parity labels", part))
    bits = torch.randint(2, (rows, dimension), generator=generator(seed, "parity rows", part))
    x = (2 * bits - 1).float()
    x[:, 0] = (2 * labels - 1) * x[:, 1:degree].prod(dim=1)
    return x, labels
