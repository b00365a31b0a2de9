"""A prediction made before training: what the linearization of a network will reach on a task, in numbers and words."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tangentlab._atomic import make_folder, write_atomically
from tangentlab.experiments.prediction.calibration import Calibration
from tangentlab.report import render_prediction_page
from tangentlab.report.wording import count, percent_range, significant

UNCALIBRATED = (
    "How far such predictions hold for trained networks is not calibrated here: run `tangentlab run calibration`."
)


@dataclass(frozen=True, eq=False)
class Band:
    """A curve (s,) and its 95 % band, over the rows it was computed from and, where there are several, initializations.

    >>> Band(np.array([0.2]), np.array([0.1]), np.array([0.3])).at(-1)
    (0.2, 0.1, 0.3)
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def at(self, place: int) -> tuple[float, float, float]:
        """Value, low and high at one size."""
        return float(self.value[place]), float(self.low[place]), float(self.high[place])


@dataclass(frozen=True, eq=False)
class Prediction:
    """What `predict` found; nothing was trained for it.

    `samples` (s,) are training sizes, `mse` the expected squared error of the linearization on new rows (of codes ±1 or
    centred one-hot rows, or of the values), `error` the share of wrong decisions (None for values), each with a band;
    `spectrum_mse` (s,) is the same squared error by `predict_risk`, from eigenvalues alone. `gcv` (k,) is generalized
    cross-validation on all rows at the ridges `ridge_shares` of the kernel's mean diagonal. `constant_error` and
    `constant_mse` are those of the best constant. `steps` is about how many steps at nine tenths of the
    `stable_learning_rate` take away nine tenths of the initial squared error on the training rows.

    `informed` is False where the kernel is constant on the rows at some initialization, and its error chance there.

    `draws` (d, s) are curves such as other rows and weights would give, the same draws for predictions on as many rows
    with one seed: `rank_predictions` compares them one by one.
    """

    network: str
    task: str
    goal: str
    classes: tuple[str, ...]
    loss: str
    rows: int
    seeds: tuple[int, ...]
    ridge: float | str
    samples: np.ndarray
    mse: Band
    error: Band | None
    spectrum_mse: np.ndarray
    ridges: np.ndarray
    constant_mse: float
    constant_error: float | None
    ridge_shares: np.ndarray
    gcv: np.ndarray
    momentum: float
    stable_learning_rate: float
    steps: float
    trace: float
    effective_rank: float
    alignment: float
    complexity: float
    kernel: str
    outputs: int
    draws: np.ndarray = field(repr=False)
    calibration: Calibration | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()
    informed: bool = True

    @property
    def curve(self) -> Band:
        """What is foretold in one curve: the share of wrong decisions, or the squared error of values."""
        return self.mse if self.error is None else self.error

    @property
    def constant(self) -> float:
        """The same of the best constant."""
        return self.constant_mse if self.constant_error is None else self.constant_error

    @property
    def difficulty(self) -> float:
        """What is ranked: the error at the largest size; that of values as a share of the constant's."""
        value = float(self.curve.value[-1])
        return value if self.error is not None else value / self.constant_mse

    @property
    def headline(self) -> str:
        """The prediction in one sentence."""
        n = count(int(self.samples[-1]), "sample")
        if self.error is not None:
            value, low, high = self.error.at(-1)
            spread = percent_range(low, high)
            return (
                f"Linearized, {self.network} is expected to get {100 * value:.1f}% of {self.task} wrong after {n} "
                f"({spread}); always the commonest class gets {100 * self.constant:.1f}% wrong."
            )
        value, low, high = (v / self.constant_mse for v in self.mse.at(-1))
        return (
            f"Linearized, {self.network} is expected to leave {100 * value:.1f}% of the variance of {self.task} "
            f"unexplained after {n} ({percent_range(low, high)})."
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What else a reader wants to know, most important first."""
        told = [_learnable(self)]
        if len(self.samples) > 1 and self.informed:
            told.append(_more_data(self))
        told.append(_speed(self))
        anchors = count(len(self.seeds), "initialization") if self.seeds else "the weights as they are"
        around = "rows and initializations" if len(self.seeds) > 1 else "rows, for these weights alone"
        told.append(
            f"Nothing was trained: this comes from the tangent kernel on {count(self.rows, 'row')} at {anchors}. "
            f"The band of 95% is over {around}."
        )
        shared = (
            " Its outputs are taken to share one kernel, their mean, which is not exact."
            if self.outputs > 1
            else ""
        )
        told.append(
            "It is the curve of the linearization, the network held to its initial kernel; a network that learns "
            f"features while it trains may do better or worse.{shared}"
        )
        told += (UNCALIBRATED,) if self.calibration is None else self.calibration.sentences()
        return tuple([*told, *self.warnings])

    def table(self) -> list[dict[str, str]]:
        """One row of words for each size."""
        rows = []
        for k, n in enumerate(self.samples):
            row = {"samples": f"{int(n):,}"}
            if self.error is not None:
                value, low, high = self.error.at(k)
                row |= {"error %": f"{100 * value:.1f}", "95% band": percent_range(low, high)}
            value, low, high = self.mse.at(k)
            row |= {
                "squared error": significant(value),
                "its 95% band": f"{significant(low)} to {significant(high)}",
                "from the spectrum": significant(float(self.spectrum_mse[k])),
            }
            rows.append(row)
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Every figure as plain values."""
        band = {name: {k: v.tolist() for k, v in vars(each).items()} for name, each in self._bands().items()}
        return {
            "network": self.network,
            "task": self.task,
            "goal": self.goal,
            "classes": list(self.classes),
            "loss": self.loss,
            "outputs": self.outputs,
            "rows": self.rows,
            "seeds": list(self.seeds),
            "headline": self.headline,
            "sentences": list(self.sentences),
            "samples": self.samples.tolist(),
            **band,
            "spectrum_mse": self.spectrum_mse.tolist(),
            "ridge": self.ridge,
            "ridges": self.ridges.tolist(),
            "difficulty": self.difficulty,
            "constant_mse": self.constant_mse,
            "constant_error": self.constant_error,
            "gcv": {"ridge_shares": self.ridge_shares.tolist(), "values": self.gcv.tolist()},
            "momentum": self.momentum,
            "stable_learning_rate": self.stable_learning_rate,
            "steps": self.steps,
            "trace": self.trace,
            "effective_rank": self.effective_rank,
            "alignment": self.alignment,
            "complexity": self.complexity,
            "kernel": self.kernel,
            "informed": self.informed,
            "calibrated": self.calibration is not None,
            "warnings": list(self.warnings),
        }

    def report(self, path: str | Path) -> Path:
        """Write the prediction as one self-contained page and return its path."""
        return write_prediction_page([self], path)

    def __str__(self) -> str:
        return "\n".join([self.headline, *self.sentences])

    def __repr__(self) -> str:
        return f"Prediction: {self.headline}"

    def _repr_html_(self) -> str:
        """A notebook's view: the sentence, the curve as a table, the rest in words; escaped."""
        lines = self.table()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in lines[0])
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(value)}</td>' for value in line.values())}</tr>" for line in lines
        )
        rest = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.sentences)
        return (
            f"<div><p><b>{html.escape(self.headline)}</b></p><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table><ul>{rest}</ul></div>"
        )

    def _bands(self) -> dict[str, Band]:
        return {"mse": self.mse} if self.error is None else {"mse": self.mse, "error": self.error}


def write_prediction_page(
    predictions: list[Prediction], path: str | Path, *, ranking: dict[str, Any] | None = None, command: str = ""
) -> Path:
    """Write predictions, and their ranking where there is one, as one self-contained page; whole or not at all."""
    path = Path(path)
    make_folder(path.parent)
    page = render_prediction_page([each.to_dict() for each in predictions], ranking=ranking, command=command)
    write_atomically(path, page.encode("utf-8", "replace"))
    return path


def _learnable(found: Prediction) -> str:
    if not found.informed:
        return (
            "The kernel is constant on these rows: it cannot tell them apart, the linearization answers all alike"
            + (", and its error is that of chance." if found.error is not None else ".")
        )
    value, low, high = found.curve.at(-1)
    constant = found.constant
    if high < constant:
        kept = (constant - value) / constant
        return f"It learns: the band lies below the best constant, whose error it lowers by {100 * kept:.0f}%."
    if low > constant:
        return "It learns nothing that holds for new rows: a constant does better."
    return "Cannot tell whether it learns anything at this size: the best constant lies inside the band."


def _more_data(found: Prediction) -> str:
    first, last = found.samples[-2:]
    moved = found.draws[:, -2] - found.draws[:, -1]
    low, high = np.quantile(moved, [0.025, 0.975])
    before, after = found.curve.value[-2:]
    unit, scale = ("%", 100) if found.error is not None else ("% of the variance", 100 / found.constant_mse)
    step = f"from {scale * before:.1f} to {scale * after:.1f}{unit}"
    if low > 0:
        return f"More data still pay: from {first:,} to {last:,} samples the expected error falls {step}."
    if high < 0:
        return f"More data hurt this ridge: from {first:,} to {last:,} samples the expected error rises {step}."
    return f"Whether more data pay is open: from {first:,} to {last:,} samples the expected error goes {step}."


def _speed(found: Prediction) -> str:
    rate = f"With momentum {found.momentum:g} the largest learning rate that is stable for {found.loss} is about "
    rate += significant(found.stable_learning_rate)
    if not math.isfinite(found.steps):
        return f"{rate}; part of the targets its kernel cannot fit at any time."
    steps = count(max(1, round(found.steps)), "full-batch step")
    return (
        f"{rate}; at nine tenths of it about {steps} take nine tenths of the squared error off the training rows."
    )
