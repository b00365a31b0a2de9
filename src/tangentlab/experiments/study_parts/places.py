"""How the units of a study are laid out: one for each network and seed, or for more than that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from tangentlab.experiments.study.study import Settings

SINGULAR = {"networks": "network", "seeds": "seed", "tasks": "task"}
"""What one of several is called."""


def each(settings: Settings, names: Sequence[str]) -> Iterator[Settings]:
    """The settings of a unit for each combination of the lists under `names`, the first name outermost.

    >>> [one["network"] for one in each({"networks": ["mlp", "vit"], "epochs": 3}, ["networks"])]
    ['mlp', 'vit']
    """
    rest = {name: value for name, value in settings.items() if name not in names}
    for place in product(*(settings[name] for name in names)):
        yield rest | {SINGULAR.get(name, name): value for name, value in zip(names, place)}


def each_network_and_seed(settings: Settings) -> Iterator[Settings]:
    """One unit for each seed and network; seeds come first, so that a run that is stopped is whole for some.

    >>> [(u["seed"], u["network"]) for u in each_network_and_seed({"networks": ["mlp", "vit"], "seeds": [0, 1]})]
    [(0, 'mlp'), (0, 'vit'), (1, 'mlp'), (1, 'vit')]
    """
    return each(settings, ["seeds", "networks"])
