"""Classes put together in groups, as the published two-group version of CIFAR-10 (classes 0-4 against 5-9)."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from tangentlab._errors import DataError
from tangentlab.data import Data
from tangentlab.tasks.grouping import read_groups, write_groups
from tangentlab.tasks.rows import draw_rows
from tangentlab.tasks.task import Task


def group(
    data: Data,
    groups: str | Iterable[object],
    *,
    samples: int | None = None,
    test_samples: int | None = None,
    seed: int = 0,
    normalize: bool = True,
) -> Task:
    """Tell groups of classes apart.

    One group, `"0-4"` or `[[0, 1, 2, 3, 4]]`, stands against the rest of the classes; several, `"0-1/2-3"`,
    against each other, and rows of classes in no group are left out. Two groups make one output whose
    target is 1 for the **first** group (loss "bce"); more make one output a group ("cross_entropy").
    Classes go by number or by name; rows are stratified by the data's classes, not by the groups.

    Errors: groups that are empty, overlap, or leave no rest; unknown classes; too few rows.

    >>> from tangentlab.data import load
    >>> task = group(load("digits"), "0-4", samples=100, test_samples=50)
    >>> task.name, task.loss, task.classes
    ('group:0-4', 'bce', ('5, 6, 7, 8, 9', '0, 1, 2, 3, 4'))
    """
    parts = read_groups(groups, data.classes)
    name = "group:" + write_groups(parts, data.classes)
    if len(parts) == 1:
        rest = tuple(i for i in range(len(data.classes)) if i not in parts[0])
        if not rest:
            raise DataError(
                f"The task {name} puts all {len(data.classes)} classes in one group.",
                remedy="Leave at least one class to the rest, or name a second group after a slash.",
            )
        parts = (parts[0], rest)
    if len(parts) == 2:
        parts = (parts[1], parts[0])
    rows = draw_rows(
        data,
        samples=samples,
        test_samples=test_samples,
        seed=seed,
        normalize=normalize,
        classes=[label for part in parts for label in part],
    )
    target = torch.full((len(data.classes),), -1)
    for position, part in enumerate(parts):
        target[list(part)] = position
    return Task.from_labels(
        name=name,
        x_train=rows.x_train,
        labels_train=target.to(rows.labels_train.device)[rows.labels_train],
        x_test=rows.x_test,
        labels_test=target.to(rows.labels_test.device)[rows.labels_test],
        classes=tuple(", ".join(data.classes[label] for label in part) for part in parts),
        identity={"task": name, **rows.source},
    )
