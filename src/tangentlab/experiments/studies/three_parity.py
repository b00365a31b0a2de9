"""Three-parity (positive control): the sign of a product of three of thirty signs, by the network and its kernels.

A network that finds the three coordinates needs few rows; a kernel that treats all coordinates alike has some d³/6
functions of that degree to choose from. The kernel of the trained network has found them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tangentlab._errors import ArgumentError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Findings
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.contestants import contest_of, contest_work
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.tasks import parity


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each seed and network; the study makes its own rows and takes no data."""
    if settings["data"]:
        raise ArgumentError(
            "data",
            expected="left out, as three-parity makes its own rows",
            got=repr(settings["data"]),
            remedy="Give your own data to the study data-scaling.",
        )
    return each_network_and_seed(settings)


work = contest_work


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Errors of every learner on each number of rows."""
    task = parity(
        unit["degree"],
        dimension=unit["dimension"],
        samples=max(unit["samples"]),
        test_samples=unit["test_samples"],
        seed=unit["seed"],
    )
    return contest_of(unit, sources, task)
