"""Train and test rows of a data set: disjoint, stratified, nested, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import DataError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_whole_number
from tangentlab.data.data import Data
from tangentlab.data.stratified import expect_every_class, stratified_order


@dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """Indices of rows: `train`, `test`, and the `pool` that the train rows are the first of.

    The pool is the whole train part: all rows of the official one, or all that are not test rows.

    >>> data = Data.from_arrays(torch.zeros(10, 1), [0, 1] * 5, name="coins")
    >>> drawn = split(data, samples=4, test_samples=2)
    >>> len(drawn.train), len(drawn.test), len(drawn.pool)
    (4, 2, 8)
    """

    train: Tensor
    test: Tensor
    pool: Tensor


def split(
    data: Data,
    *,
    samples: int | None = None,
    test_samples: int | None = None,
    seed: int = 0,
    classes: Sequence[int] | None = None,
) -> Split:
    """Draw `samples` train rows and `test_samples` test rows, both stratified by class.

    With an official split, train rows come from its train part and test rows from its test part. Without
    one, all rows stand in one stratified order; train rows are its first and test rows its last. `classes`
    keeps rows of those classes only. None means all: the official parts whole, or a fifth of the rows for
    the test and the rest for training.

    For one seed the train rows of a smaller size are the first of those of a larger size, and neither part
    depends on the size of the other, so that learning curves are paired and Grams are nested.

    Errors: `DataError` for too few rows (saying how many there are) or a size that leaves out a class.

    >>> data = Data.from_arrays(torch.zeros(100, 1), [0, 1] * 50, name="coins")
    >>> small, large = (split(data, samples=n, test_samples=20, seed=1) for n in (10, 40))
    >>> torch.equal(small.train, large.train[:10]), torch.equal(small.test, large.test)
    (True, True)
    """
    samples, test_samples = (
        None if count is None else expect_whole_number(argument, count)
        for argument, count in (("samples", samples), ("test_samples", test_samples))
    )
    y = data.y.cpu()
    kept = torch.ones(data.n, dtype=torch.bool) if classes is None else torch.isin(y, torch.tensor([*classes]))
    rows = kept.nonzero().flatten()
    if data.n_train is None:
        order = rows[stratified_order(y[rows], generator=generator(seed, "split"))]
        test_samples = max(1, len(rows) // 5) if test_samples is None else test_samples
        first, last = order, order.flip(0)
        room = len(rows) - test_samples
    else:
        parts = rows[rows < data.n_train], rows[rows >= data.n_train]
        first, last = (
            part[stratified_order(y[part], generator=generator(seed, "split", name))]
            for part, name in zip(parts, ("train", "test"))
        )
        room = len(first)
    samples = max(room, 1) if samples is None else samples
    test_samples = max(len(last), 1) if test_samples is None else test_samples
    _expect_rows(data, samples, test_samples, len(first), len(last))
    expect_every_class(y[first], samples, part="train part")
    expect_every_class(y[last], test_samples, part="test part")
    return Split(train=first[:samples], test=last[:test_samples], pool=first[:room])


def _expect_rows(data: Data, samples: int, test_samples: int, train: int, test: int) -> None:
    """Refuse more rows than there are; `train` and `test` are what each part could give alone."""
    if data.n_train is None:
        if samples + test_samples > train:
            raise DataError(
                f"{data.name} has {train} rows for this task; {samples} to train on and {test_samples} "
                f"to test on make {samples + test_samples}.",
                remedy=f"Ask for {train} at the most together.",
            )
        return
    for part, wanted, there in (("train", samples, train), ("test", test_samples, test)):
        if wanted > there:
            raise DataError(
                f"{data.name} has {there} rows for this task in its official {part} part; "
                f"{wanted} were asked for.",
                remedy=f"Ask for {there} at the most." if there else "Choose classes that have rows.",
            )
