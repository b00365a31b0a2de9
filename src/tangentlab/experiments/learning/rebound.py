"""A trained module, read as the network it was before: the same output, the same parameters, evaluation mode."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tangentlab.networks import Network


def rebound(initial: Network, module: nn.Module) -> Network:
    """A trained module, with the output and the parameters that were selected before.

    >>> initial = Network(nn.Linear(2, 1), parameters=["weight"])
    >>> rebound(initial, nn.Linear(2, 1)).names
    ('weight',)
    """
    names = set(initial.names)
    return Network(module, parameters=lambda name, _: name in names, output=initial.output, mode="eval")


def with_initial_buffers(initial: Network, module: nn.Module) -> nn.Module:
    """A copy of a module whose buffers (the statistics of batch normalization) are the initial ones.

    >>> initial, trained = Network(nn.BatchNorm1d(1), mode="eval"), nn.BatchNorm1d(1)
    >>> _ = trained(torch.tensor([[1.0], [3.0]]))
    >>> with_initial_buffers(initial, trained).running_mean.tolist(), round(trained.running_mean.item(), 3)
    ([0.0], 0.2)
    """
    view = Network(module, mode="eval").module
    before = initial.buffers
    with torch.no_grad():
        for name, buffer in view.named_buffers():
            buffer.copy_(before[name])
    return view


def in_state(module: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """A copy of a module in a state that it had on the way, as `TrainingState.snapshots` keeps them.

    >>> in_state(nn.Linear(1, 1, bias=False), {"weight": torch.tensor([[3.0]])})(torch.ones(1, 1)).item()
    3.0
    """
    found = copy.deepcopy(module)
    found.load_state_dict(state)
    return found
