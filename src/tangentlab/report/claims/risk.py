"""Claims of risk before it is measured: cross-validation and learning curves against held-out rows."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import by_network, over_seeds, reading, weakest

_SOURCE = "Wei, Hu and Steinhardt 2022, generalized cross-validation of the empirical NTK"


def largest_difference(foretold: Sequence[float], measured: Sequence[float]) -> float:
    """The largest |foretold / measured − 1|.

    >>> largest_difference([1.0, 2.2], [1.0, 2.0])
    0.1
    """
    return round(max(abs(f / m - 1) for f, m in zip(foretold, measured)), 12)


def _difference(records: Sequence[Record], part: str, foretold: str, measured: str) -> Statistic | None:
    def of_seed(held: Sequence[Record]) -> float | None:
        values = reading(held[0], part)
        return largest_difference(values[foretold], values[measured]) if values and values[measured] else None

    found = {network: over_seeds(seeds, of_seed) for network, seeds in by_network(records).items()}
    return weakest(found, above=False, words="the network where it is worst")


CLAIMS = (
    Claim(
        id="gcv",
        statement="Generalized cross-validation tells the test error of regression with the initial kernel.",
        source=_SOURCE,
        study="risk",
        measured="largest relative difference over a grid of ridges",
        threshold=0.2,
        above=False,
        statistic=lambda records: _difference(records, "ridges", "gcv", "test_mse"),
    ),
    Claim(
        id="learning-curve",
        statement="The spectrum of one Gram tells the learning curve of regression with the initial kernel.",
        source="Simon et al. 2021, learnabilities",
        study="risk",
        measured="largest relative difference over sample sizes",
        threshold=0.2,
        above=False,
        statistic=lambda records: _difference(records, "curve", "predicted", "measured"),
    ),
)
