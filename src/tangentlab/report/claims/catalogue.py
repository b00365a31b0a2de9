"""All claims, in the order in which they are listed."""

from __future__ import annotations

from tangentlab.report.claims import (
    calibration,
    complexity,
    data_scaling,
    directions,
    eigenfunctions,
    exact,
    pretrained_kernel,
    risk,
    rotation,
    sample_complexity,
    spectrum,
    three_parity,
)
from tangentlab.report.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = (
    *eigenfunctions.CLAIMS,
    *complexity.CLAIMS,
    *sample_complexity.CLAIMS,
    *directions.CLAIMS,
    *rotation.CLAIMS,
    *pretrained_kernel.CLAIMS,
    *exact.CLAIMS,
    *spectrum.CLAIMS,
    *data_scaling.CLAIMS,
    *three_parity.CLAIMS,
    *risk.CLAIMS,
    *calibration.CLAIMS,
)
