"""Sets that one direction of the inputs separates, learnt by the network and by its linearization (experiment A4).

The directions are those of the mixed derivative of the initial network in its weights and its inputs, by falling s_k²
(`anisotropy_directions`); rows are noise but along one of them (`tasks.anisotropy`). The data lend their shape alone.
Both learners have the same descent and the same batches. The alignment with the labels of such a set is measured on
pairs x and −x, as it is small beside the noise of single rows (`direction_alignment`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import ArgumentError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.anchored_pool import MOST_DOUBLE, AnchoredPool
from tangentlab.experiments.study_parts.learnt import learn_linearizations, learn_network
from tangentlab.experiments.study_parts.on_device import model_of
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.experiments.study_parts.pool import Pool
from tangentlab.experiments.study_parts.protocol import descent_of
from tangentlab.kernels import anisotropy_directions
from tangentlab.networks import Network
from tangentlab.probes import direction_alignment
from tangentlab.tangent import jacobian
from tangentlab.tasks import Task, anisotropy

FLAT = 1e-5
"""Relative distance from ‖δ₁‖² within which a value is on the floor."""
LARGEST = 32
"""Pixels of a side to which pictures of directions are averaged."""
MOST_NUMBERS = 4096
"""Of one direction that is kept as a picture."""
SHADES = 999
"""The largest entry of a picture, which is kept in whole numbers."""


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each network and seed: the directions are found once for all sets."""
    return each_network_and_seed(settings)


def work(settings: Settings) -> Work:
    """For each direction a Gram matrix of its own rows, and a descent both ways."""
    n, count = settings["samples"], len(settings["indices"])
    rows = n + settings["test_samples"]
    steps = steps_of(n, batch=settings["batch_size"], epochs=settings["epochs"])
    return Work(
        kernels=((rows, rows),) * count,
        double=rows <= MOST_DOUBLE,
        outputs=rows * count,
        descents=((count * steps, settings["batch_size"]),),
        span=((steps, settings["batch_size"], n),) * count,
        shape=tuple(settings["shape"]),
    )


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """The spectrum with its floor, pictures of a few directions, and what comes of the set along each index."""
    clock, descent = Clock(), descent_of(unit)
    shape = tuple(unit["shape"]) or sources.loaded.shape
    model = model_of(unit, sources, shape=shape)
    network = Network(model, mode="eval")
    with clock.part("directions"):
        values, vectors = (part.cpu() for part in anisotropy_directions(network, shape, dtype=torch.float64))
    sets, told = [], set()
    for index in present(unit["indices"], directions=len(values)):
        task = anisotropy(
            vectors[index].to(getattr(torch, unit.dtype)),
            epsilon=unit["epsilon"],
            sigma=unit["sigma"],
            samples=unit["samples"],
            test_samples=unit["test_samples"],
            seed=unit["seed"],
            index=index,
        )
        with clock.part("kernel"):
            anchor = AnchoredPool.at(network, _rows(task), unit)
        with clock.part("linear-init"):
            (linear,) = learn_linearizations(anchor, [task], descent, name="linear-init")
        with clock.part("network"):
            trained = learn_network(model, task, descent)
        told.update(linear.warnings)
        learners = {"network": trained.readings(task, descent), "linear-init": linear.readings(task, descent)}
        sets.append({"index": index, "eigenvalue": float(values[index]), "learners": learners})
    with clock.part("alignment"):
        aligned = [
            {"index": index, "eigenvalue": float(values[index]), **_alignment(network, vectors[index], unit)}
            for index in present(unit["aligned"], directions=len(values))
        ]
    readings = {
        "shape": list(shape),
        "rows": unit["samples"],
        "test_rows": unit["test_samples"],
        "eigenvalues": values.tolist(),
        "floor": floor_of(network, values, shape=shape),
        "pictures": pictures_of(vectors, values, unit["pictured"]),
        "sets": sets,
        "alignments": aligned,
        "warnings": sorted(told),
    }
    return Findings(readings, clock.seconds)


def present(indices: Sequence[int], *, directions: int) -> list[int]:
    """The indices that inputs of so many numbers have, rising; a warning tells of the others, none is refused.

    >>> present([10, 1], directions=11)
    [1, 10]
    """
    kept = sorted(index for index in indices if 0 <= index < directions)
    if not kept:
        raise ArgumentError(
            "indices", expected=f"from 0 to {directions - 1}", got=repr(indices), remedy="Try indices=[0, 1, 2]."
        )
    if len(kept) < len(indices):
        warnings.warn(
            f"Inputs of {directions:,} numbers have no directions of index {directions:,} and above.", stacklevel=2
        )
    return kept


def floor_of(network: Network, values: Tensor, *, shape: tuple[int, ...]) -> dict[str, Any] | None:
    """‖δ₁‖² of a sequence of layers whose first is affine, where its spectrum is flat, and from which index on it is.

    With h = W₁x + b₁ and δ₁ = ∂f/∂h at x = 0, DᵀD = W₁ᵀMᵀMW₁ + ‖δ₁‖² I: as many values of their own as h has
    entries, then a floor. δ₁ is the gradient in b₁. None for a network of another kind, or no narrower than its input.

    >>> model = nn.Sequential(nn.Linear(3, 1), nn.Tanh(), nn.Linear(1, 1)).double()
    >>> values, _ = anisotropy_directions(model, (3,))
    >>> found = floor_of(Network(model), values, shape=(3,))
    >>> found["width"], found["index"], abs(found["value"] / float(values[2]) - 1) < 1e-9
    (1, 1, True)
    """
    if not isinstance(network.module, nn.Sequential):
        return None
    name, first = next(
        (pair for pair in network.module.named_children() if list(pair[1].parameters())), ("", None)
    )
    every = {name for name, _ in network.module.named_parameters()}
    if not isinstance(first, nn.Linear) or first.bias is None or every != set(network.parameters):
        return None
    if first.in_features != len(values) or int(first.out_features) >= len(values):
        return None
    exact = network.to(dtype=torch.float64)
    zero, one = torch.zeros(1, *shape, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    pulled = jacobian(exact, exact.place(zero)).vjp(one.to(exact.device))
    value = float(pulled[f"{name}.bias"].square().sum())
    away = ((values / value - 1).abs() > FLAT).nonzero()
    return {"value": value, "width": first.out_features, "index": int(away[-1]) + 1 if len(away) else 0}


def pictures_of(vectors: Tensor, values: Tensor, indices: Sequence[int]) -> dict[str, Any] | None:
    """A few directions in whole numbers up to `SHADES`, images averaged to `LARGEST` pixels a side; None if too large.

    >>> found = pictures_of(torch.tensor([[0.0, 1.0], [-0.5, 0.5]]), torch.tensor([2.0, 1.0]), [1, 5])
    >>> found["indices"], found["values"], found["shades"]
    ([1], [1.0], [[-999, 999]])
    """
    kept = [index for index in indices if 0 <= index < len(vectors)]
    if not kept:
        return None
    drawn = vectors[kept]
    if drawn.ndim == 4:
        height, width = (min(side, LARGEST) for side in drawn.shape[2:])
        drawn = nn.functional.adaptive_avg_pool2d(drawn, (height, width))
    if drawn[0].numel() > MOST_NUMBERS:
        return None
    flat = drawn.flatten(1)
    scaled = (SHADES * flat / flat.abs().amax(1, keepdim=True)).round().int()
    return {
        "indices": kept,
        "values": [float(values[index]) for index in kept],
        "shades": scaled.reshape(drawn.shape).tolist(),
    }


def _alignment(network: Network, direction: Tensor, unit: StudyUnit) -> dict[str, float]:
    """α with the labels of the set along a direction: `measured`, with its error over blocks of pairs, and `foretold`
    by the mixed derivative averaged over the noise. At zero alone it is ε² s_k² / 4.
    """
    found = direction_alignment(
        network,
        direction,
        law="separable",
        sigma=unit["sigma"],
        epsilon=unit["epsilon"],
        pairs=unit["pairs"],
        seed=unit["seed"],
    )
    return {
        "measured": found.measured.value,
        "error": found.measured.standard_error,
        "foretold": found.predicted.value,
    }


def _rows(task: Task) -> Pool:
    """The rows of a task, as an anchor takes them."""
    train, test = (y[:, 0].long() for y in (task.y_train, task.y_test))
    return Pool(task.x_train, task.x_test, train, test, task.classes)
