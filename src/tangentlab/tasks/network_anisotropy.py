"""Separable sets by name: along the anisotropy directions of a network, in the shape of some data's rows."""

from __future__ import annotations

from dataclasses import replace

from tangentlab._errors import ArgumentError
from tangentlab.data import Data
from tangentlab.kernels import anisotropy_directions
from tangentlab.tasks.anisotropy import anisotropy
from tangentlab.tasks.network_spec import NetworkSpec, refused
from tangentlab.tasks.task import Task


def network_anisotropy(
    data: Data,
    spec: str,
    *,
    samples: int | None = None,
    test_samples: int | None = None,
    seed: int = 0,
) -> Task:
    """The set along one of a network's anisotropy directions; of the data only the shape of a row counts.

    `spec` is the index, counted from 0, then options: "5,network=lenet,activation=gelu". `network` names one of the
    catalogue ("mlp,activation=gelu" by default) or a builder of one's own, with smooth activations; `epsilon`, `sigma`
    and `seed`, of the weights, are the task's, and other options the network's. Sizes are 1000 where none are given.

    >>> from tangentlab.data import load
    >>> task = network_anisotropy(load("digits"), "2,width=8", samples=60, test_samples=40)
    >>> task.name, task.x_train.shape
    ('anisotropy:2,network=mlp,activation=gelu,width=8', torch.Size([60, 1, 8, 8]))
    """
    found = NetworkSpec.read(
        "anisotropy", spec, options=("epsilon", "sigma", "seed"), network="mlp:activation=gelu"
    )
    numbers = {name: _number(found, name) for name in ("epsilon", "sigma") if name in found.options}
    shape = data.shape
    size = data.x[0].numel()
    if found.index >= size:
        raise ArgumentError(
            "index",
            expected=f"below the {size} numbers of a row of {data.name}",
            got=found.index,
            remedy="Count directions from 0.",
        )
    _, vectors = anisotropy_directions(found.build(shape, seed=seed), shape, found.index + 1, mode="eval")
    sizes = {"samples": samples, "test_samples": test_samples}
    given = {name: value for name, value in sizes.items() if value is not None}
    task = anisotropy(vectors[found.index], seed=seed, **numbers, **given)
    return replace(task, name=found.name, identity={**task.identity, "task": found.name})


def _number(spec: NetworkSpec, name: str) -> float:
    try:
        return float(spec.options[name])
    except ValueError:
        raise refused(spec.name, f"with a number as its {name}", task="anisotropy") from None
