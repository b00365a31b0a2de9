"""The jackknife: how far a number computed from n rows would move with other rows, from leaving out each row in turn.

With t the number from all rows, t_i without row i and m their mean (Quenouille 1949, Tukey 1958)

    standard error   √((n − 1)/n Σ (t_i − m)²)
    bias             (n − 1)(m − t)               zero for means and U-statistics, about −E t/n for a plug-in
    interval         t ± q · standard error       q of Student's distribution with n − 1 degrees of freedom

It is over rows drawn independently, for the network as it stands: another initialization is another network. It is
right for smooth functions of means over rows and pairs of rows; its variance is too large rather than too small (Efron
and Stein 1981). Of a few dozen rows such sums are skewed, and an interval misses more often than its level says.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.special import stdtrit
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab.linalg.frobenius_norm import frobenius_norm

_FEWEST = 3
"""Of two rows one is left, on which a share of the trace is 1 and a distance 0, whatever the rows: nothing moves."""


@dataclass(frozen=True)
class Jackknife:
    """A `value` with its `standard_error`, its estimated `bias`, and an interval from `low` to `high`.

    >>> found = jackknife(2.0, torch.tensor([2.5, 2.0, 1.5]))
    >>> round(found.standard_error, 6), found.bias
    (0.57735, 0.0)
    """

    value: float
    standard_error: float
    bias: float
    low: float
    high: float
    level: float

    @property
    def corrected(self) -> float:
        """The value less its bias.

        >>> Jackknife(2.0, 0.1, 0.5, 1.8, 2.2, 0.95).corrected
        1.5
        """
        return self.value - self.bias


def jackknife(value: float, leave_one_out: Tensor, *, level: float = 0.95) -> Jackknife:
    """The jackknife of a number `value` of n rows, from that number without each of them (n,); nan for two rows.

    For a mean it is the textbook standard error:

    >>> x = torch.tensor([1.0, 2.0, 3.0, 6.0], dtype=torch.float64)
    >>> found = jackknife(float(x.mean()), (x.sum() - x) / 3)
    >>> abs(found.standard_error - float(x.std()) / 2) < 1e-12
    True
    """
    if not 0 < level < 1:
        raise ArgumentError("level", expected="between 0 and 1", got=level, remedy="Try level=0.95.")
    each = leave_one_out.double()
    n = len(each)
    if n < _FEWEST or not bool(torch.isfinite(each).all()):
        nan = float("nan")
        return Jackknife(value, nan, nan, nan, nan, level)
    mean = each.mean()
    error = ((n - 1) / n) ** 0.5 * frobenius_norm(each - mean)
    reach = float(stdtrit(n - 1, 0.5 + level / 2)) * error
    return Jackknife(value, error, float((n - 1) * (mean - value)), value - reach, value + reach, level)
