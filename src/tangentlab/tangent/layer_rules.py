"""Layer rules: from a layer's input and the gradient of its output, the per-sample gradients of its parameters.

Each rule is a pure function `(layer, x, G) -> {parameter: Factor}` with x (n, ...) what the layer was given and
G (n, q, ...) the gradients of q output combinations in what it returned. `RULES` is the whole table; parameters that
no rule covers take the general route (`sample_gradients`). A layer that scales what it has made of x has a
`ScaleRule`: its gradients are sums over G, which are taken one output at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tangentlab.tangent.factors import Factor, Outer, Rows, Tokens, Windows, as_rows
from tangentlab.tangent.patches import Geometry, pad, patch_matrix

Rule = Callable[[nn.Module, Tensor, Tensor], dict[str, Factor]]


def linear(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """y = x Wᵀ + b over any leading axes: the positions are all axes between the rows and the features."""
    n, q = G.shape[:2]
    inputs = x.reshape(n, 1, -1, x.shape[-1])
    gradients = G.reshape(n, q, 1, -1, G.shape[-1])
    bias = gradients[:, :, :, 0] if gradients.shape[3] == 1 else gradients.sum(3)
    return {"weight": Outer(inputs, gradients), "bias": Rows(bias.flatten(2))}


def transposed_linear(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """y = x W + b, the weight stored as (inputs, outputs)."""
    found = linear(layer, x, G)
    weight = found["weight"]
    assert isinstance(weight, Outer)
    return {**found, "weight": Outer(weight.inputs, weight.gradients, inputs_first=True)}


def convolution(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """Convolutions of 1, 2 or 3 dimensions, with groups, stride, dilation and every padding mode."""
    assert isinstance(layer, nn.modules.conv._ConvNd)
    dims = len(layer.kernel_size)
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size)]
    if isinstance(layer.padding, str):
        total = reach if layer.padding == "same" else [0] * dims
        before = [width // 2 for width in total]
        after = [width - half for width, half in zip(total, before)]
    else:
        before = after = list(layer.padding)
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padding = (0,) * dims
    if mode == "constant" and before == after:
        padding = tuple(before)
    else:
        x = pad(x, before=before, after=after, mode=mode)
    geometry = Geometry(layer.kernel_size, layer.stride, layer.dilation, padding, layer.groups)
    return {"weight": Windows(x, G, geometry), "bias": Rows(G.flatten(3).sum(3))}


def transposed_convolution(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """The adjoint of a convolution: patches are taken of the output's gradient, at the positions of the input."""
    assert isinstance(layer, nn.modules.conv._ConvTransposeNd)
    n, q = x.shape[0], G.shape[1]
    before = [int(width) for width in layer.padding]
    after = [
        (size - 1) * stride + dilation * (kernel - 1) + 1 - got - left
        for size, stride, dilation, kernel, got, left in zip(
            x.shape[2:], layer.stride, layer.dilation, layer.kernel_size, G.shape[3:], before
        )
    ]
    geometry = Geometry(layer.kernel_size, layer.stride, layer.dilation, (0,) * len(before), layer.groups)
    gradients = patch_matrix(pad(G.flatten(0, 1), before=before, after=after), geometry)
    inputs = x.reshape(n, layer.groups, x.shape[1] // layer.groups, -1).transpose(2, 3)
    return {
        "weight": Outer(inputs, gradients.reshape(n, q, *gradients.shape[1:]), inputs_first=True),
        "bias": Rows(G.flatten(3).sum(3)),
    }


def embedding(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """A table looked up by integers; the padding row has no gradient."""
    assert isinstance(layer, nn.Embedding)
    n, q = G.shape[:2]
    tokens, gradients = x.reshape(n, -1), G.reshape(n, q, -1, G.shape[-1])
    if layer.padding_idx is not None:
        gradients = gradients * (tokens != layer.padding_idx)[:, None, :, None]
    return {"weight": Tokens(tokens, gradients, vocabulary=layer.num_embeddings)}


@dataclass(frozen=True)
class ScaleRule:
    """The rule of a layer z = scale · y(x) + shift: y once, then sums of G y and of G for any outputs.

    >>> found = RULES[nn.LayerNorm](nn.LayerNorm(2), torch.tensor([[1.0, -1.0]]), torch.ones(1, 1, 2))
    >>> found["bias"].rows.tolist(), found["weight"].rows.round(decimals=3).tolist()
    ([[[1.0, 1.0]]], [[[1.0, -1.0]]])
    """

    scaled: Callable[[nn.Module, Tensor], Tensor | None]
    """y(x); None where the layer is not such a map."""
    sums: Callable[[nn.Module, Tensor, Tensor], dict[str, Factor]]
    """From the layer, y and G (n, q, ...), the gradients of scale and shift."""

    def __call__(self, layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
        """The gradients of scale and shift, as every rule gives them."""
        scaled = self.scaled(layer, x)
        if scaled is None:
            return {}
        # one output at a time: a product with all of them would be new memory
        found = [self.sums(layer, scaled, G[:, k : k + 1]) for k in range(G.shape[1])]
        return found[0] if len(found) == 1 else joined_outputs(found)


def joined_outputs(found: Sequence[Mapping[str, Factor]]) -> dict[str, Factor]:
    """Rows of one output after another as rows of all.

    >>> joined_outputs([{"w": Rows(torch.zeros(3, 1, 4))}] * 2)["w"].rows.shape
    torch.Size([3, 2, 4])
    """
    return {name: Rows(torch.cat([as_rows(each[name]).rows for each in found], dim=1)) for name in found[0]}


def batch_normal(layer: nn.Module, x: Tensor) -> Tensor | None:
    """Batch normalization with its running statistics: a fixed affine map of each channel."""
    assert isinstance(layer, nn.modules.batchnorm._BatchNorm)
    if layer.running_mean is None or layer.running_var is None:
        return None
    return F.batch_norm(x, layer.running_mean, layer.running_var, eps=layer.eps)


def instance_normal(layer: nn.Module, x: Tensor) -> Tensor:
    """Normalization of each row's channels over space."""
    assert isinstance(layer, nn.modules.instancenorm._InstanceNorm)
    own = layer.running_mean is None
    return F.instance_norm(x, layer.running_mean, layer.running_var, use_input_stats=own, eps=layer.eps)


def group_normal(layer: nn.Module, x: Tensor) -> Tensor:
    """Normalization of each row's groups of channels."""
    assert isinstance(layer, nn.GroupNorm)
    return F.group_norm(x, layer.num_groups, eps=layer.eps)


def layer_normal(layer: nn.Module, x: Tensor) -> Tensor:
    """Normalization over the last axes, at every position."""
    assert isinstance(layer, nn.LayerNorm)
    return F.layer_norm(x, layer.normalized_shape, eps=layer.eps)


def rms_normal(layer: nn.Module, x: Tensor) -> Tensor:
    """Division by the root mean square over the last axes, at every position."""
    assert isinstance(layer, nn.RMSNorm)
    return F.rms_norm(x, list(layer.normalized_shape), eps=layer.eps)


def negative_part(layer: nn.Module, x: Tensor) -> Tensor:
    """What the slope of max(x, 0) + a min(x, 0) multiplies."""
    return x.clamp(max=0)


def _channel_sums(layer: nn.Module, normal: Tensor, G: Tensor) -> dict[str, Factor]:
    n, q, channels = G.shape[:3]
    scale = (G * normal.unsqueeze(1)).reshape(n, q, channels, -1).sum(3)
    return {"weight": Rows(scale), "bias": Rows(G.reshape(n, q, channels, -1).sum(3))}


def _feature_sums(layer: nn.Module, normal: Tensor, G: Tensor) -> dict[str, Factor]:
    n, q = G.shape[:2]
    size = math.prod(layer.normalized_shape)  # pyright: ignore[reportCallIssue, reportArgumentType]
    scale = (G * normal.unsqueeze(1)).reshape(n, q, -1, size).sum(2)
    return {"weight": Rows(scale), "bias": Rows(G.reshape(n, q, -1, size).sum(2))}


def _slope_sums(layer: nn.Module, negative: Tensor, G: Tensor) -> dict[str, Factor]:
    n, q = G.shape[:2]
    slope = (G * negative.unsqueeze(1)).flatten(2)
    if layer.weight.numel() == 1:  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
        return {"weight": Rows(slope.sum(2, keepdim=True))}
    return {"weight": Rows(slope.reshape(n, q, G.shape[2], -1).sum(3))}


_BATCH_NORM = ScaleRule(batch_normal, _channel_sums)
_INSTANCE_NORM = ScaleRule(instance_normal, _channel_sums)

RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: linear,
    nn.Conv1d: convolution,
    nn.Conv2d: convolution,
    nn.Conv3d: convolution,
    nn.ConvTranspose1d: transposed_convolution,
    nn.ConvTranspose2d: transposed_convolution,
    nn.ConvTranspose3d: transposed_convolution,
    nn.Embedding: embedding,
    nn.BatchNorm1d: _BATCH_NORM,
    nn.BatchNorm2d: _BATCH_NORM,
    nn.BatchNorm3d: _BATCH_NORM,
    nn.InstanceNorm1d: _INSTANCE_NORM,
    nn.InstanceNorm2d: _INSTANCE_NORM,
    nn.InstanceNorm3d: _INSTANCE_NORM,
    nn.GroupNorm: ScaleRule(group_normal, _channel_sums),
    nn.LayerNorm: ScaleRule(layer_normal, _feature_sums),
    nn.RMSNorm: ScaleRule(rms_normal, _feature_sums),
    nn.PReLU: ScaleRule(negative_part, _slope_sums),
}

NAMED_RULES: dict[str, Rule] = {"transformers.pytorch_utils.Conv1D": transposed_linear}
"""Layers of other packages, by qualified class name, so that none need be installed."""


def rule_for(layer: nn.Module) -> Rule | None:
    """The rule of a layer whose forward pass is the one the rule was written for; None for any other.

    >>> rule_for(nn.Linear(1, 1)) is linear, rule_for(nn.LSTM(1, 1))
    (True, None)
    """
    if "forward" in vars(layer):  # patched on this one object
        return None
    kind = type(layer)
    named = NAMED_RULES.get(f"{kind.__module__}.{kind.__qualname__}")
    if named is not None:
        return named
    for known, rule in RULES.items():
        if issubclass(kind, known) and kind.forward is known.forward:
            return rule
    return None


def unbatched(layer: nn.Module, x: Tensor) -> bool:
    """Whether a layer was called on one sample without a batch axis (torch's image layers allow that)."""
    if isinstance(layer, nn.modules.conv._ConvNd):
        return x.ndim == len(layer.kernel_size) + 1
    if isinstance(layer, nn.modules.instancenorm._InstanceNorm):
        return x.ndim == layer._get_no_batch_dim()  # pyright: ignore[reportAttributeAccessIssue]
    return isinstance(layer, nn.Embedding) and x.ndim == 0
