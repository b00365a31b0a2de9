"""The density of a kernel's spectrum, with error bars, where its eigenvalues are too many to compute.

Formula   ρ(u) = Σ_i g((u − u_i) / width) / width, u = log10 λ or λ, g the normal density; it integrates to n
Source    Lin, Saad and Yang 2016; from Lanczos quadrature (see `lanczos_quadrature`)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10, pi
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab._shapes import expect_whole_number
from tangentlab.linalg.eigenpairs import Eigenpairs
from tangentlab.linalg.lanczos_quadrature import lanczos_quadrature
from tangentlab.linalg.linear_map import LinearMap
from tangentlab.linalg.trace_estimate import TraceEstimate

SCALES = ("log", "linear")


@dataclass(frozen=True, eq=False)
class SpectralDensity:
    """Eigenvalues per unit of log10 λ (scale "log") or of λ ("linear"), smoothed by a normal of deviation `width`.

    `at` (g,) are the λ themselves, `density` (g,) and its `standard_error` (g,). On the log scale the eigenvalues
    at or below `floor`, the rounding of K, have no logarithm: `below` estimates how many.

    >>> found = spectral_density(torch.eye(8).double(), points=3)
    >>> found.scale, found.below.value, bool((found.standard_error < 1e-9).all())
    ('log', 0.0, True)
    """

    at: Tensor
    density: Tensor
    standard_error: Tensor
    scale: str
    width: float
    floor: float
    below: TraceEstimate


def spectral_density(
    K: Any,
    *,
    points: int = 200,
    scale: str = "log",
    width: float | None = None,
    probes: int = 10,
    steps: int = 60,
    pairs: Eigenpairs | None = None,
    seed: int = 0,
) -> SpectralDensity:
    """The smoothed spectral density of K (see `LinearMap.of`) from probes · steps products.

    Parameters
    ----------
    scale: "log" for a positive K, over log10 λ from its rounding to its largest; "linear" for any
    width: of the smoothing, in decades or in λ; default 0.15 decades, or 1/50 of the range. Steps should resolve it
    probes, steps, pairs, seed: see `lanczos_quadrature`

    >>> found = spectral_density(torch.diag(torch.tensor([1.0, 2.0])), scale="linear", points=5)
    >>> found.at.shape
    torch.Size([5])
    """
    if scale not in SCALES:
        raise UnknownNameError("scale", scale, SCALES)
    points = expect_whole_number("points", points, least=2, remedy="Try 200.")
    if width is not None and not 0 < width < float("inf"):
        raise ArgumentError("width", expected="a number above 0", got=repr(width), remedy="Leave it out.")
    K = LinearMap.of(K)
    rule = lanczos_quadrature(K, probes=probes, steps=steps, pairs=pairs, seed=seed)
    nodes = torch.cat([rule.nodes.flatten(), rule.known])
    largest = float(nodes.abs().max())
    floor = max(K.rounding, K.size * float(torch.finfo(torch.float64).eps)) * largest
    below = rule.trace(lambda values: (values <= floor).double())
    if scale == "log" and largest == 0:
        raise ArgumentError(
            "K",
            expected="a kernel that is not zero for a logarithmic scale",
            got="zeros",
            remedy="Use scale='linear'.",
        )
    log = scale == "log"
    low = log10(floor) if log else float(nodes.min())
    high = log10(largest) if log else float(nodes.max())
    width = width or (0.15 if log else max(high - low, abs(high), 1e-300) / 50)
    grid = torch.linspace(low - 3 * width, high + 3 * width, points, dtype=torch.float64, device=K.device)

    def smooth(values: Tensor) -> Tensor:
        """(…, s) eigenvalues to (…, s, g) normal densities around them."""
        u = torch.where(values > floor, values, torch.nan).log10() if log else values
        g = torch.exp(-0.5 * ((grid - u[..., None]) / width) ** 2) / (width * (2 * pi) ** 0.5)
        return torch.nan_to_num(g, nan=0.0)

    each = torch.stack([w @ smooth(v) for w, v in zip(rule.weights, rule.nodes)])
    density = each.mean(0) + smooth(rule.known).sum(0)
    error = each.std(0) / len(each) ** 0.5
    return SpectralDensity(10**grid if log else grid, density, error, scale, width, floor, below)
