"""Whether the mixed derivative of a network is what autograd says: not on a kink, nor through a gradient without graph.

A ReLU without bias has its kink at x = 0, where autograd's convention makes the mixed derivative zero; with biases the
kinks lie elsewhere, and the mixed derivative at a point is right but blind to them. Both, and functions whose backward
pass autograd does not differentiate, show where gradients at two nearby points are subtracted.
"""

from __future__ import annotations

import re
import warnings

import torch
from torch import Tensor

from tangentlab._errors import NetworkError
from tangentlab._seeds import generator
from tangentlab.networks.autograd_graph import operations
from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.network import Network
from tangentlab.networks.safety import in_double
from tangentlab.tangent.mixed_derivative import mixed_derivative
from tangentlab.tangent.products import pull_back

_KINKED = re.compile(
    r"(Relu|LeakyRelu|Prelu|PreluKernel|RreluWithNoise|Threshold|Hardtanh|Hardswish|Hardsigmoid|Hardshrink|Softshrink|"
    r"Abs|Amax|Amin|Max|Min|Maximum|Minimum|Fmax|Fmin|Clamp\w*|Elu|Celu|Median|Nanmedian|Kthvalue|Sort|Topk|"
    r"\w*MaxPool\w*)Backward\d*"
)
_STEPS = {torch.float64: (1e-4, 1e-6, 1e-8), torch.float32: (1e-2, 1e-3)}
"""Lengths of the step to either side, until one shows the derivative: too short to matter for what is smooth, too long
for rounding to. Below the first of them only a norm of zeros is, within √ε of which it turns, or a kink close by."""
_DIFFERENCE = 0.05
REMEDY = "Use smooth activations and pooling: GELU, softplus or tanh for ReLU, average for max pooling."


class KinkWarning(UserWarning):
    """A derivative was taken of a network with kinks, which it does not see."""


class SteepWarning(UserWarning):
    """A derivative was taken where it holds within a very small distance only."""


def kinked_operations(network: Network, points: Tensor) -> list[str]:
    """Operations with kinks that the outputs at some points are computed with.

    >>> kinked_operations(Network(torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU())), torch.zeros(1, 2))
    ['Relu']
    """
    with preserved_random_state(network.device), torch.enable_grad(), network.differentiable(network.names):
        f = network.apply({}, points.clone().requires_grad_(True))
        names = sorted(name.partition("Backward")[0] for name in operations(f) if _KINKED.fullmatch(name))
    return list(dict.fromkeys(names))


def expect_smooth(network: Network, point: Tensor, *, cotangents: Tensor) -> None:
    """Refuse a point (1, *shape) at which the mixed derivative is not the change of the gradient; warn about kinks.

    >>> expect_smooth(Network(torch.nn.Linear(2, 1)), torch.zeros(1, 2), cotangents=torch.eye(1))
    >>> bent = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    >>> expect_smooth(Network(bent), torch.zeros(1, 2), cotangents=torch.eye(1))
    Traceback (most recent call last):
    tangentlab._errors.NetworkError: The network has a kink at this point (Relu), so that its mixed derivative ...
    """
    network, point = in_double(network, network.place(point))
    found = kinked_operations(network, point)
    draw = generator(0, "smoothness")
    along = torch.randn(point.shape, generator=draw, dtype=torch.float64)
    along = (along / along.norm()).to(point)
    weights = torch.randn(1, len(cotangents), generator=draw, dtype=torch.float64).to(point) @ cotangents.to(point)
    with mixed_derivative(network, point, cotangents=weights) as D:
        derivative = torch.cat([part.flatten().double() for part in D.push(along[0]).values()])

    def changes_so(step: float) -> bool:
        with preserved_random_state(network.device):
            sides = [pull_back(network, point + s * step * along, weights=weights) for s in (-1, 0, 1)]
        below, here, above = (torch.cat([part.flatten().double() for part in side.values()]) for side in sides)
        rounding = 10 * float(torch.finfo(network.dtype).eps) * float(below.norm() + above.norm()) / step
        changes = (above - here) / step, (here - below) / step
        sizes = [max(float(derivative.norm()), float(change.norm())) for change in changes]
        return all(
            float((change - derivative).norm()) <= _DIFFERENCE * size + rounding
            for change, size in zip(changes, sizes)
        )

    steps = _STEPS.get(network.dtype, _STEPS[torch.float32])
    step = next((step for step in steps if changes_so(step)), None)
    if step is None:
        _refuse(network, found)
    elif step < steps[0] and not found:
        warnings.warn(
            f"The mixed derivative holds within {step:.0e} of this point and is another at {steps[0]:.0e} from it, as "
            "where LayerNorm or GroupNorm meets rows of zeros: its directions say nothing of tasks on a larger scale. "
            "Take `smoothed_anisotropy`, which averages over such a scale, or give the norm inputs with a bias.",
            SteepWarning,
            stacklevel=4,
        )
    if found:
        warnings.warn(
            f"The network has kinks ({', '.join(found)}) that a second derivative does not see: its directions tell "
            f"how it behaves within one linear piece. {REMEDY}",
            KinkWarning,
            stacklevel=4,  # past the decorator of those who ask
        )


def _refuse(network: Network, kinks: list[str]) -> None:
    if kinks:
        raise NetworkError(
            f"The network has a kink at this point ({', '.join(kinks)}), so that its mixed derivative in weights and "
            "inputs means nothing there.",
            remedy=REMEDY,
        )
    raise NetworkError(
        f"Autograd's derivative of the gradient of {type(network.module).__name__} is not how the gradient changes "
        "from point to point: a function of its forward pass has a backward pass that cannot be differentiated.",
        remedy="Write that function in differentiable operations, or give its backward pass a graph.",
    )
