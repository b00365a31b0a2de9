"""A trained module, read as the network it was before: the same output, the same parameters, evaluation mode."""

from __future__ import annotations

from torch import nn

from tangentlab.networks import Network


def rebound(initial: Network, module: nn.Module) -> Network:
    """A trained module, with the output and the parameters that were selected before.

    >>> initial = Network(nn.Linear(2, 1), parameters=["weight"])
    >>> rebound(initial, nn.Linear(2, 1)).names
    ('weight',)
    """
    names = set(initial.names)
    return Network(module, parameters=lambda name, _: name in names, output=initial.output, mode="eval")
