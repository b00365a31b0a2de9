"""Does train mode change the outputs? Then the network is not evaluated in evaluation mode behind its owner's back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tangentlab._errors import NetworkError
from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network
from tangentlab.networks.precision import agree_up_to_rounding
from tangentlab.networks.private_copy import private_copy


def check_train_mode(network: Network, x: Inputs, evaluated: Tensor) -> None:
    """Refuse a network bound in train mode whose outputs that mode changes; `evaluated` are those without it.

    Layers known to change in train mode are refused by name even where these rows do not show it; of any other part
    the outputs decide.

    >>> net = Network(nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.5)))
    >>> check_train_mode(net, torch.zeros(1, 2), net(torch.zeros(1, 2)))
    Traceback (most recent call last):
    tangentlab._errors.NetworkError: The network is in train mode, where layer '1' (Dropout) makes ...
    """
    if not network.training_parts:
        return
    for name, part in network.module.named_modules():
        if name in network.training_parts and _changes_in_train_mode(part):
            _refuse(f"layer '{name}' ({type(part).__name__})" if name else f"the module {type(part).__name__}")
    trained = private_copy(network.module)
    for name, part in trained.named_modules():
        part.training = name in network.training_parts
    try:
        with torch.no_grad():
            outputs = network._with(module=trained).apply({}, x)
    except Exception:  # batch statistics of one row, for one
        _refuse(f"the module {type(network.module).__name__}")
    if not agree_up_to_rounding(network, x, evaluated, outputs):
        _refuse(f"the module {type(network.module).__name__}")


def _refuse(layer: str) -> None:
    raise NetworkError(
        f"The network is in train mode, where {layer} makes the outputs of a row depend on the batch or on chance.",
        remedy="Call model.eval() first, or pass mode='eval' (--mode eval) to evaluate it in evaluation mode.",
    )


def _changes_in_train_mode(part: nn.Module) -> bool:
    if isinstance(part, nn.modules.batchnorm._BatchNorm):
        return True
    if isinstance(part, nn.modules.instancenorm._InstanceNorm):
        return part.running_mean is not None
    if isinstance(part, nn.modules.dropout._DropoutNd):
        return part.p > 0
    if isinstance(part, nn.RReLU):
        return part.lower != part.upper
    if isinstance(part, nn.RNNBase):
        return part.dropout > 0 and part.num_layers > 1
    return isinstance(part, nn.MultiheadAttention) and part.dropout > 0
