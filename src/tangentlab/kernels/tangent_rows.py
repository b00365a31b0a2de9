"""TangentRows: the gradients of a kernel's outputs at many rows, a block at a time and never all at once.

Formula   J[i, q] = Σ_k U[q, k] ∂f_k(x_i)/∂θ with U the combinations of outputs that the kernel's flavour takes; then
          Θ = J Jᵀ over (i, q) for "full", and Σ_q J[:, q] J[:, q]ᵀ, times its scale, for the others
Cost      one forward and q backward passes a row each time that they are gone through

What the matrix-free product, the diagonal and the random projection of a kernel have in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab.kernels.memory_budget import parse_bytes
from tangentlab.kernels.output_flavour import OutputFlavour, Outputs, output_flavour, refuse_no_matrix
from tangentlab.networks.data_dependence import reads_its_data
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows, take_rows
from tangentlab.networks.network import Network
from tangentlab.networks.safety import FEW, inspect_network, some_rows, verify_rows
from tangentlab.tangent.sample_gradients import find_gradient_way, sample_gradients

_MOST_ROWS = 256
_SHARE = 4
"""The gradients of a block take at most this part of the budget."""


@dataclass(frozen=True, eq=False)
class TangentRows:
    """J at the rows `x` of a network, in blocks of `step` rows.

    >>> rows = TangentRows.of(Network(torch.nn.Linear(2, 1, bias=False)), torch.eye(2), outputs=0)
    >>> [block["weight"].flatten(2).tolist() for _, block in rows.gradients()]
    [[[[1.0, 0.0]], [[0.0, 1.0]]]]
    """

    network: Network
    x: Inputs
    flavour: OutputFlavour
    cotangents: Tensor
    """U (q, c)."""
    way: str
    """How the gradients of single rows are taken."""
    step: int
    budget: int

    @staticmethod
    @outside_inference_mode()
    def of(network: Network, x: Any, *, outputs: Outputs, memory: int | str = "1GiB") -> TangentRows:
        """Those of a network at rows, checked as its kernel checks them.

        Refuses the flavour "diagonal", which is not one matrix.
        """
        x = check_inputs(x)
        refuse_no_matrix(outputs)
        few = network.place(take_rows(x, some_rows(count_rows(x))))
        flavour = output_flavour(outputs, outputs=inspect_network(network, few).outputs)
        cotangents = flavour.cotangents(like=next(iter(network.parameters.values())))
        with preserved_random_state(network.device):
            way = find_gradient_way(network, few, names=network.names)
        budget = parse_bytes(memory)
        row_bytes = flavour.count * network.space.size * cotangents.element_size()
        step = max(1, min(_MOST_ROWS, budget // (_SHARE * row_bytes)))
        rows = TangentRows(network, x, flavour, cotangents, way, step, budget)
        wary = reads_its_data(network, few)  # then a few rows do not speak for the others
        for part in list(rows.parts())[: None if wary else 1]:
            placed = rows.take(part)
            verify_rows(network, placed, network(placed), count=count_rows(placed) if wary else FEW)
        return rows

    @property
    def count(self) -> int:
        """n, the rows of data."""
        return count_rows(self.x)

    @property
    def group(self) -> int:
        """Rows of the kernel's matrix for each row of data: c if it is full, else 1."""
        return self.flavour.side

    @property
    def size(self) -> int:
        """Rows of the kernel's matrix: n·c if it is full, else n."""
        return self.count * self.group

    def parts(self, step: int | None = None) -> Iterator[slice]:
        """The blocks of rows, in order."""
        step = step or self.step
        return (slice(start, min(start + step, self.count)) for start in range(0, self.count, step))

    def take(self, part: slice) -> Inputs:
        """The rows of a block, placed where the network is."""
        return self.network.place(take_rows(self.x, part))

    @outside_inference_mode()
    def gradients_of(self, part: slice) -> dict[str, Tensor]:
        """J of one block: for each parameter (rows, q, numbers)."""
        network = self.network
        with preserved_random_state(network.device):
            found = sample_gradients(
                network, self.take(part), names=network.names, cotangents=self.cotangents, way=self.way
            )
        return {name: gradient.detach().reshape(*gradient.shape[:2], -1) for name, gradient in found.items()}

    def gradients(self) -> Iterator[tuple[slice, dict[str, Tensor]]]:
        """J block after block."""
        for part in self.parts():
            yield part, self.gradients_of(part)

    def diagonal(self) -> Tensor:
        """The diagonal of the kernel's matrix (size,), float64: squared lengths of the gradients.

        >>> network = Network(torch.nn.Linear(2, 3, bias=False))
        >>> TangentRows.of(network, torch.tensor([[3.0, 4.0]]), outputs="full").diagonal().tolist()
        [25.0, 25.0, 25.0]
        """
        lengths = torch.zeros(self.count, self.flavour.count, dtype=torch.float64, device=self.network.device)
        for part, block in self.gradients():
            for gradient in block.values():
                lengths[part] += torch.linalg.vector_norm(gradient.flatten(2), dim=2, dtype=torch.float64).square()
        return lengths.flatten() if self.group > 1 else lengths.sum(1) * self.flavour.scale
