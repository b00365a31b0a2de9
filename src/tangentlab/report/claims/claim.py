"""A claim: what is stated, which number would show it, and the threshold fixed before looking."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tangentlab.records import Record
from tangentlab.report.intervals import Interval

HOLDS, FALLS, CANNOT_TELL = "holds", "falls", "cannot tell"


@dataclass(frozen=True)
class Statistic:
    """A number read from records, with the bounds of its interval where it has one, and words on what it is.

    `n` counts what the interval is over (seeds, rows, pairs). A number without an interval, from an exact fact, has
    equal bounds.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    words: str = ""

    @classmethod
    def of(cls, interval: Interval, *, words: str = "") -> Statistic:
        """The mean of an interval and its bounds.

        >>> from tangentlab.report.intervals import mean_interval
        >>> Statistic.of(mean_interval([1.0, 1.0, 1.0])).low
        1.0
        """
        return cls(interval.mean, interval.low, interval.high, interval.n, words)

    @classmethod
    def exact(cls, value: float, *, n: int, words: str = "") -> Statistic:
        """A number that no draw decides, such as the largest of `n` errors.

        >>> Statistic.exact(1e-9, n=3).high
        1e-09
        """
        return cls(value, value, value, n, words)


@dataclass(frozen=True)
class Claim:
    """A statement of a paper that records can decide.

    Parameters
    ----------
    id: "CA1" to "CA9" for the paper of linearizations, "CB1" to "CB6" for the one of scaling laws, others ours
    statement, source: what is claimed, and where
    study: whose records decide it
    measured: what the statistic is, in words
    threshold, above: the claim holds where the whole interval lies at or above the threshold (below, if not `above`)
    statistic: the number, from the finished records of one study on one data set; None where they do not tell
    """

    id: str
    statement: str
    source: str
    study: str
    measured: str
    threshold: float
    above: bool
    statistic: Callable[[Sequence[Record]], Statistic | None]

    def verdict(self, found: Statistic | None) -> str:
        """ "holds" or "falls" where the whole interval lies on that side of the threshold, else "cannot tell".

        >>> claim = Claim("X", "", "", "", "", 0.5, True, lambda records: None)
        >>> [claim.verdict(Statistic(m, m - 0.1, m + 0.1, 3)) for m in (0.7, 0.55, 0.3)], claim.verdict(None)
        (['holds', 'cannot tell', 'falls'], 'cannot tell')
        """
        if found is None or found.low is None or found.high is None:
            return CANNOT_TELL
        if any(math.isnan(number) for number in (found.value, found.low, found.high)):
            return CANNOT_TELL
        low, high = (found.low, found.high) if self.above else (-found.high, -found.low)
        threshold = self.threshold if self.above else -self.threshold
        return HOLDS if low >= threshold else FALLS if high < threshold else CANNOT_TELL
