"""Layer rules: from a layer's input and the gradient of its output, the per-sample gradients of its parameters.

Each rule is a pure function `(layer, x, G) -> {parameter: Factor}` with x (n, ...) what the layer was given and
G (n, q, ...) the gradients of q output combinations in what it returned. `RULES` is the whole table; parameters that
no rule covers take the general route (`sample_gradients`).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tangentlab.tangent.factors import Factor, Outer, Rows, Tokens, Windows
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


def batch_norm(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """Batch normalization with its running statistics: a fixed affine map of each channel."""
    assert isinstance(layer, nn.modules.batchnorm._BatchNorm)
    if layer.running_mean is None or layer.running_var is None:
        return {}
    normal = F.batch_norm(x, layer.running_mean, layer.running_var, eps=layer.eps)
    return _channel_scale(normal, G)


def instance_norm(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """Normalization of each row's channels over space."""
    assert isinstance(layer, nn.modules.instancenorm._InstanceNorm)
    own = layer.running_mean is None
    normal = F.instance_norm(x, layer.running_mean, layer.running_var, use_input_stats=own, eps=layer.eps)
    return _channel_scale(normal, G)


def group_norm(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """Normalization of each row's groups of channels."""
    assert isinstance(layer, nn.GroupNorm)
    return _channel_scale(F.group_norm(x, layer.num_groups, eps=layer.eps), G)


def layer_norm(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """Normalization over the last axes, at every position."""
    assert isinstance(layer, nn.LayerNorm)
    return _feature_scale(F.layer_norm(x, layer.normalized_shape, eps=layer.eps), G, len(layer.normalized_shape))


def rms_norm(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """Division by the root mean square over the last axes, at every position."""
    assert isinstance(layer, nn.RMSNorm)
    shape = list(layer.normalized_shape)
    return _feature_scale(F.rms_norm(x, shape, eps=layer.eps), G, len(shape))


def prelu(layer: nn.Module, x: Tensor, G: Tensor) -> dict[str, Factor]:
    """max(x, 0) + a min(x, 0), one slope or one for each channel."""
    slope = (G * x.clamp(max=0).unsqueeze(1)).flatten(2)
    n, q = G.shape[:2]
    if layer.weight.numel() == 1:  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
        return {"weight": Rows(slope.sum(2, keepdim=True))}
    return {"weight": Rows(slope.reshape(n, q, G.shape[2], -1).sum(3))}


def _channel_scale(normal: Tensor, G: Tensor) -> dict[str, Factor]:
    n, q, channels = G.shape[:3]
    # one output at a time: a product with all of them would be new memory
    scale = torch.stack([(G[:, k] * normal).reshape(n, channels, -1).sum(2) for k in range(q)], dim=1)
    return {"weight": Rows(scale), "bias": Rows(G.reshape(n, q, channels, -1).sum(3))}


def _feature_scale(normal: Tensor, G: Tensor, axes: int) -> dict[str, Factor]:
    n, q = G.shape[:2]
    size = G.shape[G.ndim - axes :].numel()
    scale = torch.stack([(G[:, k] * normal).reshape(n, -1, size).sum(1) for k in range(q)], dim=1)
    return {"weight": Rows(scale), "bias": Rows(G.reshape(n, q, -1, size).sum(2))}


RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: linear,
    nn.Conv1d: convolution,
    nn.Conv2d: convolution,
    nn.Conv3d: convolution,
    nn.ConvTranspose1d: transposed_convolution,
    nn.ConvTranspose2d: transposed_convolution,
    nn.ConvTranspose3d: transposed_convolution,
    nn.Embedding: embedding,
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
    nn.BatchNorm3d: batch_norm,
    nn.InstanceNorm1d: instance_norm,
    nn.InstanceNorm2d: instance_norm,
    nn.InstanceNorm3d: instance_norm,
    nn.GroupNorm: group_norm,
    nn.LayerNorm: layer_norm,
    nn.RMSNorm: rms_norm,
    nn.PReLU: prelu,
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
