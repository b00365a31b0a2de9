"""How the weights of a catalogue network are drawn, from a passed generator and from nothing else.

| name | weights of linear and convolution layers | biases | normalization |
|---|---|---|---|
| `lecun` | normal cut at two deviations, variance 1/fan_in | 0 | scale 1, shift 0 |
| `torch` | uniform on ±1/√fan_in, so variance 1/(3 fan_in) | uniform on ±1/√fan_in | scale 1, shift 0 |

`lecun` is the default of the JAX library flax, and what Ortiz-Jimenez, Moosavi-Dezfooli and Frossard (2021) train
from; `torch` is what PyTorch's layers draw for themselves, in the same order from the same stream. The two have
different tangent kernels at initialization, so the name belongs to every record.
"""

from __future__ import annotations

from collections.abc import Callable
from math import erf, sqrt

import torch
from torch import nn

from tangentlab._errors import NetworkError, UnknownNameError

_WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMALIZING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm)

# standard deviation of a standard normal cut at ±2
_CUT_DEVIATION = 0.87962566103423978


def lecun_normal_(weight: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
    """Fill `weight` in place with z / (0.8796 √fan_in), z standard normal cut at ±2: variance 1/fan_in.

    Here fan_in is the number of entries of weight[0]. The normal is drawn by inverting its distribution function.

    >>> weight = lecun_normal_(torch.empty(100, 25), generator=torch.Generator().manual_seed(0))
    >>> bool(weight.abs().max() <= 2 / (0.8796 * 5))
    True
    """
    mass = erf(2 / sqrt(2))
    scale = 1 / (_CUT_DEVIATION * sqrt(weight[0].numel()))
    with torch.no_grad():
        weight.uniform_(-mass, mass, generator=generator).erfinv_().mul_(sqrt(2))
        return weight.clamp_(-2, 2).mul_(scale)


def _lecun(layer: nn.Module, generator: torch.Generator) -> None:
    weight: torch.Tensor = layer.weight  # pyright: ignore[reportAssignmentType]
    lecun_normal_(weight, generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]


def _torch(layer: nn.Module, generator: torch.Generator) -> None:
    weight: torch.Tensor = layer.weight  # pyright: ignore[reportAssignmentType]
    nn.init.kaiming_uniform_(weight, a=sqrt(5), generator=generator)
    if layer.bias is not None:
        bias: torch.Tensor = layer.bias  # pyright: ignore[reportAssignmentType]
        bound = 1 / sqrt(weight[0].numel())
        nn.init.uniform_(bias, -bound, bound, generator=generator)


INITIALIZATIONS: dict[str, Callable[[nn.Module, torch.Generator], None]] = {"lecun": _lecun, "torch": _torch}
"""Name to the rule that fills one linear or convolution layer."""


def initialized(
    make: Callable[[], nn.Module], *, generator: torch.Generator, initialization: str = "lecun"
) -> nn.Module:
    """The module that `make` describes, with weights drawn from `generator` in the order of its layers.

    `make` runs on torch's meta device, where layers have shapes and no values: nothing is drawn twice and the
    global random state is not touched. The weights then live on the generator's device, in torch's default
    dtype. A layer of your own that holds parameters fills them in a method `draw_parameters(generator)`.

    Raises `UnknownNameError` for a name outside `INITIALIZATIONS` and `NetworkError` for a layer that holds
    parameters or buffers and has no rule.

    >>> layer = initialized(lambda: nn.Linear(4, 2), generator=torch.Generator().manual_seed(0))
    >>> layer.bias.tolist()
    [0.0, 0.0]
    """
    if not isinstance(initialization, str) or initialization not in INITIALIZATIONS:
        raise UnknownNameError("initialization", initialization, INITIALIZATIONS)
    with torch.device("meta"):
        described = make()
    model = described.to_empty(device=generator.device)
    for name, layer in model.named_modules():
        _fill(layer, name=name, rule=INITIALIZATIONS[initialization], generator=generator)
    return model


def _fill(
    layer: nn.Module,
    *,
    name: str,
    rule: Callable[[nn.Module, torch.Generator], None],
    generator: torch.Generator,
) -> None:
    if isinstance(layer, _WEIGHTED):
        rule(layer, generator)
    elif isinstance(layer, _NORMALIZING):
        layer.reset_parameters()  # scale 1, shift 0, running mean 0, running variance 1: no draw
    elif (draw := getattr(layer, "draw_parameters", None)) is not None:
        draw(generator)
    elif any(True for _ in layer.parameters(recurse=False)) or any(True for _ in layer.buffers(recurse=False)):
        kind = type(layer).__name__
        raise NetworkError(
            f"The layer '{name}' ({kind}) holds parameters or buffers that no initialization rule covers.",
            remedy=f"Give {kind} a method draw_parameters(generator) that fills them.",
        )
