"""Temperature: one number that turns the outputs of a regression on class codes into probabilities."""

from __future__ import annotations

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_finite

RANGE = (1e-2, 1e2)
"""Where the inverse temperature is looked for."""


def inverse_temperature(f: Tensor, labels: Tensor) -> float:
    """The s in [0.01, 100] that makes softmax(s f) likeliest for the labels; f (n, c), c ≥ 2, labels (n,).

    Outputs should be those of rows left out of the fit, for otherwise s measures memory. A row's own class counts
    (n_k + 1) / (n_k + 2), n_k the rows of that class, and the others share the rest: Platt's 1999 remedy against
    certainty when all rows are right. Guo et al. 2017 call 1/s the temperature. The likelihood is concave in s;
    costs O(n c) a trial, some twenty trials.

    >>> f = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat(50, 1)
    >>> s = inverse_temperature(f, torch.tensor([0, 1]).repeat(50))
    >>> round(s, 3), round(math.log(51), 3)  # 51 to 1 is what the smoothed rows say
    (3.932, 3.932)
    """
    if f.ndim != 2 or f.shape[1] < 2 or labels.shape != f.shape[:1] or len(f) == 0:
        raise ArgumentError(
            "f",
            expected="outputs (n, c) of two classes or more, with n labels",
            got=f"{tuple(f.shape)} with labels {tuple(labels.shape)}",
            remedy="Write one output as two columns, 0 and f.",
        )
    expect_finite("f", f)
    f, labels = f.double(), labels.long()
    counts = torch.bincount(labels, minlength=f.shape[1]).to(f)
    own = ((counts + 1) / (counts + 2))[labels]
    targets = ((1 - own) / (f.shape[1] - 1))[:, None].repeat(1, f.shape[1])
    targets[torch.arange(len(f), device=f.device), labels] = own

    def unlikeliness(log_s: float) -> float:
        return -(targets * (math.exp(log_s) * f).log_softmax(1)).sum(1).mean().item()

    low, high = RANGE
    found = minimize_scalar(unlikeliness, bounds=(math.log(low), math.log(high)), method="bounded")
    return math.exp(found.x)  # pyright: ignore[reportAttributeAccessIssue]
