"""Anisotropy directions of inputs of a size, not only near 0: the mixed derivative averaged over Gaussian inputs.

Formula   D̄ = E[D(x)], x ~ N(0, σ²I), exact for linear tasks of any σ (Stein); D̄ᵀD̄ v_k = s_k² v_k
Bias      the directions are those of an average over a sample, and too long along its noise; the values are the
          U-statistic of ‖D̄ v_k‖² on another, independent sample, unbiased for the directions as they are
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._seeds import numpy_generator
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.anisotropy import bound, leading
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.networks.evaluation import outside_inference_mode
from tangentlab.probes.direction_alignment import scaled
from tangentlab.probes.jackknife import Jackknife
from tangentlab.probes.squared_mean import squared_mean
from tangentlab.tangent.mixed_derivative import mixed_derivative
from tangentlab.tangent.smoothness import expect_smooth


@dataclass(frozen=True, eq=False)
class SmoothedAnisotropy:
    """Directions `vectors` (k, *shape) by the average over one sample, their squared lengths on another.

    >>> found = smoothed_anisotropy(torch.nn.Linear(3, 1), (3,), 2, sigma=1.0, pairs=8, blocks=4)
    >>> found.values.tolist(), found.vectors.shape                                    # D is the identity everywhere
    ([1.0, 1.0], torch.Size([2, 3]))
    """

    vectors: Tensor = field(repr=False)
    energies: tuple[Jackknife, ...]
    """‖D̄ v_k‖² of each, with its error over the second sample."""
    plug_in: Tensor
    """(k,) the eigenvalues on the first sample, biased upwards; largest first."""
    sigma: float

    @property
    def values(self) -> Tensor:
        """The energies (k,), float64; in the order of the directions, which is not quite their own."""
        return torch.tensor([energy.value for energy in self.energies], dtype=torch.float64)


@outside_inference_mode()
def smoothed_anisotropy(
    model: Any,
    shape: tuple[int, ...] | int,
    k: int,
    *,
    sigma: float,
    pairs: int = 96,
    blocks: int = 16,
    outputs: Outputs = "trace",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
    level: float = 0.95,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> SmoothedAnisotropy:
    """The k leading directions of E[D(x)] over x ~ N(0, σ²I), by `pairs` of x and −x for either sample.

    `outputs`, `parameters`, `mode` and `dtype` as in `anisotropy_directions`, and so are the errors; `blocks` are what
    the jackknife leaves out in turn. Memory: the graph of 64 inputs, and `blocks` gradients.

    >>> model = torch.nn.Linear(2, 2)                        # each input moves the sum of outputs by two weights
    >>> round(smoothed_anisotropy(model, 2, 1, sigma=0.5, outputs="sum").energies[0].value, 6)
    2.0
    """
    network, shape, flavour = bound(model, shape, outputs=outputs, parameters=parameters, mode=mode, dtype=dtype)
    if not 0 < sigma < float("inf"):
        raise ArgumentError(
            "sigma", expected="a finite number above 0", got=repr(sigma), remedy="At 0, use anisotropy_directions."
        )
    blocks = expect_whole_number("blocks", blocks, least=3)
    pairs = expect_whole_number("pairs", pairs, least=blocks) // blocks * blocks
    cotangents = flavour.cotangents(like=torch.zeros(1)).to(network.device, network.dtype)

    def drawn(part: str) -> Tensor:
        noise = numpy_generator(seed, "smoothed anisotropy", part).standard_normal((pairs, *shape))
        x = sigma * torch.from_numpy(noise)
        return torch.stack([x, -x], dim=1)

    expect_smooth(network, drawn("directions")[0, :1], cotangents=cotangents)
    with mixed_derivative(network, drawn("directions").flatten(0, 1), cotangents=cotangents) as D:
        plug_in, vectors = leading(D, k, tolerance=None, seed=seed, progress=progress)
    pushed: list[list[Tensor]] = [[] for _ in vectors]
    for part in drawn("energies").chunk(blocks):
        with mixed_derivative(network, part.flatten(0, 1), cotangents=cotangents) as D:
            for vector, found in zip(vectors, pushed):
                found.append(torch.cat([one.flatten() for one in D.push(vector).values()]))
    energies = tuple(scaled(squared_mean(found, level=level), flavour.scale) for found in pushed)
    return SmoothedAnisotropy(vectors, energies, flavour.scale * plug_in, sigma)
