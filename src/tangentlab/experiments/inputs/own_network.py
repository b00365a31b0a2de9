"""A network of the user's own, tried on two rows before anything is run with it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from tangentlab._errors import NetworkError
from tangentlab.experiments.inputs.sources import Choices, Sources
from tangentlab.networks import NETWORKS, Network


def is_own(name: str, sources: Sources) -> bool:
    """Whether a name is not of the catalogue: `package.module:callable`, or what was handed over.

    >>> is_own("mlp:width=8", Sources("digits")), is_own("my.module:build", Sources("digits"))
    (False, True)
    """
    return name in sources.networks or name.partition(":")[0] not in NETWORKS


def refusal_of_own(
    name: str, choices: Choices, sources: Sources, *, x: Tensor, seeds: Iterable[int], outputs: int | None
) -> NetworkError | None:
    """Why a network cannot be had on rows like x (2, ...), or has other outputs than these; None if it can.

    A builder that fails for some seeds alone is none to refuse: it is built until it comes to stand, and run on two
    rows. `outputs` None takes any number. A name that leads nowhere raises `ArgumentError`.

    >>> import torch
    >>> from tangentlab.experiments.comparison.spec import ComparisonSpec
    >>> sources = Sources("digits", networks={"mine": torch.nn.Linear(2, 3)})
    >>> given = {"x": torch.eye(2), "seeds": [0]}
    >>> refusal_of_own("mine", ComparisonSpec(), sources, outputs=3, **given)
    >>> print(refusal_of_own("mine", ComparisonSpec(), sources, outputs=1, **given))
    The network 'mine' has 3 outputs, and its task asks for 1. Give it as many: a builder is told by its argument ...
    """
    first = None
    for seed in seeds:
        try:
            model = sources.model(name, choices, shape=tuple(x.shape[1:]), outputs=outputs or 1, seed=seed)
            found = Network(model, mode="eval")(x).shape[1]
        except NetworkError as error:
            first = first or error
            continue
        if outputs is None or found == outputs:
            return None
        return NetworkError(
            f"The network '{name}' has {found} output{'s' * (found > 1)}, and its task asks for {outputs}.",
            remedy="Give it as many: a builder is told by its argument `outputs`.",
        )
    return first
