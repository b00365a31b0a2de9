"""A unit of work, as runners see it: a cell of a comparison or a unit of a study.

Idempotent and under a fingerprint: done when its record exists under that name. `kind` is that of its record,
`threads` those it computes with; units of one `group` cost in proportion to their `weight`.
"""

from __future__ import annotations

from tangentlab.experiments.comparison.cell import Cell
from tangentlab.experiments.study.unit import StudyUnit

Unit = Cell | StudyUnit
