"""A diagnosis: what a network's kernel said before training, what training did to it, and a verdict in words.

Lazy or rich is read from two numbers. The kernel's turn is the kernel distance between start and end, 0 for a kernel
that kept its direction. The function gap is how far the trained network ended from its trained linearization, on test
rows, as a share of how far it went from its start: 0 where the linearization tells all.

    lazy    turn ≤ 0.05 and gap ≤ 0.2          rich    turn ≥ 0.2 or gap ≥ 0.5          else in between

These borders are conventions; the numbers stand beside the verdict.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tangentlab._atomic import make_folder, write_atomically
from tangentlab.experiments.prediction.prediction import Prediction
from tangentlab.report import render_diagnosis_page
from tangentlab.report.wording import percent_range, signed_points

LAZY_TURN, LAZY_GAP = 0.05, 0.2
RICH_TURN, RICH_GAP = 0.2, 0.5
_NORMAL = 1.96

_REGIMES = {
    "lazy": "stays lazy",
    "in between": "is between lazy and rich",
    "rich": "learns features",
}


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What `diagnose` found: the `prediction` made before training and the `readings` of the run, plain values.

    `readings` has `anchors` (init, end: spectrum, target energy, five alignments, complexity, trace, effective rank,
    stable rate), `learners` (network, linearization: loss and error on train and test rows; of values the error is the
    share of variance left), their `difference`, `kernel_distance`, `relative_distance`, `function_gap`, `history`.
    """

    network: str
    task: str
    prediction: Prediction
    readings: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def regime(self) -> str:
        """ "lazy", "rich" or "in between" (see the module)."""
        turn, gap = self.readings["kernel_distance"], self.readings["function_gap"]
        if turn <= LAZY_TURN and gap <= LAZY_GAP:
            return "lazy"
        return "rich" if turn >= RICH_TURN or gap >= RICH_GAP else "in between"

    @property
    def outcome(self) -> str:
        """The network is "ahead" of its linearization on test rows, "behind" it, or the rows "cannot tell"."""
        low, high = self._bounds()
        return "ahead" if high < 0 else "behind" if low > 0 else "cannot tell"

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        errors = [100 * self._error(who, "test") for who in ("network", "linearization")]
        ends = {
            "ahead": "and that pays",
            "behind": "and that costs",
            "cannot tell": "which makes no difference that these test rows can tell",
        }
        if self.regime == "lazy":
            ends |= {
                "ahead": "and is still a little ahead of its linearization",
                "behind": "and is a little behind it",
            }
        what = "test error" if self.prediction.error is not None else "unexplained variance"
        return (
            f"{self.network} {_REGIMES[self.regime]} on {self.task}, {ends[self.outcome]}: {what} {errors[0]:.1f}%, "
            f"its linearization {errors[1]:.1f}%."
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the verdict rests on."""
        read, low_high = self.readings, self._bounds()
        start, end = read["anchors"]["init"], read["anchors"]["end"]
        grown = end["alignment"]["trace_normalized"] / start["alignment"]["trace_normalized"]
        told = [
            f"Training turned the kernel by {read['kernel_distance']:.3f} (0: not at all, 1: as far as kernels can) "
            f"and moved the weights by {100 * read['relative_distance']:.0f}% of their norm; on test rows the network "
            f"ended apart from its linearization by {100 * read['function_gap']:.0f}% of the way it went.",
            f"Network minus linearization, same descent and batches: {signed_points(self.difference)} points of test "
            f"error ({signed_points(low_high[0])} to {signed_points(low_high[1])} over test rows, one run).",
            f"The share of the kernel's trace along the targets went from {_share(start)} to {_share(end)}, "
            f"{grown:.1f}-fold; its trace grew {end['trace'] / start['trace']:.1f}-fold.",
            _foretold(self),
        ]
        if self._error("network", "train") < 0.01 <= self._error("network", "test"):
            told.append("The network fits its training rows: what is wrong on test rows is overfit.")
        return (*told, *self.warnings)

    @property
    def difference(self) -> float:
        """Test error of the network minus that of its linearization."""
        return self.readings["difference"]["value"]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "network": self.network,
            "task": self.task,
            "headline": self.headline,
            "sentences": list(self.sentences),
            "regime": self.regime,
            "outcome": self.outcome,
            "readings": self.readings,
            "prediction": self.prediction.to_dict(),
            "warnings": list(self.warnings),
        }

    def report(self, path: str | Path, *, command: str = "") -> Path:
        """Write the diagnosis as one self-contained page and return its path."""
        path = Path(path)
        make_folder(path.parent)
        page = render_diagnosis_page(self.to_dict(), command=command)
        write_atomically(path, page.encode("utf-8", "replace"))
        return path

    def __str__(self) -> str:
        return "\n".join([self.headline, *self.sentences])

    def __repr__(self) -> str:
        return f"Diagnosis: {self.headline}"

    def _repr_html_(self) -> str:
        """A notebook's view: the verdict and what it rests on, escaped."""
        rest = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.sentences)
        return f"<div><p><b>{html.escape(self.headline)}</b></p><ul>{rest}</ul></div>"

    def _error(self, who: str, part: str) -> float:
        return self.readings["learners"][who][f"{part}_error"]

    def _bounds(self) -> tuple[float, float]:
        half = _NORMAL * self.readings["difference"]["standard_error"]
        return self.difference - half, self.difference + half


def _share(anchor: dict[str, Any]) -> str:
    return f"{100 * anchor['alignment']['trace_normalized']:.2g}%"


def _foretold(found: Diagnosis) -> str:
    prediction = found.prediction
    value, low, high = prediction.curve.at(-1)
    scale = 1.0 if prediction.error is not None else 1 / prediction.constant_mse
    reached = found.readings["learners"]["linearization"]["test_error"]
    inside = scale * low <= reached <= scale * high
    where = "inside" if inside else "outside"
    return (
        f"Foretold before training for kernel regression: {100 * scale * value:.1f}% "
        f"({percent_range(scale * low, scale * high)}); the linearization, trained by the descent, came out {where} of "
        f"that with {100 * reached:.1f}%."
    )
