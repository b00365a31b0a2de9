"""Samples that keep the shares of the classes, each a part of the next larger one."""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab._errors import DataError
from tangentlab._shapes import expect_whole_number


def stratified_order(y: Tensor, *, generator: torch.Generator) -> Tensor:
    """A random order of rows in which every beginning, and every end, is a stratified sample.

    The r-th row (r = 0, 1, ...) drawn from a class of size s gets the key (r + ½) / s, and rows are sorted
    by it, ties by class. The first `count` rows then have exactly the class counts of the divisor method
    of Webster and Sainte-Laguë. Largest remainders give the same counts in nearly all cases, but with them
    a class can lose a row when the sample grows (the Alabama paradox), so that samples would not be nested.
    Keys are symmetric, hence the same holds for the last rows. Cost: a sort.

    >>> y = torch.tensor([0, 0, 0, 0, 1, 1])
    >>> order = stratified_order(y, generator=torch.Generator().manual_seed(0))
    >>> y[order].tolist()
    [0, 1, 0, 0, 1, 0]
    """
    shuffled = torch.randperm(len(y), generator=generator)
    labels = y.cpu()[shuffled]
    by_class = torch.argsort(labels, stable=True)
    sizes = torch.bincount(labels)
    first = torch.cumsum(sizes, 0) - sizes
    labels = labels[by_class]
    rank = torch.arange(len(y)) - first[labels]
    keys = (rank.double() + 0.5) / sizes[labels]
    return shuffled[by_class[torch.argsort(keys, stable=True)]]


def stratified(y: Tensor, count: int, *, generator: torch.Generator) -> Tensor:
    """Indices of `count` random rows with the classes in the shares they have in `y`, every class present.

    Errors: `DataError` when there are fewer rows, or when `count` is too small for the rarest class, with
    the smallest count that is not.

    >>> y = torch.tensor([0] * 60 + [1] * 40)
    >>> rows = stratified(y, 10, generator=torch.Generator().manual_seed(0))
    >>> torch.bincount(y[rows]).tolist()
    [6, 4]
    """
    count = expect_whole_number("count", count)
    if count > len(y):
        raise DataError(
            f"{count} rows were asked for and there are {len(y)}.", remedy=f"Ask for at most {len(y)}."
        )
    order = stratified_order(y, generator=generator)
    expect_every_class(y.cpu()[order], count)
    return order[:count]


def expect_every_class(labels: Tensor, count: int, *, part: str = "sample") -> None:
    """Refuse a beginning of an order of labels that leaves out a class of the rest.

    >>> expect_every_class(torch.tensor([0, 1, 0]), 2)
    """
    classes = labels.unique()
    first = torch.stack([(labels == c).nonzero()[0, 0] for c in classes])
    needed = int(first.max()) + 1
    if count < needed:
        raise DataError(
            f"A stratified {part} of {count} rows leaves out {int((first >= count).sum())} of the "
            f"{len(classes)} classes.",
            remedy=f"Ask for at least {needed} rows.",
        )
