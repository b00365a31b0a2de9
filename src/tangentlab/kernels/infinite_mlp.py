"""The fully connected network of infinite width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

from torch import Tensor, nn

from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.infinite_layers import Activation, Dense, Flatten, expect_deviation
from tangentlab.kernels.infinite_width import InfiniteKernels, InfiniteWidthNetwork


@final
@dataclass(frozen=True)
class InfiniteWidthMLP:
    """f(x) = readout(φ(… φ(x W₁/√d + b₁) …)) with `depth` hidden layers of infinitely many units, NTK parametrization.

    Each weight is N(0, 1) · weight_std / √fan_in, each bias N(0, 1) · bias_std, with deviations of its own for the
    readout. `activation` is "relu", "erf", "gelu" or "identity", in closed form; another name of the catalogue or any
    differentiable function of a tensor, by its Hermite series (see `hermite_dual`). `depth=0` is the readout alone, the
    linear kernel. Rows of any shape are flattened, and may be tensors or arrays.

    One hidden layer of ReLU, on a row with itself: NNGP ½ · σ² x·x/d, NTK twice that.

    >>> import torch
    >>> mlp = InfiniteWidthMLP(1, "relu", weight_std=2**0.5, bias_std=0.0)
    >>> x = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    >>> round(mlp.nngp(x).item(), 12), round(mlp.ntk(x).item(), 12)
    (12.5, 25.0)
    """

    depth: int
    activation: str | Callable[[Tensor], Tensor] = "relu"
    weight_std: float = 1.0
    bias_std: float = 0.0
    readout_weight_std: float = 1.0
    readout_bias_std: float = 0.0

    def __post_init__(self):
        expect_whole_number(
            "depth", self.depth, least=0, expected="a number of hidden layers, 0 or more", remedy="Try depth=2."
        )
        for name in ("weight_std", "bias_std", "readout_weight_std", "readout_bias_std"):
            expect_deviation(name, getattr(self, name))
        Activation(self.activation)

    @cached_property
    def network(self) -> InfiniteWidthNetwork:
        """The same as layers.

        >>> len(InfiniteWidthMLP(2).network.layers)
        6
        """
        hidden = (Dense(self.weight_std, self.bias_std), Activation(self.activation)) * int(self.depth)
        return InfiniteWidthNetwork((Flatten(), *hidden, Dense(self.readout_weight_std, self.readout_bias_std)))

    def nngp(self, x1: Any, x2: Any = None, **options: Any) -> Tensor:
        """E[f(x) f(x')] over the draw of the network, (n, m); options as in `InfiniteWidthNetwork.nngp`.

        >>> InfiniteWidthMLP(0).nngp([[3.0, 4.0]]).tolist()
        [[12.5]]
        """
        return self.network.nngp(x1, x2, **options)

    def ntk(self, x1: Any, x2: Any = None, **options: Any) -> Tensor:
        """The neural tangent kernel of each output, (n, m).

        >>> InfiniteWidthMLP(1, "identity").ntk([[3.0, 4.0]]).tolist()
        [[25.0]]
        """
        return self.network.ntk(x1, x2, **options)

    def kernels(self, x1: Any, x2: Any = None, **options: Any) -> InfiniteKernels:
        """Both in one pass.

        >>> [kernel.item() for kernel in InfiniteWidthMLP(0).kernels([[2.0]])]
        [4.0, 4.0]
        """
        return self.network.kernels(x1, x2, **options)

    def finite(self, shape: tuple[int, ...], *, width: int, outputs: int = 1, seed: int = 0) -> nn.Module:
        """A draw of the same network with `width` units a layer, in NTK parametrization, for rows of a shape.

        >>> sum(weight.numel() for weight in InfiniteWidthMLP(1).finite((3,), width=8).parameters())
        32
        """
        return self.network.finite(shape, width=width, outputs=outputs, seed=seed)
