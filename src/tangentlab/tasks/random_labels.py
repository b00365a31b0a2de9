"""Labels that have nothing to do with the rows: what can be learned of them is memory, not generalization."""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab._seeds import generator
from tangentlab._shapes import expect_whole_number
from tangentlab.data import Data
from tangentlab.tasks.rows import draw_rows
from tangentlab.tasks.task import Task


def balanced_labels(count: int, classes: int, *, generator: torch.Generator) -> Tensor:
    """Random labels (count,) in which every beginning is balanced, up to one of each class.

    Every run of `classes` labels is a random permutation of all of them, so that each label alone is
    uniform. A smaller count gives the beginning of a larger one.

    >>> labels = balanced_labels(6, 3, generator=torch.Generator().manual_seed(0))
    >>> labels.bincount()
    tensor([2, 2, 2])
    """
    runs = -(-count // classes)
    return torch.rand(runs, classes, generator=generator).argsort(dim=1).flatten()[:count]


def random_labels(
    data: Data,
    *,
    classes: int = 2,
    samples: int | None = None,
    test_samples: int | None = None,
    seed: int = 0,
    normalize: bool = True,
) -> Task:
    """The rows of `data` with balanced random labels, for train and test rows alike.

    The labels depend on the seed alone, and are nested as the rows are. No learner does better than
    chance on the test rows.

    >>> from tangentlab.data import load
    >>> task = random_labels(load("digits"), samples=100, test_samples=50)
    >>> task.name, task.y_train.mean()
    ('random:2', tensor(0.5000))
    """
    classes = expect_whole_number("classes", classes, least=2, remedy="Try random:2.")
    rows = draw_rows(data, samples=samples, test_samples=test_samples, seed=seed, normalize=normalize)
    train, test = (
        balanced_labels(len(labels), classes, generator=generator(seed, "random labels", part))
        for part, labels in (("train", rows.labels_train), ("test", rows.labels_test))
    )
    name = f"random:{classes}"
    return Task.from_labels(
        name=name,
        x_train=rows.x_train,
        labels_train=train,
        x_test=rows.x_test,
        labels_test=test,
        classes=tuple(str(i) for i in range(classes)),
        identity={"task": name, **rows.source},
    )
