"""All claims, in the order in which they are listed."""

from __future__ import annotations

import re

from tangentlab.report.claims import (
    calibration,
    complexity,
    data_scaling,
    directions,
    eigenfunctions,
    exact,
    freeze,
    kernel_through_time,
    pretrained_kernel,
    risk,
    rotation,
    sample_complexity,
    spectrum,
    three_parity,
    training_choices,
    width_scaling,
)
from tangentlab.report.claims.claim import Claim


def _place(claim: Claim) -> tuple[int, int]:
    """The papers' claims first, CA1 to CA9 and CB1 to CB6, then all others as they stand."""
    numbered = re.fullmatch(r"C([AB])(\d+).*", claim.id)
    return (2, 0) if numbered is None else ("AB".index(numbered[1]), int(numbered[2]))


CLAIMS: tuple[Claim, ...] = tuple(
    sorted(
        (
            *eigenfunctions.CLAIMS,
            *sample_complexity.CLAIMS,
            *complexity.CLAIMS,
            *directions.CLAIMS,
            *rotation.CLAIMS,
            *pretrained_kernel.CLAIMS,
            *exact.CLAIMS,
            *spectrum.CLAIMS,
            *data_scaling.CLAIMS,
            *training_choices.CLAIMS,
            *width_scaling.CLAIMS,
            *kernel_through_time.CLAIMS,
            *three_parity.CLAIMS,
            *freeze.CLAIMS,
            *risk.CLAIMS,
            *calibration.CLAIMS,
        ),
        key=_place,
    )
)
