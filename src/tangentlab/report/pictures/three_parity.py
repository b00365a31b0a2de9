"""Learning curves of three-parity."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.error_curves import CHOSEN, RIDGELESS
from tangentlab.report.figure import Figure
from tangentlab.report.pictures.contest import learning_curves


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Test errors of all learners against training rows, kernels near-ridgeless first.

    >>> [figure.key for figure in pictures([])]
    ['three-parity', 'three-parity-chosen']
    """
    return learning_curves(
        records,
        key="three-parity",
        title="Three-parity: the network against the kernels of its path",
        rules=(RIDGELESS, CHOSEN),
        log=False,
    )
