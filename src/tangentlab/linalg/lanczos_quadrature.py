"""tr φ(K) for any φ at once, from Lanczos runs at random vectors: nodes and weights that stand for the spectrum.

Formula   zᵀ φ(K) z ≈ ‖z‖² Σ_j w_j φ(θ_j), θ the eigenvalues of the tridiagonal matrix of a Lanczos run from z and w
          the squared first entries of its eigenvectors; exact for polynomials of degree below twice the steps
Source    Golub and Meurant 2010; Ubaru, Chen and Saad 2017
Error     between the random vectors; eigenpairs that are known are taken out and add none
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._seeds import generator
from tangentlab._shapes import expect_shape, expect_whole_number
from tangentlab.linalg.eigenpairs import Eigenpairs
from tangentlab.linalg.linear_map import LinearMap
from tangentlab.linalg.trace_estimate import TraceEstimate


@dataclass(frozen=True, eq=False)
class LanczosQuadrature:
    """`nodes` and `weights` (probes, steps), each row a measure of mass `size` − known; `known` (k,) eigenvalues.

    >>> rule = lanczos_quadrature(torch.diag(torch.tensor([1.0, 3.0])), probes=2, steps=2)
    >>> round(rule.trace(lambda values: values**0).value, 9)
    2.0
    """

    nodes: Tensor
    weights: Tensor
    known: Tensor
    products: int

    def trace(self, function: Callable[[Tensor], Tensor]) -> TraceEstimate:
        """tr φ(K) for φ of eigenvalues, elementwise on float64 tensors.

        >>> rule = lanczos_quadrature(torch.eye(5), probes=3, steps=2)
        >>> round(rule.trace(torch.exp).value / 5, 6)
        2.718282
        """
        each = (self.weights * function(self.nodes)).sum(1)
        error = float(each.std() / len(each) ** 0.5)
        return TraceEstimate(float(each.mean() + function(self.known).sum()), error, self.products)


def lanczos_quadrature(
    K: Any, *, probes: int = 10, steps: int = 60, pairs: Eigenpairs | None = None, seed: int = 0
) -> LanczosQuadrature:
    """Nodes and weights from `probes` random vectors, `steps` products each (see `LinearMap.of` for K).

    `pairs`, the largest eigenpairs where they are known, are counted exactly and only the rest is sampled: a kernel's
    few large eigenvalues are what makes such estimates vary. Memory: probes · steps vectors.

    >>> lanczos_quadrature(torch.eye(3), probes=2, steps=9).nodes.shape
    torch.Size([2, 3])
    """
    K = LinearMap.of(K)
    n = K.size
    probes, steps = (
        expect_whole_number(name, count, least=least, remedy="Leave it out for the default.")
        for name, count, least in (("probes", probes, 2), ("steps", steps, 1))
    )
    V = torch.zeros(n, 0, dtype=torch.float64, device=K.device) if pairs is None else pairs.vectors.to(K.device)
    known = V.new_zeros(0) if pairs is None else pairs.values.to(V)
    expect_shape("pairs.vectors", V, "n k", n=n, k=len(known))
    rest = n - len(known)
    steps = max(1, min(steps, rest))
    z = torch.randn(n, probes, generator=generator(seed, "lanczos_quadrature"), dtype=torch.float64).to(V)
    z = z - V @ (V.T @ z)
    basis = torch.empty(steps, n, probes, dtype=torch.float64, device=K.device)
    basis[0] = z / z.norm(dim=0).clamp_min(torch.finfo(z.dtype).tiny)
    diagonal, beside = basis.new_zeros(steps, probes), basis.new_zeros(max(steps - 1, 0), probes)
    for j in range(steps):
        image = K(basis[j].to(K.dtype)).double()
        image = image - V @ (V.T @ image)
        diagonal[j] = (basis[j] * image).sum(0)
        if j + 1 == steps:
            break
        scale = image.norm(dim=0)
        for _ in range(2):
            image = image - torch.einsum(
                "jnp,jp->np", basis[: j + 1], torch.einsum("jnp,np->jp", basis[: j + 1], image)
            )
        length = image.norm(dim=0)
        length = torch.where(length > n**0.5 * K.rounding * scale, length, 0.0)  # an invariant space: nothing left
        beside[j] = length
        basis[j + 1] = image / torch.where(length > 0, length, torch.inf)
    tridiagonal = torch.diag_embed(diagonal.T)
    if steps > 1:
        tridiagonal = tridiagonal + torch.diag_embed(beside.T, 1) + torch.diag_embed(beside.T, -1)
    nodes, vectors = torch.linalg.eigh(tridiagonal)
    return LanczosQuadrature(nodes, rest * vectors[:, 0].square(), known, probes * steps)
