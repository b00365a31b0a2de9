"""Which pictures each study has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.figure import Figure
from tangentlab.report.pictures import (
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
from tangentlab.report.template import Image

Records = Sequence[Record]

PICTURES: dict[str, Callable[[Records], tuple[Figure, ...]]] = {
    "complexity": complexity.pictures,
    "sample-complexity": sample_complexity.pictures,
    "directions": directions.pictures,
    "risk": risk.pictures,
    "calibration": calibration.pictures,
    "eigenfunctions": eigenfunctions.pictures,
    "exact": exact.pictures,
    "pretrained-kernel": pretrained_kernel.pictures,
    "rotation": rotation.pictures,
    "spectrum": spectrum.pictures,
    "data-scaling": data_scaling.pictures,
    "kernel-through-time": kernel_through_time.pictures,
    "three-parity": three_parity.pictures,
    "width-scaling": width_scaling.pictures,
    "training-choices": training_choices.pictures,
    "freeze": freeze.pictures,
}
"""Study to its figures of lines and points; the first stands beside the verdict."""

IMAGES: dict[str, Callable[[Records], tuple[Image, ...]]] = {
    "directions": directions.images,
    "rotation": rotation.images,
}
"""Study to its pictures of other kinds: directions, heat maps."""


def pictures_of(spec: Mapping[str, Any], records: Records) -> tuple[Figure, ...]:
    """The figures of a study's records that are done; none for what is not a study.

    >>> pictures_of({}, [])
    ()
    """
    draw = PICTURES.get(str(spec.get("study")))
    return draw([record for record in records if record.done]) if draw else ()


def images_of(spec: Mapping[str, Any], records: Records) -> tuple[Image, ...]:
    """The images of a study's records that are done.

    >>> images_of({"study": "spectrum"}, [])
    ()
    """
    draw = IMAGES.get(str(spec.get("study")))
    return draw([record for record in records if record.done]) if draw else ()
