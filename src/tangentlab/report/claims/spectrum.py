"""Claim of the spectrum: the eigenvalues of the initial kernel fall as a power of their index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import by_network, over_seeds, reading, weakest

FIRST = 5


def decay_exponent(values: Sequence[float], *, rows: int) -> float | None:
    """−slope of log λ_j on log j over j = 5 … min(N, rows/2): past those that carry the mean, before the sample's end.

    >>> decay_exponent([j**-1.5 for j in range(1, 100)], rows=200)
    1.5
    """
    last = min(len(values), rows // 2)
    ranks = np.arange(FIRST, last + 1)
    kept = np.asarray(values[FIRST - 1 : last], dtype=float)
    ranks, kept = ranks[kept > 0], kept[kept > 0]
    if len(ranks) < 10:
        return None
    return float(np.round(-np.polyfit(np.log(ranks), np.log(kept), 1)[0], 12))


def _exponent(records: Sequence[Record]) -> Statistic | None:
    found = {
        network: over_seeds(
            seeds, lambda held: decay_exponent(reading(held[0], "eigenvalues"), rows=reading(held[0], "rows"))
        )
        for network, seeds in by_network(records).items()
    }
    return weakest(found, above=True, words="the network whose eigenvalues fall most slowly")


CLAIMS = (
    Claim(
        id="A1",
        statement="The eigenvalues of the kernel at initialization fall as a power of their index.",
        source="Ortiz-Jimenez et al. 2021, spectrum of the initial kernel",
        study="spectrum",
        measured="exponent of the decay from index 5 to half of the rows, mean over seeds",
        threshold=0.5,
        above=True,
        statistic=_exponent,
    ),
)
