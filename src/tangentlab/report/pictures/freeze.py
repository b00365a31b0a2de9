"""Errors against the epoch at which the kernel was frozen, and how far it had turned by then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tangentlab.records import Record
from tangentlab.report.claims.freeze import Told, places
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.pictures.lines import index_axis, index_place, line


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Test error after freezing beside that of the network then and at its end; distance of the kernel from the first.

    >>> [figure.drawn for figure in pictures([])]
    [False, False]
    """
    found = places(records)
    axis = index_axis(_epochs(told for seeds in found.values() for told in seeds.values()), "epoch of freezing")
    errors, turned = [], []
    for (network, task), seeds in found.items():
        told, title = list(seeds.values()), f"{network}, {task}"
        last = {index_place(epoch): [each["network"]["test_error"] for each in told] for epoch in _epochs(told)}
        errors.append(
            Panel(
                title,
                (
                    _line("linear from there on", "linear-end", told, lambda each: each["frozen"]["test_error"]),
                    _line("network, then", "network", told, lambda each: each["network"]["test_error"]),
                    line("network, at its end", "ink-3", last, of="beside epoch", band=False, markers=False),
                ),
            )
        )
        turned.append(Panel(title, (_line("distance", "subject-1", told, lambda each: each["kernel_distance"]),)))
    return (
        Figure(
            "freeze",
            "Freezing the kernel on the way",
            "Share of wrong decisions on test rows at the end of training, when the network is linearized at the end "
            "of an epoch and the rest of its descent is linear; beside it, the network at that epoch. Mean over seeds "
            "with Student's 95% band. Epoch 0 is the linearization of the initial network.",
            x=axis,
            y=Axis("test error"),
            panels=tuple(errors),
        ),
        Figure(
            "freeze-distance",
            "How far the kernel had turned",
            "Distance of the frozen kernel from the initial one, 1 − cos, on the training rows; mean over seeds with "
            "Student's 95% band.",
            x=axis,
            y=Axis("kernel distance"),
            panels=tuple(turned),
        ),
    )


def _epochs(told: Iterable[Told]) -> list[int]:
    return sorted({each["epoch"] for one in told for each in one["freezings"]})


def _line(name: str, role: str, told: Sequence[Told], read: Callable[[Told], float]) -> Series:
    points: dict[float, list[float]] = {}
    for one in told:
        for each in one["freezings"]:
            points.setdefault(index_place(each["epoch"]), []).append(read(each))
    return line(name, role, points, of="frozen at epoch")
