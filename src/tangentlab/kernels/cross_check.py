"""A random sub-block of a finished kernel, computed again by plain autograd, row by row and output by output."""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab._errors import NumericalError
from tangentlab._seeds import generator
from tangentlab.kernels.output_flavour import OutputFlavour
from tangentlab.networks.inputs import Inputs, count_rows, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent.sample_gradients import sample_gradients

MOST_OUTPUTS = 16
"""Beyond this many combinations the check looks at this many of them ("full" and "diagonal" only)."""


def cross_check(network: Network, kernel: Tensor, *, flavour: OutputFlavour, x1: Inputs, x2: Inputs | None) -> float:
    """Largest difference from autograd on a random block, relative to √(Θ_ii Θ_jj); refused when it is no rounding.

    Two rows against themselves where the kernel is symmetric (`x2` None), else one row of each batch: 2·min(q, 16)
    backward passes. `kernel` before scaling by the flavour.
    """
    draw = generator(0, "cross-check")
    cotangents = flavour.cotangents(like=next(iter(network.parameters.values())))
    chosen = torch.arange(flavour.count)
    if flavour.count > MOST_OUTPUTS:
        if flavour.contraction == "trace":
            return float("nan")
        chosen = torch.randperm(flavour.count, generator=draw)[:MOST_OUTPUTS]
        cotangents = cotangents[chosen.to(cotangents.device)]
    first = torch.randperm(count_rows(x1), generator=draw)[: 2 if x2 is None else 1]
    second = first if x2 is None else torch.randperm(count_rows(x2), generator=draw)[:1]
    left = _gradients(network, x1, first, cotangents)
    right = left if x2 is None else _gradients(network, x2, second, cotangents)
    products = torch.stack([torch.einsum("nqp,mrp->nmqr", a.double(), b.double()) for a, b in zip(left, right)]).sum(0)
    scale = _norms(left)[:, None, :, None] * _norms(right)[None, :, None, :]
    block = kernel[first.to(kernel.device)][:, second.to(kernel.device)].double()
    chosen = chosen.to(kernel.device)
    if flavour.contraction == "trace":
        products = products.diagonal(dim1=2, dim2=3).sum(-1)
        scale = scale.diagonal(dim1=2, dim2=3).sum(-1)
    elif flavour.contraction == "diagonal":
        products, block = products.diagonal(dim1=2, dim2=3), block[..., chosen]
        scale = scale.diagonal(dim1=2, dim2=3)
    else:
        block = block[:, :, chosen][..., chosen]
    difference = float(((block - products).abs() / scale.clamp_min(torch.finfo(torch.float64).tiny)).max())
    tolerance = 1e-8 if network.dtype == torch.float64 else 2e-3
    if not difference <= tolerance:
        raise NumericalError(
            f"A sub-block of the kernel differs from plain autograd by {difference:.1e} of its size "
            f"(rounding allows {tolerance:.0e}).",
            remedy="Use method='autograd' and report this network: a fast route was wrong for it.",
        )
    return difference


def _gradients(network: Network, x: Inputs, index: Tensor, cotangents: Tensor) -> list[Tensor]:
    rows = network.place(take_rows(x, index))
    found = sample_gradients(network, rows, names=network.names, cotangents=cotangents, way="autograd")
    return [gradient.detach().reshape(*gradient.shape[:2], -1) for gradient in found.values()]


def _norms(gradients: list[Tensor]) -> Tensor:
    return torch.stack([gradient.norm(dim=2).double().square() for gradient in gradients]).sum(0).sqrt()
