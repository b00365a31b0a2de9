"""Products with the mixed derivative of a network in its weights and its inputs, never formed.

Formula   D_q = ∂²⟨u_q, f(θ0, x)⟩ / ∂θ ∂x        (p, d) for each combination u_q of the outputs, averaged over points x
          push: z ↦ D z, for a direction z of inputs;  pull: v ↦ Dᵀ v, for a direction v of parameters
Cost      ∂f/∂x and ∂f/∂θ are differentiated once, with their graphs kept; a product is one backward pass through one
          of them. Points beyond what is kept together are differentiated again for each block of vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import NetworkError
from tangentlab._shapes import expect_shape
from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.network import Network

_POINTS = 64
"""Points whose graphs are kept together."""
_PUSHED = 2**24
"""Numbers of D z held at once: for many z the graphs of points that are not kept are made once."""

Graph = tuple[Tensor, Tensor, list[Tensor]]
"""Points, ∂f/∂x at them, and ∂f/∂θ of their sum, with graphs."""


@dataclass(frozen=True, eq=False)
class MixedDerivative:
    """D, averaged over `points` (m, *shape), for the combinations `cotangents` (q, c) of the outputs.

    Made by `mixed_derivative`, inside whose block its products are. With f(x) = w·x, D is the identity:

    >>> network = Network(torch.nn.Linear(2, 1))
    >>> with mixed_derivative(network, torch.zeros(1, 2), cotangents=torch.eye(1)) as D:
    ...     pushed = D.push(torch.tensor([3.0, 4.0]))
    ...     pushed["weight"].tolist(), D.pull(pushed).tolist(), D.gram(torch.eye(2)).tolist()
    ([[[3.0, 4.0]]], [3.0, 4.0], [[1.0, 0.0], [0.0, 1.0]])
    """

    network: Network
    points: Tensor
    cotangents: Tensor
    leaves: list[Tensor]
    kept: list[Graph] | None
    """The graphs of all combinations, where there are few points."""

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one input row."""
        return tuple(self.points.shape[1:])

    @property
    def size(self) -> int:
        """d, the numbers in one input row."""
        return self.points[0].numel()

    def push(self, direction: Tensor) -> dict[str, Tensor]:
        """D z for z of the shape of one row: one tensor (q, *shape) for each parameter."""
        return self._push([direction])[0]

    def pull(self, along: Mapping[str, Tensor]) -> Tensor:
        """Dᵀ v for v as `push` returns it, summed over the combinations: of the shape of one row."""
        return self._pull([along])[0]

    def _push(self, directions: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """D z for each of some z, for which each graph is made once."""
        sums = [[leaf.new_zeros(len(self.cotangents), *leaf.shape) for leaf in self.leaves] for _ in directions]
        for q, (points, slope, _) in self._graphs():
            for direction, totals in zip(directions, sums):
                found = _differentiate(slope, self.leaves, direction.to(points).expand_as(points))
                for total, part in zip(totals, found):
                    if part is not None:
                        total[q] += part / len(self.points)
        return [dict(zip(self.network.names, totals)) for totals in sums]

    def _pull(self, all_along: Sequence[Mapping[str, Tensor]]) -> list[Tensor]:
        """Dᵀ v for each of some v, for which each graph is made once."""
        totals = [self.points.new_zeros(self.shape) for _ in all_along]
        for q, (points, _, gradients) in self._graphs():
            for along, total in zip(all_along, totals):
                weights = [along[name][q] for name in self.network.names]
                (found,) = _differentiate(gradients, [points], weights)
                if found is not None:
                    total += found.sum(0) / len(self.points)
        return totals

    def gram(self, vectors: Tensor) -> Tensor:
        """DᵀD V, summed over the combinations, for V (d, r)."""
        expect_shape("vectors", vectors, "d r", d=self.size)
        columns, products = [column.reshape(self.shape) for column in vectors.T], list[Tensor]()
        together = max(1, _PUSHED // max(1, len(self.cotangents) * sum(leaf.numel() for leaf in self.leaves)))
        for start in range(0, len(columns), together):
            products += self._pull(self._push(columns[start : start + together]))
        return torch.stack([one.flatten() for one in products], dim=1).to(vectors)

    def _graphs(self) -> Iterator[tuple[int, Graph]]:
        count = len(self.cotangents)
        if self.kept is not None:
            yield from ((i % count, graph) for i, graph in enumerate(self.kept))
            return
        for part in self.points.split(_POINTS):
            for q, weights in enumerate(self.cotangents):
                yield q, _graph(self.network, part, weights, self.leaves)


@contextmanager
def mixed_derivative(network: Network, points: Tensor, *, cotangents: Tensor) -> Iterator[MixedDerivative]:
    """The mixed derivative of a network at some points, whose products are defined inside the block.

    >>> network = Network(torch.nn.Linear(3, 1))
    >>> with mixed_derivative(network, torch.zeros(1, 3), cotangents=torch.eye(1)) as D:
    ...     D.size
    3
    """
    with ExitStack() as stack:
        stack.enter_context(preserved_random_state(network.device))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        leaves = stack.enter_context(network.differentiable(network.names))
        points = points.detach().to(device=network.device, dtype=network.dtype)
        cotangents = cotangents.to(points)
        kept = None
        if len(points) <= _POINTS:
            kept = [_graph(network, points, weights, leaves) for weights in cotangents]
        yield MixedDerivative(network, points, cotangents, leaves, kept)


def _graph(network: Network, points: Tensor, weights: Tensor, leaves: list[Tensor]) -> Graph:
    points = points.clone().requires_grad_(True)
    f = (network.apply({}, points) * weights).sum()
    if not f.requires_grad:
        return points, torch.zeros_like(points), [torch.zeros_like(leaf) for leaf in leaves]
    try:
        slope, *gradients = torch.autograd.grad(f, [points, *leaves], create_graph=True, allow_unused=True)
    except RuntimeError as error:
        raise NetworkError(
            f"Autograd cannot differentiate {type(network.module).__name__} in its inputs and weights: "
            f"{str(error).splitlines()[0].rstrip('.')}.",
            remedy="Replace that operation in forward(), or choose other parameters.",
        ) from error
    zeros = [torch.zeros_like(leaf) for leaf in leaves]
    slope = torch.zeros_like(points) if slope is None else slope
    return points, slope, [zero if part is None else part for part, zero in zip(gradients, zeros)]


def _differentiate(
    outputs: Tensor | list[Tensor], inputs: list[Tensor], weights: Tensor | list[Tensor]
) -> list[Tensor | None]:
    """Σ weights · ∂outputs / ∂inputs, None where nothing depends."""
    pairs = zip(outputs, weights) if isinstance(outputs, list) else [(outputs, weights)]
    used = [(one, weight) for one, weight in pairs if one.requires_grad]
    if not used:
        return [None] * len(inputs)
    ends, along = zip(*used)
    try:
        found = torch.autograd.grad(ends, inputs, along, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        raise NetworkError(
            f"The gradient of this network has no derivative of its own: {str(error).splitlines()[0].rstrip('.')}.",
            remedy="Replace the operation by one that can be differentiated twice.",
        ) from error
    return [None if part is None else part.detach() for part in found]
