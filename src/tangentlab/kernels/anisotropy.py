"""Neural anisotropy directions: in which directions of its inputs a network learns to tell classes apart quickly.

Formula   D = ∂²f(θ0, x) / ∂θ ∂x at x = 0, (p, d);  DᵀD v_k = s_k² v_k        Ortiz-Jimenez et al., 2021
          α(sign(uᵀx)) → (2σ²/π) ‖D u‖² for x ~ N(0, σ²I) as σ → 0: the alignment of the kernel with a linear task
Cost      all: d products with D and its transpose; k: some 2 k of them (see `krylov_eigenpairs`); p numbers each
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import NumericalError, UnknownNameError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.output_flavour import OutputFlavour, Outputs, check_outputs, output_flavour
from tangentlab.kernels.tiles import Progress
from tangentlab.linalg import LinearMap, NumericalWarning, fix_signs, krylov_eigenpairs
from tangentlab.linalg.block_krylov import dense_eigenpairs
from tangentlab.networks.evaluation import outside_inference_mode
from tangentlab.networks.network import Network
from tangentlab.networks.safety import inspect_network
from tangentlab.networks.sizes import expect_input_shape
from tangentlab.tangent.mixed_derivative import MixedDerivative, mixed_derivative
from tangentlab.tangent.smoothness import expect_smooth

DENSE_SIZE = 4096
"""Up to here all directions are computed where a search for the first of them does not settle."""


@outside_inference_mode()
def anisotropy_directions(
    model: Any,
    shape: tuple[int, ...] | int,
    k: int | None = None,
    *,
    outputs: Outputs = "trace",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
    tolerance: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Tensor, Tensor]:
    """Eigenvalues s_k² of DᵀD (k,), largest first, and directions (k, *shape) of length 1; all d of them if k is None.

    Parameters
    ----------
    model: a module, Network or callable of one input, with smooth activations; see `Network` for parameters and mode
    shape: of one input row, such as (1, 28, 28)
    outputs: of several outputs, "trace" adds their DᵀD, "mean" divides that by c, "sum" takes the sum of the outputs,
        and an integer one of them. For one output all agree
    dtype: torch.float64 or float32 to compute in another precision than the parameters'; values and directions have it
    tolerance, seed: of the search for k of them; the largest entry of each direction is positive

    Raises NetworkError where the network has a kink at 0 (ReLU without biases, max pooling), and warns where it has
    kinks elsewhere. Equal eigenvalues leave directions free within their space.

    For f(x) = w·x, D is the identity: no direction is preferred.

    >>> values, vectors = anisotropy_directions(torch.nn.Linear(3, 1), (3,))
    >>> values.tolist(), vectors.shape
    ([1.0, 1.0, 1.0], torch.Size([3, 3]))
    """
    network, shape, flavour = bound(model, shape, outputs=outputs, parameters=parameters, mode=mode, dtype=dtype)
    points = torch.zeros(1, *shape)
    cotangents = flavour.cotangents(like=points)
    expect_smooth(network, points, cotangents=cotangents)
    with mixed_derivative(network, points, cotangents=cotangents) as D:
        values, vectors = leading(D, k, tolerance=tolerance, seed=seed, progress=progress)
    return flavour.scale * values, vectors


def bound(
    model: Any, shape: Any, *, outputs: Outputs, parameters: Any, mode: str | None, dtype: torch.dtype | None
) -> tuple[Network, tuple[int, ...], OutputFlavour]:
    """The network, checked on rows of this shape, the shape, and the combinations of outputs that count.

    >>> bound(torch.nn.Linear(3, 2), 3, outputs="sum", parameters=None, mode=None, dtype=None)[1:]
    ((3,), OutputFlavour(name='sum', outputs=2, count=1, contraction='trace', scale=1.0))
    """
    shape = expect_input_shape(shape, name="shape")  # type: ignore[arg-type]
    if check_outputs(outputs) in ("full", "diagonal"):
        raise UnknownNameError("outputs", str(outputs), ("trace", "mean", "sum", "an integer"))
    network = Network(model, parameters=parameters, mode=mode).to(dtype=dtype)
    rows = torch.randn(2, *shape, generator=generator(0, "rows for a check"))
    found = inspect_network(network, network.place(torch.cat([torch.zeros_like(rows[:1]), rows])))
    return network, shape, output_flavour(outputs, outputs=found.outputs)


def leading(
    D: MixedDerivative, k: int | None, *, tolerance: float | None, seed: int, progress: Progress | None
) -> tuple[Tensor, Tensor]:
    """The k largest eigenvalues of DᵀD and their directions, in the network's dtype."""
    size, dtype = D.size, D.network.dtype
    if k is not None:
        expected = f"an integer from 1 to the size of an input, {size}"
        k = expect_whole_number("k", k, most=size, expected=expected, remedy="Leave it out for all directions.")
    rounding = float(torch.finfo(dtype).eps)
    made = 0

    def apply(vectors: Tensor) -> Tensor:
        nonlocal made
        products = D.gram(vectors)
        for _ in vectors.T:
            made += 1
            if progress is not None:
                progress(made, max(made, size if k is None else min(size, 3 * k)))
        return products

    whole = LinearMap(size, dtype, D.network.device, apply, rounding, name="DᵀD")
    wanted = size if k is None else k
    found = krylov_eigenpairs(whole, wanted, tolerance=tolerance, seed=seed)
    if found.doubt is not None and size <= DENSE_SIZE:  # a flat spectrum: no small search finds its way in it
        found = dense_eigenpairs(whole, wanted)
    if found.doubt is not None:
        warnings.warn(found.doubt, NumericalWarning, stacklevel=3)
    if not bool(found.values.any()):
        raise NumericalError(
            "The mixed derivative of the network in its weights and its inputs is zero, so that no direction differs "
            "from another.",
            remedy="Check that the outputs depend on the inputs, and that parameters= selects some that matter.",
        )
    vectors = fix_signs(found.vectors).T.reshape(-1, *D.shape)
    return found.values.clamp_min(0).to(dtype), vectors.to(dtype).contiguous()
