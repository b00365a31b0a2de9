"""The rows that a unit of a study works on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from torch import Tensor

from tangentlab.experiments.sources import Sources
from tangentlab.experiments.study_unit import StudyUnit
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
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return tuple(self.x_train.shape[1:])


def pool_of(unit: StudyUnit, sources: Sources, *, samples: int | None = None) -> Pool:
    """The unit's own number of rows (or `samples`), drawn by its seed, stratified, normalized by the whole train part.

    Where the data have fewer rows than are asked for, all there are are taken and a warning says so: the same study
    then runs on small data of the user's own.
    """
    data = sources.loaded
    asked = unit["samples"] if samples is None else samples
    held = max(unit.test_samples or 0, len(data.classes))
    if data.n_train is None:
        held = min(held, max(len(data.classes), data.n // 4))
        room = data.n - held
    else:
        room = data.n_train
        held = min(held, data.n - data.n_train)
    for name, wanted, there in (("samples", asked, room), ("test_samples", unit.test_samples or 0, held)):
        if wanted > there:
            warnings.warn(
                f"{data.name} has {there:,} rows for `{name}`, and {wanted:,} were asked for: {there:,} were taken.",
                stacklevel=2,
            )
    drawn = draw_rows(data, samples=min(asked, room), test_samples=held, seed=unit["seed"], normalize=True)
    return Pool(drawn.x_train, drawn.x_test, drawn.labels_train, drawn.labels_test, tuple(data.classes))
