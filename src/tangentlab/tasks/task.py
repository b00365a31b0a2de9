"""What is to be learned: train and test rows with real-valued targets, and the loss that fits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError, ShapeError, UnknownNameError

LOSSES = ("bce", "cross_entropy")


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """Train and test rows with their targets, validated once.

    `x_train` (n, ...), `x_test` (m, ...) rows of one shape; `y_train` (n, c), `y_test` (m, c) targets of
    the same dtype: c = 1 is binary with values 0 and 1 and the loss "bce"; c > 1 is one-hot with the loss
    "cross_entropy". `classes` names what the targets mean: two names for c = 1, of 0 and of 1, else c names.
    `identity` says in JSON what the task was made of.

    Errors: `DataError` for no rows, NaN or infinity, or one class among the train targets; `ShapeError`
    for parts that do not match.

    >>> x, labels = torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1])
    >>> task = Task.from_labels(
    ...     name="sign", x_train=x, labels_train=labels, x_test=x, labels_test=labels,
    ...     classes=("-", "+"), identity={},
    ... )
    >>> task.loss, task.outputs, task.y_train.tolist()
    ('bce', 1, [[0.0], [1.0]])
    """

    name: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    loss: str
    classes: tuple[str, ...]
    identity: dict[str, Any]

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise UnknownNameError("loss", self.loss, LOSSES)
        for part, x, y in (("train", self.x_train, self.y_train), ("test", self.x_test, self.y_test)):
            _check_part(self.name, part, x, y, outputs=self.outputs, shape=self.shape)
        wanted = 2 if self.outputs == 1 else self.outputs
        if len(self.classes) != wanted or self.loss != _loss(wanted):
            raise ArgumentError(
                "classes",
                expected=f"{wanted} names, with the loss {_loss(wanted)!r}, for {self.outputs} outputs",
                got=f"{len(self.classes)} names with {self.loss!r}",
                remedy="Use Task.from_labels, which chooses both.",
            )
        seen = self.y_train.unique() if self.outputs == 1 else self.y_train.sum(0).nonzero()
        if len(seen) < 2:
            raise DataError(
                f"The task {self.name} has one class only among its {len(self.x_train)} train rows.",
                remedy="Choose classes or groups of which at least two have rows.",
            )

    def __repr__(self) -> str:
        rows = f"{len(self.x_train):,} train and {len(self.x_test):,} test rows of shape {self.shape}"
        return f"Task({self.name!r}, {rows}, classes {', '.join(self.classes)}, loss {self.loss!r})"

    @property
    def outputs(self) -> int:
        """Outputs c that a network for this task has: 1 for two classes, else one a class.

        >>> from tangentlab.tasks.parity import parity
        >>> parity(2, dimension=4, samples=8, test_samples=4).outputs
        1
        """
        return self.y_train.shape[-1]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row, what a network for this task takes.

        >>> from tangentlab.tasks.parity import parity
        >>> parity(2, dimension=4, samples=8, test_samples=4).shape
        (4,)
        """
        return tuple(self.x_train.shape[1:])

    @classmethod
    def from_labels(
        cls,
        *,
        name: str,
        x_train: Tensor,
        labels_train: Tensor,
        x_test: Tensor,
        labels_test: Tensor,
        classes: tuple[str, ...],
        identity: dict[str, Any],
    ) -> Task:
        """A task from integer labels (n,), indices into `classes`.

        Two classes become one output with targets 0 and 1, more become one-hot rows.

        >>> x, labels = torch.eye(3), torch.tensor([0, 2, 1])
        >>> Task.from_labels(
        ...     name="three", x_train=x, labels_train=labels, x_test=x, labels_test=labels,
        ...     classes=("a", "b", "c"), identity={},
        ... ).y_train[1]
        tensor([0., 0., 1.])
        """
        return cls(
            name=name,
            x_train=x_train,
            y_train=_targets(labels_train, len(classes), like=x_train),
            x_test=x_test,
            y_test=_targets(labels_test, len(classes), like=x_test),
            loss=_loss(len(classes)),
            classes=classes,
            identity=identity,
        )


def _loss(classes: int) -> str:
    return "bce" if classes == 2 else "cross_entropy"


def _targets(labels: Tensor, classes: int, *, like: Tensor) -> Tensor:
    columns = labels[:, None] if classes == 2 else torch.nn.functional.one_hot(labels, classes)
    return columns.to(device=like.device, dtype=like.dtype if like.is_floating_point() else torch.float32)


def _check_part(name: str, part: str, x: Tensor, y: Tensor, *, outputs: int, shape: tuple[int, ...]) -> None:
    if x.ndim < 2 or tuple(x.shape[1:]) != shape:
        raise ShapeError(
            f"x_{part}",
            expected=f"rows of shape {shape}",
            got=str(tuple(x.shape)),
            remedy="Train and test rows must have one shape.",
        )
    if y.shape != (x.shape[0], outputs):
        raise ShapeError(
            f"y_{part}",
            expected=f"of shape ({x.shape[0]}, {outputs})",
            got=str(tuple(y.shape)),
            remedy="Give one row of targets for each row of x.",
        )
    if x.numel() == 0:
        raise DataError(f"The {part} part of the task {name} is empty.", remedy="Ask for at least one row.")
    if not bool(torch.isfinite(x).all()):
        bad = (~torch.isfinite(x.flatten(1))).any(dim=1).nonzero().flatten()
        raise DataError(
            f"The {part} part of the task {name} has {len(bad)} rows with NaN or infinity, "
            f"the first is row {int(bad[0])}.",
            remedy="Drop or fill such rows first.",
        )
    binary = bool(((y == 0) | (y == 1)).all())
    if not binary or (outputs > 1 and not bool((y.sum(1) == 1).all())):
        raise DataError(
            f"The {part} targets of the task {name} are not {'0 or 1' if outputs == 1 else 'one-hot rows'}.",
            remedy="Use Task.from_labels, which makes targets of integer labels.",
        )
