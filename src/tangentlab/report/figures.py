"""All figures of a report, in the order in which they are shown."""

from __future__ import annotations

from tangentlab.report.comparison import Comparison
from tangentlab.report.comparison_figures import findings_figure, gap_figure, learning_curves
from tangentlab.report.figure import Figure
from tangentlab.report.kernel_figures import (
    alignment_figure,
    complexity_figure,
    distance_figure,
    history_figure,
    spectrum_figure,
)

FIGURES = {
    "findings": findings_figure,
    "learning-curves": learning_curves,
    "gap": gap_figure,
    "spectrum": spectrum_figure,
    "alignment": alignment_figure,
    "complexity": complexity_figure,
    "kernel-distance": distance_figure,
    "training-loss": history_figure,
}


def draw_figures(comparison: Comparison) -> tuple[Figure, ...]:
    """The figures of a comparison that have something to show.

    >>> draw_figures(Comparison.of([]))
    ()
    """
    return tuple(figure for draw in FIGURES.values() if (figure := draw(comparison)).drawn)
