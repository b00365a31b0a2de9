"""Train and test curves of the network and of linearizations at the start and at the end of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tangentlab.records import Record
from tangentlab.report.claims.eigenfunctions import tasks_of
from tangentlab.report.claims.readings import by_network
from tangentlab.report.figure import Axis, Figure, Panel
from tangentlab.report.pictures.lines import line
from tangentlab.report.wording import shortened

LEARNERS = {
    "network": ("network", "network"),
    "linear-init": ("linearization at the start", "linear-init"),
    "linear-end": ("linearization at the end", "linear-end"),
    "linear-end-matched": ("at the end, slowed to match", "ink-3"),
}
"""Learner to its words and its stroke."""


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Test accuracy, train loss and test loss through training, a panel for each network and eigenfunction.

    >>> [figure.key for figure in pictures([])]
    ['pretrained-test', 'pretrained-train', 'pretrained-test-loss']
    """
    words = (
        "Network: trained on an eigenfunction of its initial kernel. Linearizations: centred, at its weights before "
        "and after, trained on the same labels by the same descent; mean over seeds with a 95% Student-t band."
    )
    return tuple(
        Figure(
            key,
            title,
            words,
            x=Axis("step", log=True),
            y=Axis(y, log=log),
            panels=_panels(records, name, geometric=log),
        )
        for key, title, y, name, log in (
            ("pretrained-test", "Test accuracy on the way", "test accuracy", "test_accuracy", False),
            ("pretrained-train", "Train loss on the way", "train loss", "train_loss", True),
            ("pretrained-test-loss", "Test loss on the way", "test loss", "test_loss", True),
        )
    )


def _panels(records: Sequence[Record], name: str, *, geometric: bool) -> tuple[Panel, ...]:
    panels = []
    for network, seeds in by_network(records).items():
        for index in sorted({task["index"] for held in seeds.values() for task in tasks_of(held[0])}):
            series = [
                line(words, role, points, of="step", geometric=geometric, markers=False)
                for learner, (words, role) in LEARNERS.items()
                if (points := _points(seeds, index, learner, name))
            ]
            panels.append(Panel(f"{shortened(network)}, φ{index}", tuple(series)))
    return tuple(panels)


def _points(
    seeds: Mapping[int, Sequence[Record]], index: int, learner: str, name: str
) -> dict[float, list[float]]:
    """Step to the values of all seeds."""
    points: dict[float, list[float]] = {}
    for held in seeds.values():
        for task in tasks_of(held[0]):
            curve = task["learners"].get(learner, {}).get("curve")
            if task["index"] == index and curve:
                for step, one in zip(curve["steps"], curve[name]):
                    points.setdefault(float(step), []).append(one)
    return points
