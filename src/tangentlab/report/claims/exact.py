"""Claim of the exact facts: two ways to the same number agree to rounding."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import reading

FACTS = {
    "primal_dual": "a linearization trained, and descent in function space",
    "one_backward": "alignment by one backward pass, and yᵀKy",
    "lemma": "yᵀK⁻¹y, and its bound ‖y‖⁴ / yᵀKy",
    "slope_mse": "first slope of the squared loss, and −α",
    "slope_bce": "first slope of the logistic loss, and −α/4",
}
"""Fact to what is set side by side."""


def _worst(records: Sequence[Record]) -> Statistic | None:
    found = [
        (value, f"{FACTS.get(fact, fact)} ({record.spec.get('network')})")
        for record in records
        for fact, value in (reading(record, "violations") or {}).items()
    ]
    if not found:
        return None
    value, words = max(found)
    return Statistic.exact(value, n=len(found), words=words)


CLAIMS = (
    Claim(
        id="CA9",
        statement="Training a linearization is descent in function space, one backward pass gives the alignment, "
        "yᵀK⁻¹y ≥ ‖y‖⁴ / yᵀKy, and the loss starts to fall at the rate of the alignment.",
        source="Ortiz-Jimenez et al. 2021, definitions and Lemma 1",
        study="exact",
        measured="largest relative difference between two ways to the same number",
        threshold=1e-4,
        above=False,
        statistic=_worst,
    ),
)
