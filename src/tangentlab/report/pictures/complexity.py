"""Accuracy against alignment and against norm, and every measure of every task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.complexity import Told, tasks_of
from tangentlab.report.claims.eigenfunctions import LEARNERS, value
from tangentlab.report.claims.readings import by_network, reading
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.intervals import mean_interval
from tangentlab.report.wording import count, shortened, significant

Seeds = Mapping[int, Sequence[Record]]
Read = Callable[[Told], float | None]

_KINDS = {"eigenfunction": "eigenfunctions", "natural": "natural labels", "random": "random labels"}
_ROLES = {
    ("network", "eigenfunction"): "network",
    ("linear-init", "eigenfunction"): "linear-init",
    ("network", "natural"): "subject-2",
    ("linear-init", "natural"): "subject-3",
    ("network", "random"): "undecided",
    ("linear-init", "random"): "ink-5",
}
_SHARES: dict[str, Read] = {
    "alignment / trace": lambda task: task["alignment"]["trace_normalized"],
    "kernel–target cosine": lambda task: task["alignment"]["target"],
    "the same, centred": lambda task: task["alignment"]["centered"],
    "energy in the first eigenvectors": lambda task: task["energy"],
    "test accuracy": lambda task: value(task, "network", "test_accuracy"),
}
"""Measures between 0 and 1."""


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Accuracy against α_U, accuracy against the norm, and measures that are shares, by task.

    >>> [figure.drawn for figure in pictures([])]
    [False, False, False]
    """
    places = by_network(records)
    return (
        Figure(
            "complexity",
            "Accuracy against alignment",
            "Test accuracy against the U-statistic α_U of the alignment, means over seeds; lines join eigenfunctions. "
            "Natural labels below the line are harder than their alignment says. A task whose mean α_U is not above 0, "
            "as of random labels and of high indices it may be, 0 within its error, has no place on this axis.",
            x=Axis("α_U", log=True),
            y=Axis("test accuracy"),
            panels=_scatter(places, lambda task: task["alignment"]["unbiased"]),
        ),
        Figure(
            "complexity-norm",
            "Accuracy against the norm",
            "Test accuracy against yᵀK⁻¹y · tr K / n², which no scale of the kernel changes; means over seeds, lines "
            "join eigenfunctions.",
            x=Axis("normalized norm", log=True),
            y=Axis("test accuracy"),
            panels=_scatter(places, lambda task: task["normalized"]),
        ),
        Figure(
            "complexity-measures",
            "Every measure of every task",
            "Measures between 0 and 1, means over seeds with Student's 95% interval; the accuracy is the network's.",
            x=Axis("value"),
            y=Axis(""),
            panels=tuple(_measures(network, seeds) for network, seeds in places.items()),
            horizontal=True,
        ),
    )


def _scatter(places: Mapping[str, Seeds], read: Read) -> tuple[Panel, ...]:
    panels = []
    for network, seeds in places.items():
        series = []
        for kind, words in _KINDS.items():
            for learner, name in LEARNERS.items():
                points = _means(seeds, kind, {"x": read, "y": lambda t, k=learner: value(t, k, "test_accuracy")})
                points = [point for point in points if point[1]["x"].mean > 0]  # the axis is of powers
                if points:
                    series.append(_points(f"{words}, {name}", _ROLES[learner, kind], points, line=len(points) > 1))
        panels.append(Panel(shortened(network), tuple(series)))
    return tuple(panels)


def _points(name: str, role: str, points: Sequence[tuple[str, Mapping[str, Any]]], *, line: bool) -> Series:
    ordered = sorted(points, key=lambda point: point[1]["x"].mean)
    return Series(
        name,
        role,
        x=tuple(found["x"].mean for _, found in ordered),
        y=tuple(found["y"].mean for _, found in ordered),
        low=tuple(found["y"].bounds[0] for _, found in ordered),
        high=tuple(found["y"].bounds[1] for _, found in ordered),
        notes=tuple(
            f"{task}, {name}\n{significant(found['x'].mean)}; accuracy {found['y'].mean:.1%} "
            f"({count(found['y'].n, 'seed')})"
            for task, found in ordered
        ),
        line=line,
    )


def _means(seeds: Seeds, kind: str, reads: Mapping[str, Read]) -> list[tuple[str, dict[str, Any]]]:
    """Name of each task of a kind and the means over seeds of what is read; a task that lacks one is left out."""
    values: dict[str, dict[str, list[float]]] = {}
    for held in seeds.values():
        for task in tasks_of(held[0], kind):
            own = values.setdefault(task["task"], {name: [] for name in reads})
            for name, read in reads.items():
                if (got := read(task)) is not None:
                    own[name].append(got)
    return [
        (task, {name: mean_interval(each) for name, each in own.items()})
        for task, own in values.items()
        if all(own.values())
    ]


def _measures(network: str, seeds: Seeds) -> Panel:
    found = [each for kind in ("natural", "random", "eigenfunction") for each in _means(seeds, kind, _SHARES)]
    top = reading(next(iter(seeds.values()))[0], "top")
    ticks = tuple((-float(place), shortened(task, 30)) for place, (task, _) in enumerate(found))
    series = tuple(
        Series(
            name if name != "energy in the first eigenvectors" or top is None else f"energy in the first {top}",
            role,
            x=tuple(means[name].mean for _, means in found),
            y=tuple(place for place, _ in ticks),
            low=tuple(means[name].bounds[0] for _, means in found),
            high=tuple(means[name].bounds[1] for _, means in found),
            notes=tuple(f"{task}, {name}\n{significant(means[name].mean)}" for task, means in found),
            line=False,
        )
        for name, role in zip(_SHARES, ("subject-1", "subject-2", "subject-3", "ridge-init", "network"))
    )
    return Panel(shortened(network), series, ticks=ticks)
