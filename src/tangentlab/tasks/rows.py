"""The rows a task draws from data: stratified, normalized, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tangentlab.data import Data, split


@dataclass(frozen=True, eq=False, kw_only=True)
class DrawnRows:
    """Train and test rows with the data's own labels (n,), and what they were drawn from, for an identity.

    >>> from tangentlab.data import load
    >>> drawn = draw_rows(load("digits"), samples=20, test_samples=10, seed=0, normalize=True)
    >>> isinstance(drawn, DrawnRows), drawn.source["samples"]
    (True, 20)
    """

    x_train: Tensor
    labels_train: Tensor
    x_test: Tensor
    labels_test: Tensor
    source: dict[str, Any]


def draw_rows(
    data: Data,
    *,
    samples: int | None,
    test_samples: int | None,
    seed: int,
    normalize: bool,
    classes: Sequence[int] | None = None,
) -> DrawnRows:
    """The rows of `split`, centred and scaled by the statistics of the whole train part if `normalize`.

    Statistics of the whole train part, not of the `samples` drawn from it, so that one row is one input
    at every sample size.

    >>> from tangentlab.data import load
    >>> rows = draw_rows(load("digits"), samples=100, test_samples=50, seed=0, normalize=False)
    >>> rows.x_train.shape, rows.labels_test.shape
    (torch.Size([100, 1, 8, 8]), torch.Size([50]))
    """
    drawn = split(data, samples=samples, test_samples=test_samples, seed=seed, classes=classes)
    x_train, x_test = data.x[drawn.train], data.x[drawn.test]
    if normalize:
        normalization = data.normalization(drawn.pool)
        x_train, x_test = normalization(x_train), normalization(x_test)
    source = {
        "data": data.identity,
        "samples": len(drawn.train),
        "test_samples": len(drawn.test),
        "seed": seed,
        "normalize": normalize,
    }
    return DrawnRows(
        x_train=x_train,
        labels_train=data.y[drawn.train],
        x_test=x_test,
        labels_test=data.y[drawn.test],
        source=source,
    )
