"""Tasks and networks ranked by the difficulty that was predicted for them, as surely as the predictions allow."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tangentlab._errors import ArgumentError
from tangentlab.experiments.prediction.calibration import Calibration
from tangentlab.experiments.prediction.prediction import UNCALIBRATED, Prediction
from tangentlab.report.wording import count, percent_range

_SURE = 0.95


@dataclass(frozen=True)
class Ranked:
    """One place of a ranking: expected error (of values the share of variance left) with its 95 % band, the rank from
    1 = easiest with the ranks it takes in 95 % of the draws, and in which share of them it is easier than the next.

    >>> Ranked("mlp", "", 0.1, 0.08, 0.12, 1, 1, 2, 0.9).name
    'mlp'
    """

    name: str
    network: str
    value: float
    low: float
    high: float
    rank: int
    best_rank: int
    worst_rank: int
    before_next: float | None


@dataclass(frozen=True)
class PredictionRanking:
    """`cells` (network on task), and where there are several, `tasks` over networks and `networks` over tasks.

    >>> PredictionRanking((), (), (), 100, None).headline
    'Nothing was predicted.'
    """

    cells: tuple[Ranked, ...]
    tasks: tuple[Ranked, ...]
    networks: tuple[Ranked, ...]
    samples: int
    calibration: Calibration | None

    @property
    def headline(self) -> str:
        """Which comes first, and whether that is sure."""
        told = self.tasks or self.networks or self.cells
        if not told:
            return "Nothing was predicted."
        names = [f"{each.network} on {each.name}" if told is self.cells else each.name for each in told]
        if len(told) == 1:
            return f"{names[0]}: {100 * told[0].value:.1f}% expected error at {count(self.samples, 'sample')}."
        kind = "task" if self.tasks else "network"
        ahead = told[0].before_next
        sure = ahead is not None and ahead >= _SURE
        adverb, alike = (
            ("learns best", "learn as well") if kind == "network" else ("is the easiest task", "be as easy")
        )
        between = f"clearly before {names[1]}" if sure else f"though {names[1]} may {alike}"
        return f"Before training: {names[0]} {adverb}, {between}; {names[-1]} is last of {len(told)}."

    @property
    def sentences(self) -> tuple[str, ...]:
        """The order of tasks and of networks in words."""
        told = []
        for kind, ranked in (("Tasks", self.tasks), ("Networks", self.networks)):
            if len(ranked) > 1:
                parts = [ranked[0].name]
                for before, after in pairwise(ranked):
                    sure = before.before_next is not None and before.before_next >= _SURE
                    parts.append(f"{', then' if sure else ' or'} {after.name}")
                told.append(
                    f"{kind} from easy to hard: {''.join(parts)} (“or” where the order is not sure to 95%)."
                )
        told.append(UNCALIBRATED if self.calibration is None else self.calibration.sentences()[0])
        return tuple(told)

    def to_dict(self) -> dict[str, Any]:
        """The ranking as plain values."""
        lists = {name: [vars(each) for each in getattr(self, name)] for name in ("cells", "tasks", "networks")}
        return {
            **lists,
            "samples": self.samples,
            "calibrated": self.calibration is not None,
            "headline": self.headline,
            "sentences": list(self.sentences),
        }

    def table(self) -> list[dict[str, str]]:
        """One row of words for each cell, the easiest first."""
        return [
            {
                "rank": str(each.rank),
                "network": each.network,
                "task": each.name,
                "expected error %": f"{100 * each.value:.1f}",
                "95% band": percent_range(each.low, each.high),
                "ranks": f"{each.best_rank}–{each.worst_rank}",
            }
            for each in self.cells
        ]

    def __str__(self) -> str:
        return "\n".join([self.headline, *self.sentences])

    def _repr_html_(self) -> str:
        rows = self.table()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in (rows[0] if rows else {}))
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(value)}</td>' for value in row.values())}</tr>" for row in rows
        )
        words = f"<p><b>{html.escape(self.headline)}</b></p><p>{html.escape(' '.join(self.sentences))}</p>"
        return f"<div>{words}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def rank_predictions(predictions: Iterable[Prediction]) -> PredictionRanking:
    """Rank by the error expected at the largest size, which must be the same for all, and all classes or all values.

    >>> rank_predictions([]).cells
    ()
    """
    found = list(predictions) if isinstance(predictions, Iterable) else [predictions]
    for each in found:
        if not isinstance(each, Prediction):
            raise ArgumentError(
                "predictions",
                expected="several of `predict`",
                got=repr(each),
                remedy="Pass what predict returned.",
            )
    if not found:
        return PredictionRanking((), (), (), 0, None)
    for argument, kinds in (
        ("samples", {int(each.samples[-1]) for each in found}),
        ("targets", {each.goal for each in found}),
    ):
        if len(kinds) > 1:
            raise ArgumentError(
                "predictions",
                expected=f"alike in {argument}",
                got=", ".join(map(str, sorted(kinds))),
                remedy="Predict all with the same samples, classes apart from values.",
            )
    scales = np.array([1.0 if each.error is not None else 1 / each.constant_mse for each in found])
    draws = np.stack([each.draws[:, -1] for each in found], 1) * scales
    values = np.array([each.difficulty for each in found])
    tasks, networks = ([getattr(each, kind) for each in found] for kind in ("task", "network"))
    cells = _ranked(tasks, values, draws, networks=networks)
    whole = len(set(zip(tasks, networks))) == len(set(tasks)) * len(set(networks)) == len(found)
    several = [
        _ranked(*_grouped(names, values, draws)) if whole and len(set(names)) > 1 else ()
        for names in (tasks, networks)
    ]
    calibration = found[0].calibration if all(each.calibration is not None for each in found) else None
    return PredictionRanking(cells, several[0], several[1], int(found[0].samples[-1]), calibration)


def _grouped(names: list[str], values: np.ndarray, draws: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Means over what shares a name."""
    groups = list(dict.fromkeys(names))
    member = np.array([[name == group for name in names] for group in groups], dtype=float)
    member /= member.sum(1, keepdims=True)
    return groups, member @ values, draws @ member.T


def _ranked(
    names: list[str], values: np.ndarray, draws: np.ndarray, *, networks: list[str] | None = None
) -> tuple[Ranked, ...]:
    order = np.argsort(values, kind="stable")
    places = draws.argsort(1, kind="stable").argsort(1, kind="stable") + 1
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    best, worst = (np.quantile(places, q, axis=0, method="nearest") for q in (0.025, 0.975))
    ranked = []
    for rank, i in enumerate(order):
        following = order[rank + 1] if rank + 1 < len(order) else None
        before = None if following is None else float((draws[:, i] < draws[:, following]).mean())
        ranked.append(
            Ranked(
                names[i],
                networks[i] if networks else "",
                float(values[i]),
                min(float(low[i]), float(values[i])),
                max(float(high[i]), float(values[i])),
                rank + 1,
                int(best[i]),
                int(worst[i]),
                before,
            )
        )
    return tuple(ranked)
