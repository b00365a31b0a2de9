"""The data's own classes, told apart."""

from __future__ import annotations

from tangentlab._errors import DataError
from tangentlab.data import Data
from tangentlab.tasks.rows import draw_rows
from tangentlab.tasks.task import Task


def multiclass(
    data: Data,
    *,
    samples: int | None = None,
    test_samples: int | None = None,
    seed: int = 0,
    normalize: bool = True,
) -> Task:
    """One output a class and the loss "cross_entropy"; for data of two classes one output and "bce".

    Errors: `DataError` for data of one class, a class without train rows, and too few rows.

    >>> from tangentlab.data import load
    >>> task = multiclass(load("digits"), samples=100, test_samples=50)
    >>> task.outputs, task.loss
    (10, 'cross_entropy')
    """
    train = data.y if data.n_train is None else data.y[: data.n_train]
    absent = set(range(len(data.classes))) - set(train.unique().tolist())
    if absent:
        lacking = ", ".join(data.classes[label] for label in sorted(absent))
        raise DataError(
            f"{data.name} has no train rows of the class {lacking}.",
            remedy="Leave such classes out of its class names.",
        )
    if len(data.classes) < 2:
        raise DataError(
            f"{data.name} has one class only: {', '.join(data.classes)}.",
            remedy="Give data of at least two classes.",
        )
    rows = draw_rows(data, samples=samples, test_samples=test_samples, seed=seed, normalize=normalize)
    return Task.from_labels(
        name="classes",
        x_train=rows.x_train,
        labels_train=rows.labels_train,
        x_test=rows.x_test,
        labels_test=rows.labels_test,
        classes=data.classes,
        identity={"task": "classes", **rows.source},
    )
