"""‖E g‖² from independent draws of a vector g, without the bias of the squared mean, and with its error.

Formula   Σ_{s≠t} ⟨g_s, g_t⟩ / (m (m − 1)), a U-statistic; ‖mean‖² would be too large by tr Cov(g) / m
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from tangentlab.probes.jackknife import Jackknife, jackknife


def squared_mean(vectors: Iterable[Tensor], *, level: float = 0.95) -> Jackknife:
    """The squared length of the mean of m vectors (p,), unbiased, with a jackknife over them. Memory m p numbers.

    >>> found = squared_mean(torch.tensor([[3.0, 1.0], [3.0, -1.0], [3.0, 0.0]]))
    >>> round(found.value, 6)                                        # the mean is (3, 0)
    8.666667
    """
    rows = torch.stack(list(vectors))
    m, total = len(rows), rows.sum(0, dtype=torch.float64)
    squares = torch.stack([row.double().square().sum() for row in rows])
    with_sum = torch.stack([row.double() @ total for row in rows])
    off = total.square().sum() - squares.sum()
    without = (off - 2 * with_sum + 2 * squares) / ((m - 1) * (m - 2)) if m > 2 else squares * float("nan")
    return jackknife(float(off) / (m * (m - 1)), without, level=level)
