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
from tangentlab.experiments.study.study import Study

_MODULES = {
    "exact": exact,
    "spectrum": spectrum,
    "eigenfunctions": eigenfunctions,
    "directions": directions,
    "sample-complexity": sample_complexity,
    "rotation": rotation,
    "pretrained-kernel": pretrained_kernel,
    "complexity": complexity,
    "risk": risk,
    "calibration": calibration,
    "data-scaling": data_scaling,
    "training-choices": training_choices,
    "width-scaling": width_scaling,
    "kernel-through-time": kernel_through_time,
    "three-parity": three_parity,
    "freeze": freeze,
}

STUDIES: dict[str, Study] = {
    name: Study.read(name, units=module.units, measure=module.measure, work=module.work)
    for name, module in _MODULES.items()
}
"""Name to study; its words and scales are in the TOML file of the same name."""
