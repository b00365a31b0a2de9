"""What a kernel must cost: floating-point operations that no known algorithm avoids, at the machine's own speed.

Counted, from the shapes of the layers that hold weights (n rows; q outputs of the network, all pulled back; s
positions, i inputs and o outputs of a layer, k² taps of a convolution):

    forward      2 n s i o
    backward     2 n q s i o                       to the layer's input; none for the first layer
    Gram         the cheapest of these, half of a symmetric matrix:
      Hadamard   n² i + pairs n² o                 (A Aᵀ) * (G Gᵀ), where s = 1
      explicit   2 n q s i o + pairs n² i o        per-sample weight gradients, then their Gram
      pairwise   n² s² i + pairs n² s² (o + 1)     Σ_st (A Aᵀ)[s, t] (G Gᵀ)[s, t]; a convolution of stride 1 that
                 keeps the image's size takes its A Aᵀ from the pixels, n² (s² i / k² + s⁴)

`pairs` are the products of gradients that a pair of rows asks for: q² for "full", q for the trace, a sum of q.
Not counted: activations, normalizations, the matrix products inside attention, sums, memory traffic. So the limit is
a lower bound, and nobody reaches it.

The speed is that of one large true-float32 matrix product by the quickest library here (`product_rate`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from workloads import Workload


@dataclass(frozen=True)
class Layer:
    """A layer with weights, by its sizes."""

    positions: int
    inputs: int
    outputs: int
    pixels: int
    """Inputs without the taps of a kernel where A Aᵀ may be taken from pixels, else 0."""
    bias: bool
    """One more input, always 1: free in A Aᵀ, a column of the explicit gradients."""

    @property
    def product(self) -> int:
        """Multiplications and additions of one row's forward pass."""
        return 2 * self.positions * self.inputs * self.outputs


@dataclass(frozen=True)
class Operations:
    """Floating-point operations by what they are for."""

    forward: float
    backward: float
    weight_gradients: float
    gram: float

    @property
    def total(self) -> float:
        return self.forward + self.backward + self.weight_gradients + self.gram


def layers(module: nn.Module, row: Tensor) -> tuple[list[Layer], int]:
    """The layers with weights in the order they run, and the parameters outside them."""
    found: list[Layer] = []
    inside = 0

    def see(layer: nn.Module, received: tuple[Tensor, ...], given: Tensor) -> None:
        nonlocal inside
        weight, bias = layer.weight, layer.bias
        outputs = weight.shape[0]
        same = (
            isinstance(layer, nn.Conv2d) and received[0].shape[2:] == given.shape[2:] and weight[0, 0].numel() > 1
        )
        inside += weight.numel() + (0 if bias is None else bias.numel())
        pixels = weight.shape[1] if same else 0
        found.append(Layer(given.numel() // outputs, weight[0].numel(), outputs, pixels, bias is not None))

    hooks = [
        layer.register_forward_hook(see) for layer in module.modules() if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    with torch.no_grad():
        module(row)
    for hook in hooks:
        hook.remove()
    return found, sum(p.numel() for p in module.parameters()) - inside


def operations(module: nn.Module, workload: Workload, row: Tensor) -> Operations:
    """The least that the workload's kernel costs, see the top of this file."""
    found, rest = layers(module, row)
    n, q = workload.rows, workload.classes
    pairs = q**2 if workload.flavour == "full" else q
    forward = sum(n * layer.product for layer in found)
    backward = sum(n * q * layer.product for layer in found[1:])
    weight_gradients, gram = 0.0, float(n**2 * pairs * rest)
    for layer in found:
        for_weights, for_gram = min(_contractions(layer, n=n, q=q, pairs=pairs), key=sum)
        weight_gradients += for_weights
        gram += for_gram
    return Operations(forward, backward, weight_gradients, gram)


def _contractions(layer: Layer, *, n: int, q: int, pairs: int) -> list[tuple[float, float]]:
    s, i, o = layer.positions, layer.inputs, layer.outputs
    ways = [(n * q * layer.product, n**2 * pairs * (i + layer.bias) * o)]
    if s == 1:
        ways.append((0, n**2 * (i + pairs * o)))
    else:
        left = min(s**2 * i, s**2 * layer.pixels + s**4) if layer.pixels else s**2 * i
        ways.append((0, n**2 * (left + pairs * s**2 * (o + 1))))
    return ways


def product_rate(size: int = 2048) -> tuple[float, str, float]:
    """Operations a second of a float32 product of that size, the library that gave it, and its error.

    The error is relative to float64, at a spot; a library that gives up digits is not asked again.
    """
    A, B = torch.randn(2, size, size, generator=torch.Generator().manual_seed(0))
    exact = A[:64].double() @ B.double()
    found = []
    for name, multiply in _products().items():
        try:
            multiply(A, B)
            start = time.perf_counter()
            result = multiply(A, B)
            seconds = time.perf_counter() - start
        except (RuntimeError, NotImplementedError):
            continue
        error = float((result[:64].double() - exact).abs().max() / exact.abs().max())
        if error < 3e-6:
            found.append((2 * size**3 / seconds, name, error))
    return max(found)


def _products() -> dict:
    onednn = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    ways = {"torch": torch.mm}
    if onednn is not None:
        ways["oneDNN"] = lambda A, B: onednn(A, B.T, None, "none", [], "")
    return ways
