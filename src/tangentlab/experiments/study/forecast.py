"""How long a study will take, from a few measured seconds, before it starts.

Steps of descent and kernels are measured on the study's own networks and rows (kernels by their planner), dense
algebra on matrices of two sizes; counts of a unit's work scale them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.machine.compute_device import present_device
from tangentlab.experiments.machine.share import limited_threads
from tangentlab.experiments.study.network_rates import NetworkRates
from tangentlab.experiments.study.rates import Algebra
from tangentlab.experiments.study.study import DEVICE, Study
from tangentlab.experiments.study.unit import StudyUnit


@dataclass(frozen=True)
class StudyForecast:
    """Seconds of all units together on one worker, and those of the longest unit."""

    units: int
    seconds: float
    longest: float
    known: bool
    """Whether the study says what its units compute."""

    def elapsed(self, *, jobs: int) -> float:
        """Wall seconds on so many workers; never less than the longest unit.

        >>> StudyForecast(units=4, seconds=100.0, longest=40.0, known=True).elapsed(jobs=4)
        40.0
        """
        return max(self.seconds / max(1, min(jobs, self.units)), self.longest)


def forecast_study(study: Study, units: tuple[StudyUnit, ...], sources: Sources) -> StudyForecast:
    """Measure each network of the units and the machine, and scale what was measured to all units.

    >>> from tangentlab.experiments.studies import STUDIES
    >>> forecast_study(STUDIES["spectrum"], (), Sources("digits")).seconds
    0.0
    """
    if study.work is None or not units:
        return StudyForecast(len(units), 0.0, 0.0, known=study.work is not None)
    with limited_threads(units[0].threads):
        algebra = Algebra.measured(present_device(units[0].settings.get("device") or DEVICE))
        measured: dict[object, NetworkRates] = {}
        found = []
        for unit in units:
            work = study.work(unit.settings)
            alike = unit.group, work.shape, work.double
            if alike not in measured or not measured[alike].covers(work):
                measured[alike] = NetworkRates.measured(unit, sources, work)
            found.append(measured[alike].seconds(work, algebra) + algebra.seconds(work))
    return StudyForecast(len(units), sum(found), max(found), known=True)
