"""How training turns the kernel: every initial eigenvector through training, and the target beside the others."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from tangentlab.records import Record
from tangentlab.report.claims.readings import by_network
from tangentlab.report.claims.rotation import Target, targets_of
from tangentlab.report.figure import Axis, Figure, Panel
from tangentlab.report.heat_map import HeatPanel, heat_map
from tangentlab.report.pictures.lines import index_axis, index_place, line
from tangentlab.report.template import Image
from tangentlab.report.wording import count, shortened

MOST_PANELS = 12


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """The quotients at the end of training against the index, and those of the target through training.

    >>> [figure.drawn for figure in pictures([])]
    [False, False]
    """
    ends, ways, indices = [], [], []
    for title, index, held in _places(records):
        firsts = held[0]["path"]["first"]
        indices += firsts
        others = {
            index_place(round(middle)): [2.0 ** target["path"]["medians"][-1][place] for target in held]
            for place, middle in enumerate(_middles(firsts))
        }
        own = {index_place(index): [target["all"]["normalized"] for target in held]}
        apart = {index_place(index): [target["held_out"]["normalized"] for target in held]}
        ends.append(
            Panel(
                title,
                (
                    line("others, median of a group", "ink-3", others, of="index", geometric=True, markers=False),
                    line("target", "network", own, of="index", geometric=True, line=False, band=False),
                    line(
                        "target, held-out rows", "end", apart, of="index", geometric=True, line=False, band=False
                    ),
                ),
            )
        )
        near = max((place for place, first in enumerate(firsts) if first <= index), default=0)
        ways.append(
            Panel(
                title,
                (
                    line("target", "network", _way(held, None), of="step", geometric=True),
                    line("those beside it", "ink-3", _way(held, near), of="step", geometric=True),
                ),
            )
        )
    return (
        Figure(
            "rotation-end",
            "Rayleigh quotients after training, over those before",
            "Along initial eigenvectors, both kernels taken to one trace, so that 1 means growth with the kernel as a "
            "whole; geometric mean over seeds with a 95% Student-t interval. Grey: medians of groups of neighbouring "
            "indices. Each row counts with itself, which draws ratios towards one, the most for few rows.",
            x=index_axis(indices),
            y=Axis("ratio at one trace", log=True),
            panels=tuple(ends[:MOST_PANELS]),
            omitted=max(0, len(ends) - MOST_PANELS),
        ),
        Figure(
            "rotation-way",
            "The target on the way",
            "The same ratio through training, for the target and for the group of indices that it belongs to.",
            x=Axis("step", log=True),
            y=Axis("ratio at one trace", log=True),
            panels=tuple(ways[:MOST_PANELS]),
            omitted=max(0, len(ways) - MOST_PANELS),
        ),
    )


def images(records: Sequence[Record]) -> tuple[Image, ...]:
    """The heat map: initial eigenvectors down, training time across.

    >>> images([])
    ()
    """
    panels = []
    for title, index, held in _places(records):
        path = held[0]["path"]
        firsts, steps = path["first"], path["steps"]
        rows = range(len(firsts))
        panels.append(
            HeatPanel(
                title,
                values=tuple(
                    tuple(_mean([t["path"]["medians"][column][row] for t in held]) for column in range(len(steps)))
                    for row in rows
                ),
                rows=tuple(str(first) if row % 3 == 0 else "" for row, first in enumerate(firsts)),
                columns=tuple(f"{step:,}" for step in steps),
                own=tuple(_mean([t["path"]["target"][column] for t in held]) for column in range(len(steps))),
                own_name=f"φ{index}",
                marked=max((row for row in rows if firsts[row] <= index), default=None),
            )
        )
    found = heat_map(
        "rotation",
        panels[:MOST_PANELS],
        title="The kernel turns while it is trained",
        caption="Rayleigh quotients of the kernel along the eigenvectors that it had at the start, over those at the "
        "start, both kernels taken to one trace: orange where a direction has gained, blue where it has lost. Down: "
        "groups of indices, by the first of each; across: steps of training. The row apart is the eigenfunction that "
        "was trained on, and the mark shows the group beside it. Geometric means over seeds.",
        across="step",
        down="index",
    )
    return () if found is None else (found,)


def _places(records: Sequence[Record]) -> Iterator[tuple[str, int, list[Target]]]:
    """A title, an index, and what each seed tells of it, all in one set of groups, for seeds of the same steps."""
    for network, seeds in by_network(records).items():
        of_seeds = [targets_of(held[0]) for held in seeds.values()]
        for index in sorted(set().union(*of_seeds)):
            held = [targets[index] for targets in of_seeds if index in targets]
            like = _in_the_same_groups([t for t in held if t["path"]["steps"] == held[0]["path"]["steps"]])
            yield f"{shortened(network, 26)}, φ{index} ({count(len(like), 'seed')})", index, like


def _in_the_same_groups(held: Sequence[Target]) -> list[Target]:
    """Every seed in the groups of indices of the seed that has the fewest eigenvectors above rounding.

    Seeds differ in how many they have, and the groups part that number evenly on a logarithmic scale. A group is told
    by the group of the other seed in which its middle lies.

    >>> few = {"path": {"first": [0, 1, 4], "medians": [[5.0, 6.0, 7.0]]}}
    >>> many = {"path": {"first": [0, 1, 3, 9], "medians": [[1.0, 2.0, 3.0, 4.0]]}}
    >>> [target["path"]["medians"] for target in _in_the_same_groups([few, many])]
    [[[5.0, 6.0, 7.0]], [[1.0, 2.0, 3.0]]]
    """
    firsts = min((target["path"]["first"] for target in held), key=lambda first: first[-1])
    middles = _middles(firsts)
    found = []
    for target in held:
        path = target["path"]
        places = [bisect_right(path["first"], round(middle)) - 1 for middle in middles]
        medians = [[row[place] for place in places] for row in path["medians"]]
        found.append({**target, "path": {**path, "first": firsts, "medians": medians}})
    return found


def _middles(firsts: Sequence[int]) -> list[float]:
    """The middle index of each group, the last taken to be as wide as the one before it."""
    return [_middle(a, b) for a, b in pairwise([*firsts, 2 * firsts[-1] - firsts[-2] if firsts[1:] else 1])]


def _way(held: Sequence[Target], place: int | None) -> Mapping[float, list[float]]:
    """Step to the ratios of the target, or of one group of indices."""
    return {
        float(step): [
            2.0 ** (t["path"]["target"][column] if place is None else t["path"]["medians"][column][place])
            for t in held
        ]
        for column, step in enumerate(held[0]["path"]["steps"])
    }


def _middle(first: int, after: int) -> float:
    return (max(first, 1) * max(after - 1, 1)) ** 0.5 if first else 0.0


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) / len(told) if told else None
