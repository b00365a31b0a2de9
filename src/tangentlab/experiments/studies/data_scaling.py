"""Data scaling (experiments B1, B4, B5): test error against training rows, for a network and the kernels of its path.

The network; kernel regression with its kernel at the start, with that of infinite width, with that after training on
the same rows, and with that after training on a constant number of them. Exponents are fitted by `report.power_law`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tangentlab.experiments.findings import Findings
from tangentlab.experiments.sources import Sources
from tangentlab.experiments.studies.contestants import contest_of, contest_work
from tangentlab.experiments.studies.places import each
from tangentlab.experiments.studies.two_classes import two_class_task
from tangentlab.experiments.study import Settings
from tangentlab.experiments.study_unit import StudyUnit

work = contest_work


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each seed, network and task; it has all numbers of rows, whose kernels are one."""
    return each(settings, ["seeds", "networks", "tasks"])


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Errors of every learner on each number of rows."""
    return contest_of(unit, sources, two_class_task(unit, sources, samples=max(unit["samples"])))
