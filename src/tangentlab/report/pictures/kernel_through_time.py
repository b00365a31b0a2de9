"""The kernel through time: errors of f_t and of regression with Θ_t, how far Θ_t has come, what it is aligned with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tangentlab.records import Record
from tangentlab.report.error_curves import RIDGELESS
from tangentlab.report.figure import Axis, Figure, Panel
from tangentlab.report.kernel_path import KernelPath, Reading, kernel_paths
from tangentlab.report.pictures.lines import floored, index_axis, index_place, line

Line = tuple[str, str, Callable[[Reading], float]]

_ERRORS: tuple[Line, ...] = (
    ("network, f_t", "network", lambda reading: reading["network"]["test_error"]),
    ("kernel regression with Θ_t", "ridge-end", lambda reading: reading["kernel"]["test_error"]),
    ("the same, ridgeless", "ridge-init", lambda reading: reading["kernel"][RIDGELESS]["test_error"]),
)
_TURNS: tuple[Line, ...] = (
    ("from the start, S(Θ_0, Θ_t)", "init", lambda reading: reading["from_start"]),
    ("from the end, S(Θ_t, Θ_T)", "end", lambda reading: reading["from_end"]),
)
_ALIGNMENTS: tuple[Line, ...] = (
    ("centred alignment with the targets", "subject-1", lambda reading: reading["alignment"]["centered"]),
)


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Errors, distances and alignment against the steps of training, means over seeds.

    >>> [figure.key for figure in pictures([])]
    ['kernel-through-time', 'kernel-turn', 'kernel-alignment']
    """
    paths = kernel_paths(records)
    time = index_axis([step for path in paths for step in path.by_step(lambda _: 0.0)], "step of training")
    note = "Means over seeds with Student's 95% bands."
    return (
        Figure(
            "kernel-through-time",
            "What the kernel has learnt, and what the network has",
            "Test error of the network after so many steps, and of kernel regression with its kernel there, on all "
            f"training rows; the ridge by a fifth of them, held out, or next to nothing. {note}",
            x=time,
            y=Axis("test error", log=True),
            panels=tuple(_panel(path, _ERRORS, log=True) for path in paths),
        ),
        Figure(
            "kernel-turn",
            "How far the kernel has turned",
            f"One minus the cosine between kernels on the training rows, which does not see their scale. {note}",
            x=time,
            y=Axis("distance S"),
            panels=tuple(_panel(path, _TURNS) for path in paths),
        ),
        Figure(
            "kernel-alignment",
            "Alignment of the kernel with the targets",
            f"Centred kernel alignment on the training rows, between 0 and 1. {note}",
            x=time,
            y=Axis("alignment"),
            panels=tuple(_panel(path, _ALIGNMENTS) for path in paths),
        ),
    )


def _panel(path: KernelPath, lines: Sequence[Line], *, log: bool = False) -> Panel:
    drawn = []
    for name, role, read in lines:
        points = {index_place(step): values for step, values in path.by_step(read).items()}
        one = line(name, role, points, of="step")
        drawn.append(floored(one, 0.5 / path.test_rows) if log else one)  # half a mistake stands for none
    return Panel(path.place, tuple(drawn), group=path.task)
