"""What a caller's targets ask for: classes or values, as codes for a kernel and as targets for a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError, ShapeError, UnknownNameError
from tangentlab.data import encode_labels
from tangentlab.experiments.learning.targets import codes
from tangentlab.linalg import as_columns

KINDS = ("classes", "values")
_MOST_CLASSES = 100


@dataclass(frozen=True, eq=False)
class Goal:
    """Targets of n rows.

    `codes` (n, c), float64, are what a kernel regression is fitted to: ±1, centred one-hot rows, or the values.
    `targets` (n, c) is what the `loss` reads. `labels` (n,) index `classes`; both are None and empty for values.

    >>> goal = goal_of([3, 8, 3])
    >>> goal.kind, goal.classes, goal.codes.flatten().tolist(), goal.loss
    ('classes', ('3', '8'), [-1.0, 1.0, -1.0], 'bce')
    """

    kind: str
    codes: Tensor
    targets: Tensor
    labels: Tensor | None
    classes: tuple[str, ...]
    loss: str

    @property
    def outputs(self) -> int:
        """c, what a network for it has."""
        return self.codes.shape[1]

    @property
    def decides(self) -> bool:
        """Whether a prediction is a decision among classes."""
        return self.labels is not None

    def take(self, index: Tensor) -> Goal:
        """The goal of some of the rows."""
        labels = None if self.labels is None else self.labels[index]
        return Goal(self.kind, self.codes[index], self.targets[index], labels, self.classes, self.loss)


def goal_of(
    y: Any,
    *,
    rows: int | None = None,
    kind: str | None = None,
    outputs: int | None = None,
    classes: tuple[str, ...] | None = None,
) -> Goal:
    """Read targets: labels of any kind, 0/1 or ±1, one-hot rows, or real values (n,) or (n, c).

    Integers, booleans, text and what is 0/1, ±1 or one-hot are classes, other numbers are values; `kind` "classes" or
    "values" insists. `outputs` is that of a network that is there already: two classes may have one output or two.
    With `classes`, those of other rows, labels are read as theirs, and may be of one class.

    >>> goal_of([0.5, 1.5]).kind, goal_of(torch.eye(3)).outputs, goal_of([0, 1], outputs=2).outputs
    ('values', 3, 2)
    """
    if kind is not None and kind not in KINDS:
        raise UnknownNameError("targets", kind, KINDS)
    given = y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
    if rows is not None and (given.ndim == 0 or len(given) != rows):
        raise ShapeError(
            "y", expected=f"targets for {rows} rows", got=str(given.shape), remedy="Give one target a row of x."
        )
    labels = None if kind == "values" else _labels(given, insist=kind == "classes")
    if labels is None:
        values = as_columns("y", given).double()
        if len(values) < 2 or not bool((values.std(0) > 0).any()):
            raise DataError("The targets are all the same: there is nothing to learn.", remedy="Check y.")
        if outputs is not None and outputs != values.shape[1]:
            raise _mismatch(f"{values.shape[1]} values a row", outputs)
        return Goal("values", values, values, None, (), "mse")
    index, names = labels
    if classes is not None:
        index, names = _as_of(index, names, classes)
    elif len(index.unique()) < 2:
        raise DataError("All rows are of one class: there is nothing to learn.", remedy="Add rows of another.")
    count = len(names)
    if outputs is not None and outputs != count and not (outputs == 1 and count == 2):
        raise _mismatch(f"{count} classes", outputs)
    single = count == 2 if outputs is None else outputs == 1
    targets = index[:, None].double() if single else torch.nn.functional.one_hot(index, count).double()
    return Goal("classes", codes(targets), targets, index, names, "bce" if single else "cross_entropy")


def expect_outputs(f: Tensor, outputs: int) -> None:
    """Refuse outputs f (n, c) of a network on the rows of a target that asks for another number of them.

    >>> expect_outputs(torch.zeros(2, 10), 1)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `model` must be with outputs of shape (2, 1) on these rows, got (2, 10). ...
    """
    if tuple(f.shape) != (len(f), outputs):
        raise ArgumentError(
            "model",
            expected=f"with outputs of shape {(len(f), outputs)} on these rows",
            got=str(tuple(f.shape)),
            remedy="Give a network with an output for each value or class, or one for two classes.",
        )


def _labels(given: np.ndarray, *, insist: bool) -> tuple[Tensor, tuple[str, ...]] | None:
    """Class indices and names, or None for values."""
    if given.ndim == 2 and given.shape[1] > 1:
        numbers = given.dtype.kind in "biuf"
        one_hot = numbers and bool((((given == 0) | (given == 1)).all(1) & (given.sum(1) == 1)).all())
        if one_hot:
            return torch.from_numpy(given.argmax(1).astype(np.int64)), tuple(map(str, range(given.shape[1])))
        if insist:
            raise ShapeError("y", expected="labels (n,) or one-hot rows", got=str(given.shape), remedy="Check y.")
        return None
    if given.dtype.kind == "f" and not insist:
        seen = np.unique(given)
        if not (np.array_equal(seen, [0, 1]) or np.array_equal(seen, [-1, 1])):
            return None
    index, classes = encode_labels(given, name="y")
    if given.dtype.kind in "iu" and len(classes) > _MOST_CLASSES and not insist:
        raise ArgumentError(
            "y",
            expected="classes or values, and it could be either",
            got=f"{len(classes)} different whole numbers",
            remedy="Say which: targets='classes' or targets='values'.",
        )
    return index, classes


def _as_of(index: Tensor, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[Tensor, tuple[str, ...]]:
    """The same labels as indices into other rows' classes."""
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise DataError(
            f"The test rows have the class {unknown[0]!r}, which the training rows do not have.",
            remedy="Leave such rows out, or add some to the training rows.",
        )
    table = torch.tensor([classes.index(name) for name in names])
    return table[index], classes


def _mismatch(asked: str, outputs: int) -> ArgumentError:
    return ArgumentError(
        "model",
        expected=f"with outputs for {asked}",
        got=f"one with {outputs} output{'s' * (outputs != 1)}",
        remedy="Give a network for this target, or a builder, which is told the number of outputs.",
    )
