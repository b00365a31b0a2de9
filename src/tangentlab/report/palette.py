"""One colour, dash and marker for each learner, the same in every figure; light and dark; safe for colour-blind eyes.

Linearizations are blue and kernel regressions green; what is anchored at the initialization is drawn solid and full,
what is anchored at the trained weights dashed and hollow, so that no two differ by colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stroke:
    """How a role is drawn: colours on light and dark ground, line width, dash and marker (plotly's names).

    >>> STROKES["network"].width > STROKES["linear-init"].width
    True
    """

    light: str
    dark: str
    width: float = 1.8
    dash: str = "solid"
    marker: str = "circle"


STROKES = {
    "network": Stroke("#c8440b", "#ff8f5a", width=3.0),
    "linear-init": Stroke("#1f66ad", "#6db3f2", marker="square"),
    "linear-end": Stroke("#4f9bd9", "#a8d2f8", dash="dash", marker="square-open"),
    "ridge-init": Stroke("#0d7a5f", "#3fc79a", marker="diamond"),
    "ridge-end": Stroke("#43ad8d", "#93e2c6", dash="dash", marker="diamond-open"),
    "ridge-constant": Stroke("#6d7a1e", "#c3d15e", dash="dashdot", marker="triangle-up-open"),
    "infinite": Stroke("#6b4fa0", "#b9a2ea", dash="dot", marker="triangle-up"),
    "init": Stroke("#1f66ad", "#6db3f2", marker="square"),
    "end": Stroke("#c8440b", "#ff8f5a", dash="dash", marker="circle-open"),
    "subject-1": Stroke("#6b4fa0", "#b9a2ea", width=2.2),
    "subject-2": Stroke("#a8741a", "#e0b15c", width=2.2, dash="dash", marker="square"),
    "subject-3": Stroke("#1d7280", "#74c5d4", width=2.2, dash="dot", marker="diamond"),
    "subject-4": Stroke("#8f3a5f", "#dd8fb2", width=2.2, dash="dashdot", marker="triangle-up"),
    "undecided": Stroke("#8a8f98", "#7d838d", marker="circle-open"),
    "ink-1": Stroke("#1c2026", "#eceef1", marker="circle"),
    "ink-2": Stroke("#59616c", "#b4bac3", marker="square", dash="dash"),
    "ink-3": Stroke("#8a8f98", "#8b919b", marker="diamond", dash="dot"),
    "ink-4": Stroke("#1c2026", "#eceef1", marker="triangle-up-open", dash="dashdot"),
    "ink-5": Stroke("#59616c", "#b4bac3", marker="circle-open"),
    "ink-6": Stroke("#8a8f98", "#8b919b", marker="square-open", dash="dash"),
}
SURFACE = {
    "light": {"ink": "#1c2026", "muted": "#5d6570", "rule": "#dfe2e6", "zero": "#8a8f98", "ground": "#ffffff"},
    "dark": {"ink": "#eceef1", "muted": "#a2a9b3", "rule": "#31363e", "zero": "#7d838d", "ground": "#15181c"},
}


def stroke(role: str) -> Stroke:
    """The stroke of a role; a learner that no table knows is drawn in ink.

    >>> stroke("linear-end").dash, stroke("somebody's own learner").light
    ('dash', '#1c2026')
    """
    return STROKES.get(role, STROKES["ink-1"])
