"""The rows that a unit of a study works on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._seeds import generator
from tangentlab.data import Data
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.tasks import Task
from tangentlab.tasks.random_labels import balanced_labels
from tangentlab.tasks.rows import draw_rows


@dataclass(frozen=True, eq=False)
class Pool:
    """Normalized train and test rows with the data's own labels (n,)."""

    x_train: Tensor
    x_test: Tensor
    labels_train: Tensor
    labels_test: Tensor
    classes: tuple[str, ...]

    @property
    def x(self) -> Tensor:
        """All rows, those of training first."""
        return torch.cat([self.x_train, self.x_test])

    def two_groups(self) -> Task:
        """The natural task of two classes: the first half of the data's classes (target 1) against the rest.

        For ten classes it is `group:0-4`, as the paper parts CIFAR-10.
        """
        first = half(self.classes)
        name = f"group:0-{first - 1}" if first > 1 else "group:0"
        return self.task(name, self.labels_train < first, self.labels_test < first)

    def random_labels(self, seed: int) -> Task:
        """Balanced labels drawn without looking at the rows: the task `random:2`."""
        parts = (
            balanced_labels(len(x), 2, generator=generator(seed, "random labels", part))
            for part, x in (("train", self.x_train), ("test", self.x_test))
        )
        return self.task("random:2", *parts)

    def task(self, name: str, train: Tensor, test: Tensor) -> Task:
        """A task of two classes, labels 0 and 1 (n,) and (m,), on these rows."""
        return Task.from_labels(
            name=name,
            x_train=self.x_train,
            labels_train=train.long(),
            x_test=self.x_test,
            labels_test=test.long(),
            classes=("0", "1"),
            identity={"task": name},
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return tuple(self.x_train.shape[1:])


def half(classes: tuple[str, ...]) -> int:
    """Number of classes in the first of two groups.

    >>> half(tuple("0123456789")), half(("no", "yes"))
    (5, 1)
    """
    return max(1, len(classes) // 2)


def pool_of(unit: StudyUnit, sources: Sources, *, samples: int | None = None) -> Pool:
    """The unit's own number of rows (or `samples`), drawn by its seed, stratified, normalized by the whole train part.

    Where the data have fewer rows than are asked for, all there are are taken and a warning says so: the same study
    then runs on small data of the user's own.
    """
    data = sources.loaded
    asked = unit["samples"] if samples is None else samples
    least = len(data.classes)
    taken, held = rows_there(data, samples=asked, test_samples=max(unit.test_samples or 0, least))
    drawn = draw_rows(data, samples=taken, test_samples=held, seed=unit["seed"], normalize=True)
    return Pool(drawn.x_train, drawn.x_test, drawn.labels_train, drawn.labels_test, tuple(data.classes))


def rows_there(data: Data, *, samples: int, test_samples: int) -> tuple[int, int]:
    """Train and test rows to take where so many are asked for: fewer, and a warning, where the data have fewer.

    >>> few = Data.from_arrays(torch.zeros(12, 1), [0, 1] * 6, name="few")
    >>> with warnings.catch_warnings(action="ignore"):
    ...     rows_there(few, samples=8, test_samples=3), rows_there(few, samples=100, test_samples=100)
    ((8, 3), (9, 3))
    """
    if data.n_train is None:
        held = min(test_samples, max(len(data.classes), data.n // 4))
        room = data.n - held
    else:
        room = data.n_train
        held = min(test_samples, data.n - data.n_train)
    for name, wanted, there in (("samples", samples, room), ("test_samples", test_samples, held)):
        if wanted > there:
            warnings.warn(
                f"{data.name} has {there:,} rows for `{name}`, and {wanted:,} were asked for: {there:,} were taken.",
                stacklevel=3,
            )
    return min(samples, room), held


def only(data: Data, labels: tuple[int, ...]) -> Data:
    """The rows of some classes, which are counted from 0 in the order given.

    >>> only(Data.from_arrays([[0.0], [1.0], [2.0]], ["a", "b", "c"], name="abc"), (2, 0)).y.tolist()
    [1, 0]
    """
    kept = torch.isin(data.y, torch.tensor(labels, device=data.y.device))
    new = torch.full((len(data.classes),), -1, device=data.y.device)
    new[list(labels)] = torch.arange(len(labels), device=data.y.device)
    first = None if data.n_train is None else int(kept[: data.n_train].sum())
    return Data(
        name=data.name,
        x=data.x[kept],
        y=new[data.y[kept]],
        classes=tuple(data.classes[label] for label in labels),
        n_train=first,
        version=data.version,
    )
