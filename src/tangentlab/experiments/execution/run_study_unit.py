"""One unit of a study, run; what Python warned of is kept among its readings."""

from __future__ import annotations

import time
import warnings

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Findings
from tangentlab.experiments.studies import STUDIES
from tangentlab.experiments.study.unit import StudyUnit


def run_study_unit(unit: StudyUnit, sources: Sources) -> Findings:
    """The findings of a unit, its warnings and its total time among them; errors are raised.

    A reading depends on the settings of the unit alone: wall times are kept apart, and every draw has its own seed.
    """
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = STUDIES[unit.study].measure(unit, sources)
    heard = [
        f"{w.category.__name__}: {w.message}" for w in caught if not issubclass(w.category, DeprecationWarning)
    ]
    told = [*found.readings.get("warnings", []), *dict.fromkeys(heard)]
    timings = found.timings | {"total": time.perf_counter() - start}
    return Findings(found.readings | {"warnings": told}, timings, found.arrays)
