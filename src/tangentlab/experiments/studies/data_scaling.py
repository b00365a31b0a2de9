"""Data scaling (experiments B1, B4, B5): test error against training rows, for a network and the kernels of its path.

The network; kernel regression with its kernel at the start, with that of infinite width, with that after training on
the same rows, and with that after training on a constant number of them. Exponents are fitted by `report.power_law`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Findings
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.contestants import contest_of, contest_work
from tangentlab.experiments.study_parts.places import each
from tangentlab.experiments.study_parts.two_classes import two_class_task

work = contest_work


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each seed, network and task; it has all numbers of rows, whose kernels are one."""
    return each(settings, ["seeds", "networks", "tasks"])


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Errors of every learner on each number of rows."""
    return contest_of(unit, sources, two_class_task(unit, sources, samples=max(unit["samples"])))
