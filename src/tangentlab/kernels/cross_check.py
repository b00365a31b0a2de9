"""A random sub-block of a finished kernel, computed again by plain autograd, one row at a time.

Formula   full      uᵀ Θ[i, j] v = ⟨J_iᵀ u, J_jᵀ v⟩ for random unit u of row i and v of row j: every pair of outputs
          trace     Σ_k ⟨∂f_k(x_i), ∂f_k(x_j)⟩
          diagonal  ⟨∂f_k(x_i), ∂f_k(x_j)⟩ for one random k
Cost      two backward passes, 2q for a trace
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from tangentlab._errors import NumericalError
from tangentlab._seeds import generator
from tangentlab.kernels.output_flavour import OutputFlavour
from tangentlab.kernels.reduced_precision import TOLERANCES
from tangentlab.networks.inputs import Inputs, count_rows, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent.products import autograd_gradients

MOST_TRACED = 64
"""A trace over more combinations than this is not checked: it would cost more than the kernel."""


def cross_check(
    network: Network,
    kernel: Tensor | Callable[[Tensor, Tensor], Tensor],
    *,
    flavour: OutputFlavour,
    x1: Inputs,
    x2: Inputs | None,
    precision: str = "float32",
) -> float:
    """Largest difference from autograd on a random block, relative to √(Θ_ii Θ_jj); refused when it is no rounding.

    Two rows against themselves where the kernel is symmetric (`x2` None), else one row of each batch. `kernel`
    before scaling by the flavour, or what reads it at a few rows and columns. `precision` as the kernel was made.
    """
    draw = generator(0, "cross-check")
    first = torch.randperm(count_rows(x1), generator=draw)[: 2 if x2 is None else 1]
    second = first if x2 is None else torch.randperm(count_rows(x2), generator=draw)[:1]
    if isinstance(kernel, Tensor):
        block = kernel[first.to(kernel.device)][:, second.to(kernel.device)].double()
    else:
        block = kernel(first, second)
    count, like = flavour.count, next(iter(network.parameters.values()))
    draws = torch.nn.functional.normalize(torch.randn(2, count, generator=draw, dtype=torch.float64)).to(block)
    if flavour.contraction == "diagonal":
        chosen = int(torch.randint(count, (1,), generator=draw))
        draws = torch.eye(count).to(block)[[chosen, chosen]]
        block = block[..., chosen]
    u = draws[: len(first)]  # a combination of its own for each row
    v = u if x2 is None else draws[1:]
    if flavour.contraction == "full":
        block = torch.einsum("ik,ijkl,jl->ij", u, block, v)
    basis = flavour.cotangents(like=like)
    if flavour.contraction == "trace":
        if count > MOST_TRACED:
            return float("nan")
        sides = [(side, side) for side in basis.split(1)]
    else:
        sides = [(u.to(basis) @ basis, v.to(basis) @ basis)]
    products, left, right = torch.zeros_like(block), torch.zeros_like(block[:, 0]), torch.zeros_like(block[0])
    of_left = _gradients(network, x1, first, [at for at, _ in sides])
    if x2 is None:
        for a in of_left:
            found = _gram(a)
            products += found
            left += found.diagonal()
    else:
        for a, b in zip(of_left, _gradients(network, x2, second, [at for _, at in sides])):
            products += torch.stack([torch.stack([_inner(g, h) for h in b]) for g in a])
            left += _squares(a)
            right += _squares(b)
    left, right = left.sqrt(), (left if x2 is None else right).sqrt()
    # wide enough for layers that work in float32 inside; a wrong route is wrong by its whole size
    tolerance = max(1e-6 if network.dtype == torch.float64 else 2e-3, TOLERANCES[precision])
    difference = _relative(block - products, left, right)
    if not difference <= tolerance:  # rows whose gradients cancel to nothing are rounding on both sides
        any_side = torch.randn(1, flavour.outputs, generator=draw, dtype=torch.float64).to(basis)
        noise = 100 * torch.finfo(network.dtype).eps / tolerance
        left = left + noise * _squares(next(_gradients(network, x1, first, [any_side]))).sqrt()
        other = x1 if x2 is None else x2
        right = right + noise * _squares(next(_gradients(network, other, second, [any_side]))).sqrt()
        difference = _relative(block - products, left, right)
    if not difference <= tolerance:
        raise NumericalError(
            f"A sub-block of the kernel differs from plain autograd by {difference:.1e} of its size "
            f"(rounding allows {tolerance:.0e}).",
            remedy="Use method='autograd' and report this network: a fast route was wrong for it.",
        )
    return difference


def _relative(error: Tensor, left: Tensor, right: Tensor) -> float:
    return float((error.abs() / torch.outer(left, right).clamp_min(torch.finfo(torch.float64).tiny)).max())


def _squares(gradients: list[list[Tensor]]) -> Tensor:
    return torch.stack([_inner(gradient, gradient) for gradient in gradients])


def _gram(gradients: list[list[Tensor]]) -> Tensor:
    """⟨g, h⟩ for all pairs, each once."""
    found = torch.diag(_squares(gradients))
    for i, g in enumerate(gradients):
        for j, h in enumerate(gradients[:i]):
            found[i, j] = found[j, i] = _inner(g, h)
    return found


def _inner(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """⟨a, b⟩ over all parameters; float32 within one, which rounds by far less than is allowed."""
    return torch.stack([torch.dot(g, h).double() for g, h in zip(a, b)]).sum()


def _gradients(
    network: Network, x: Inputs, index: Tensor, sides: Sequence[Tensor]
) -> Iterator[list[list[Tensor]]]:
    """J_iᵀ u_i for each row, by parameter, for one u of `sides` after another: (rows, c), or (1, c) one for all."""
    with network.differentiable(network.names) as leaves:
        outputs = []
        for i in index:
            with torch.enable_grad():
                outputs.append(network.apply({}, network.place(take_rows(x, i.reshape(1)))))
        for k, u in enumerate(sides):
            more = k + 1 < len(sides)
            found = []
            for f, of_row in zip(outputs, u.expand(len(index), -1)):
                gradients = autograd_gradients(network, f, leaves, of_row.expand_as(f), retain_graph=more)
                found.append([g.flatten() for g in gradients])
            yield found
