"""Accuracy along anisotropy directions, their spectrum with its floor, alignment, and what the directions look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tangentlab.records import Record
from tangentlab.report.claims.directions import Told, alignments_of, sets_of
from tangentlab.report.claims.eigenfunctions import LEARNERS, value
from tangentlab.report.claims.readings import by_network, reading
from tangentlab.report.direction_images import draw_directions
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.pictures.lines import index_axis, index_place, line
from tangentlab.report.template import Image
from tangentlab.report.wording import shortened

_POINTS = 100
_MOST_TICKS = 6
_TICKS = (0, 1, 10, 100, 1000)
Seeds = Mapping[int, Sequence[Record]]


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Test accuracy, eigenvalues and alignment against the index of the direction, a panel a network.

    >>> [figure.drawn for figure in pictures([])]
    [False, False, False]
    """
    indices = [one["index"] for record in records for one in sets_of(record)]
    sizes = [len(reading(record, "eigenvalues") or []) for record in records]
    ticks = tuple((float(index), str(index)) for index in sorted(set(indices)))
    x = Axis("index of the direction, from 0", ticks=ticks if len(ticks) <= _MOST_TICKS else None)
    return (
        Figure(
            "directions",
            "Accuracy on sets that one direction separates",
            "Test accuracy of the network and of its linearization at the start, trained by the same descent, against "
            "the index of the direction; mean over seeds with Student's 95% band. A half is chance.",
            x=x,
            y=Axis("test accuracy"),
            panels=_panels(records, _accuracies),
        ),
        Figure(
            "directions-spectrum",
            "Eigenvalues s_k² of the mixed derivative",
            "Geometric mean over seeds. A fully connected network has as many of its own as its first layer is wide, "
            "then a floor, drawn thin: the squared derivative in the entries of that layer at zero, ‖∂f/∂h₁‖².",
            x=index_axis([tick for tick in _TICKS if tick < max(sizes, default=1)], x.title),
            y=Axis("s_k²", log=True),
            panels=_panels(records, _spectrum, apart=True),
        ),
        Figure(
            "directions-alignment",
            "Alignment of the kernel with the labels of each set",
            "Measured on pairs x and −x of sets along each direction; foretold by the mixed derivative averaged over "
            "the noise; and by that at zero alone, ε² s_k² / 4, as noise of no size would have it. Geometric mean over "
            "seeds; a direction at which some seed's is not positive is left out.",
            x=index_axis([one["index"] for record in records for one in alignments_of(record)], x.title),
            y=Axis("alignment", log=True),
            panels=_panels(records, _alignments, apart=True),
        ),
    )


def images(records: Sequence[Record]) -> tuple[Image, ...]:
    """A grid of directions for each network, those of its first seed.

    >>> images([])
    ()
    """
    found = []
    for place, (network, seeds) in enumerate(by_network(records).items()):
        told = next((told for held in seeds.values() if (told := reading(held[0], "pictures"))), None)
        if told:
            found.append(
                draw_directions(
                    f"directions-{place}",
                    told["shades"],
                    values=told["values"],
                    names=[f"k = {index}" for index in told["indices"]],
                    title=f"Directions of {network}",
                )
            )
    return tuple(found)


def _panels(
    records: Sequence[Record], draw: Callable[[Seeds], list[Series]], *, apart: bool = False
) -> tuple[Panel, ...]:
    """One for each network, each with a scale of its own if they are `apart`."""
    return tuple(
        Panel(shortened(network), tuple(draw(seeds)), group=network if apart else "")
        for network, seeds in by_network(records).items()
    )


def _collected(
    seeds: Seeds, told: Callable[[Record], Sequence[Told]], read: Callable[[Told], float | None]
) -> dict[int, list[float]]:
    """Values of all seeds by index; an index at which one of them has none is left out."""
    points: dict[int, list[float | None]] = {}
    for held in seeds.values():
        for one in told(held[0]):
            points.setdefault(one["index"], []).append(read(one))
    return {
        index: [value for value in values if value is not None]
        for index, values in points.items()
        if None not in values
    }


def _accuracies(seeds: Seeds) -> list[Series]:
    found = []
    for learner, words in LEARNERS.items():
        points = _collected(seeds, sets_of, lambda one, learner=learner: value(one, learner, "test_accuracy"))
        found.append(line(words, learner, {float(index): held for index, held in points.items()}, of="direction"))
    return found


def _spectrum(seeds: Seeds) -> list[Series]:
    spectra = [reading(held[0], "eigenvalues") for held in seeds.values()]
    last = min(len(values) for values in spectra)
    indices = sorted({round(last ** (i / (_POINTS - 1))) - 1 for i in range(_POINTS)})
    points = {index_place(index): [values[index] for values in spectra] for index in indices}
    points = {x: values for x, values in points.items() if min(values) > 0}
    found = [line("s_k²", "subject-1", points, of="direction", geometric=True, markers=False)]
    floors = [floor["value"] for held in seeds.values() if (floor := reading(held[0], "floor"))]
    if floors:
        ends = {index_place(index): floors for index in (0, last - 1)}
        drawn = line("floor", "undecided", ends, geometric=True, band=False, markers=False, thin=True)
        found.append(drawn)
    return found


def _alignments(seeds: Seeds) -> list[Series]:
    epsilon = next(iter(seeds.values()))[0].spec.get("epsilon", 1.0)

    def positive(name: str) -> Callable[[Told], float | None]:
        return lambda one: one[name] if one[name] > 0 else None

    reads: dict[str, tuple[str, Callable[[Told], float | None]]] = {
        "measured": ("network", positive("measured")),
        "foretold": ("linear-init", positive("foretold")),
        "ε² s_k² / 4": ("subject-1", lambda one: epsilon**2 / 4 * one["eigenvalue"]),
    }
    found = []
    for name, (role, read) in reads.items():
        points = _collected(seeds, alignments_of, read)
        placed = {index_place(index): held for index, held in points.items()}
        found.append(line(name, role, placed, of="direction", geometric=True))
    return found
