"""The studies that can be run by name."""

from __future__ import annotations

from tangentlab.experiments.studies import (
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
from tangentlab.experiments.study import Study

STUDIES: dict[str, Study] = {
    "pretrained-kernel": Study.read(
        "pretrained-kernel",
        units=pretrained_kernel.units,
        measure=pretrained_kernel.measure,
        work=pretrained_kernel.work,
    ),
    "rotation": Study.read("rotation", units=rotation.units, measure=rotation.measure, work=rotation.work),
    "complexity": Study.read(
        "complexity", units=complexity.units, measure=complexity.measure, work=complexity.work
    ),
    "sample-complexity": Study.read(
        "sample-complexity",
        units=sample_complexity.units,
        measure=sample_complexity.measure,
        work=sample_complexity.work,
    ),
    "directions": Study.read(
        "directions", units=directions.units, measure=directions.measure, work=directions.work
    ),
    "risk": Study.read("risk", units=risk.units, measure=risk.measure, work=risk.work),
    "calibration": Study.read(
        "calibration", units=calibration.units, measure=calibration.measure, work=calibration.work
    ),
    "eigenfunctions": Study.read(
        "eigenfunctions", units=eigenfunctions.units, measure=eigenfunctions.measure, work=eigenfunctions.work
    ),
    "exact": Study.read("exact", units=exact.units, measure=exact.measure, work=exact.work),
    "spectrum": Study.read("spectrum", units=spectrum.units, measure=spectrum.measure, work=spectrum.work),
    "data-scaling": Study.read(
        "data-scaling", units=data_scaling.units, measure=data_scaling.measure, work=data_scaling.work
    ),
    "kernel-through-time": Study.read(
        "kernel-through-time",
        units=kernel_through_time.units,
        measure=kernel_through_time.measure,
        work=kernel_through_time.work,
    ),
    "three-parity": Study.read(
        "three-parity", units=three_parity.units, measure=three_parity.measure, work=three_parity.work
    ),
    "width-scaling": Study.read(
        "width-scaling", units=width_scaling.units, measure=width_scaling.measure, work=width_scaling.work
    ),
    "training-choices": Study.read(
        "training-choices",
        units=training_choices.units,
        measure=training_choices.measure,
        work=training_choices.work,
    ),
    "freeze": Study.read("freeze", units=freeze.units, measure=freeze.measure, work=freeze.work),
}
"""Name to study; its words and scales are in the TOML file of the same name."""
