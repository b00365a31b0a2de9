"""What a kernel says of tasks before anything is learnt: alignments, norm, and the share in its first eigenvectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tangentlab.experiments.learning.targets import codes
from tangentlab.experiments.study_parts.anchored_pool import AnchoredPool
from tangentlab.linalg import eigenpairs, solve_positive
from tangentlab.probes.alignment import alignments
from tangentlab.probes.gradient_alignment import jackknives
from tangentlab.tasks import Task

MOST_SOLVED = 10_000
"""Train rows up to which yᵀK⁻¹y is computed."""


def told_by_kernel(anchor: AnchoredPool, tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """For each task of ±1 codes y on the anchor's train rows: `alignment`, `norm`, `lower_bound` and `normalized`.

    `alignment` holds the five of `probes.alignment`, with `unbiased_error`, the jackknife's standard error over rows of
    the U-statistic. The other three are those of `probes.complexity`; `norm` and `normalized` are None above
    `MOST_SOLVED` rows. One factorization for all tasks.
    """
    K, Y = anchor.K.double(), _codes(tasks).to(anchor.K.device)
    n, rounding = anchor.n, torch.finfo(anchor.gram.values.dtype).eps
    diagonal, ones = K.diagonal(), torch.ones_like(K.diagonal())
    norms: list[float | None] = [None] * len(tasks)
    if n <= MOST_SOLVED:
        norms = (Y * solve_positive(K, Y, rounding=rounding).value).sum(0).tolist()
    found, read = [], alignments(K, list(Y.T), rounding=rounding)
    for each, shares, norm in zip(read, (Y * (K @ Y)).T, norms):
        over_rows = jackknives(shares, diagonal, diagonal, ones)
        aligned = {**vars(each)}
        aligned["unbiased_error"] = over_rows["unbiased"].standard_error
        found.append(
            {
                "alignment": aligned,
                "norm": norm,
                "lower_bound": n**2 / float(shares.sum()),
                "normalized": None if norm is None else norm * float(diagonal.sum()) / n**2,
            }
        )
    return found


def energies(K: Tensor, tasks: Sequence[Task], *, top: int) -> list[float]:
    """The share of each task's ±1 codes in the first `top` eigenvectors of K (n, n), decomposed once.

    >>> x, labels = torch.eye(2), torch.tensor([1, 0])
    >>> task = Task.from_labels(
    ...     name="t", x_train=x, labels_train=labels, x_test=x, labels_test=labels, classes=("0", "1"), identity={}
    ... )
    >>> [round(share, 9) for share in energies(torch.diag(torch.tensor([2.0, 1.0])), [task], top=1)]
    [0.5]
    """
    V = eigenpairs(K.double(), min(top, len(K))).vectors
    Y = _codes(tasks).to(V)
    return ((V.mT @ Y).square().sum(0) / len(K)).tolist()


def _codes(tasks: Sequence[Task]) -> Tensor:
    """A column of ±1 for each task, (n, tasks)."""
    return torch.cat([codes(task.y_train) for task in tasks], dim=1)
