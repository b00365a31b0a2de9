"""KernelOperator: products of a tangent kernel with vectors, when the kernel itself is too large to have.

Formula   Θ v = J (Jᵀ v): pull v back through the network to one direction in parameters, push that forward
Cost      a vjp and a jvp a row and vector; or, for many vectors at once, the gradients of every row twice and matrix
          products ("rows"), whichever is the cheaper by count of operations
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tangentlab._errors import NetworkError, UnknownNameError
from tangentlab._shapes import expect_finite, expect_shape
from tangentlab.kernels.block_products import pull_block, push_block, pushes_in_batches
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.kernels.tangent_rows import TangentRows
from tangentlab.linalg import product
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.inputs import Inputs, count_rows, take_rows
from tangentlab.networks.network import Network
from tangentlab.networks.safety import some_rows
from tangentlab.tangent import products

WAYS = ("auto", "products", "rows")
_CHUNK = 65_536
"""Terms of one float32 sum; longer sums are added in float64."""
_TOUCH = 300
"""Operations in whose time one number of a single row's gradient is made and stored."""


@dataclass(frozen=True, eq=False)
class KernelOperator:
    """Θ(x, x) as a linear map of (n·c) or n numbers, in the network's dtype.

    A torch callable and, by `.scipy()`, a SciPy operator; it goes where a kernel is known by its products, as in
    `eigenpairs`, `conjugate_gradient` and `trace_estimate`.

    >>> network, x = Network(torch.nn.Linear(2, 1, bias=False)), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> K = KernelOperator.of(network, x, outputs=0)
    >>> K.shape, K(torch.tensor([1.0, 0.0])).tolist()
    ((2, 2), [5.0, 11.0])
    """

    rows: TangentRows
    way: str
    push_way: str
    """How vectors are pushed forward; empty where every row's own gradient is made."""
    batched: bool
    operations: int | None
    """Of one row's forward pass, where they can be counted."""

    def __repr__(self) -> str:
        return f"KernelOperator({self.shape[0]:,} × {self.shape[1]:,}, {self.rows.network.describe()})"

    @staticmethod
    @outside_inference_mode()
    def of(
        network: Network, x: Inputs, *, outputs: Outputs, memory: int | str = "1GiB", way: str = "auto"
    ) -> KernelOperator:
        """That of a network at the rows `x`; see `NeuralTangentKernel.operator`."""
        if way not in WAYS:
            raise UnknownNameError("way", way, WAYS)
        rows = TangentRows.of(network, x, outputs=outputs, memory=memory)
        few = network.place(take_rows(rows.x, some_rows(rows.count)))
        with preserved_random_state(network.device):
            try:
                push_way = "" if way == "rows" else products.find_push_way(network, few)
            except NetworkError:  # operations without a forward derivative, whose rows' gradients will do
                if way == "products":
                    raise
                way, push_way = "rows", ""
            batched = push_way == "forward" and pushes_in_batches(network, few)
            operations = _operations(network, few)
        return KernelOperator(rows, way, push_way, batched, operations)

    @property
    def shape(self) -> tuple[int, int]:
        """(n·c, n·c) for "full", row index i·c + k, else (n, n)."""
        return self.rows.size, self.rows.size

    @property
    def dtype(self) -> torch.dtype:
        """The network's dtype."""
        return self.rows.network.dtype

    @property
    def device(self) -> torch.device:
        """The network's device."""
        return self.rows.network.device

    def __call__(self, vectors: Tensor) -> Tensor:
        """Θ V for V (size,) or (size, r)."""
        vectors = torch.as_tensor(vectors)
        return self.matmat(vectors[:, None])[:, 0] if vectors.ndim == 1 else self.matmat(vectors)

    @outside_inference_mode()
    def matmat(self, vectors: Tensor) -> Tensor:
        """Θ V for V (size, r), in as many groups of vectors as the memory allows."""
        rows = self.rows
        vectors = torch.as_tensor(vectors).detach().to(dtype=self.dtype, device=self.device)
        expect_shape("vectors", vectors, "n r", n=rows.size)
        expect_finite("vectors", vectors, remedy="Look for what made them.")
        directions = 1 if rows.flavour.contraction == "full" else rows.flavour.count
        width = max(1, rows.budget // (2 * 12 * directions * rows.network.space.size))
        multiply = self._by_rows if self.chosen(vectors.shape[1]) == "rows" else self._by_products
        parts = [multiply(part) for part in vectors.split(width, dim=1)]
        result = torch.cat(parts, dim=1) if parts else torch.zeros_like(vectors)
        expect_finite(
            "kernel", result, remedy="A gradient overflowed; scale the inputs or use dtype=torch.float64."
        )
        return result

    def diagonal(self) -> Tensor:
        """The diagonal, float64; the cost of one product with one vector, or less."""
        return self.rows.diagonal()

    def scipy(self) -> LinearOperator:
        """The same map for SciPy: NumPy in, NumPy out.

        >>> K = KernelOperator.of(Network(torch.nn.Linear(2, 1, bias=False)), torch.eye(2), outputs=0)
        >>> K.scipy() @ np.array([1.0, 2.0], dtype=np.float32)
        array([1., 2.], dtype=float32)
        """

        def multiply(vectors: np.ndarray) -> np.ndarray:
            return self(torch.from_numpy(np.ascontiguousarray(vectors))).cpu().numpy()

        make: Any = LinearOperator
        dtype = np.float64 if self.dtype == torch.float64 else np.float32
        return make(self.shape, matvec=multiply, rmatvec=multiply, matmat=multiply, rmatmat=multiply, dtype=dtype)

    def chosen(self, vectors: int) -> str:
        """The way taken for this many vectors at once: "products" or "rows"."""
        if self.way != "auto" or self.operations is None:
            return "products" if self.way == "auto" else self.way
        p, q = self.rows.network.space.size, self.rows.flavour.count
        passes = 5 * self.operations * (1 if self.rows.flavour.contraction == "full" else q)
        by_products = vectors * passes
        by_rows = 2 * q * (6 * self.operations + _TOUCH * p) + 4 * q * p * vectors
        return "rows" if by_rows < by_products else "products"

    def _by_products(self, vectors: Tensor) -> Tensor:
        rows, network = self.rows, self.rows.network
        pulled: dict[str, Any] = dict.fromkeys(network.names, 0.0)
        with preserved_random_state(network.device):
            for part in rows.parts():
                placed = rows.take(part)
                for name, sums in pull_block(network, placed, self._weights(vectors, part)).items():
                    pulled[name] = pulled[name] + sums
            along = {name: torch.as_tensor(sums).to(self.dtype) for name, sums in pulled.items()}
            result = torch.empty_like(vectors)
            for part in rows.parts():
                pushed = push_block(network, rows.take(part), along, self.push_way, batched=self.batched)
                result[self._span(part)] = self._contract(pushed, vectors.shape[1])
        return result

    def _span(self, part: slice) -> slice:
        return slice(part.start * self.rows.group, part.stop * self.rows.group)

    def _weights(self, vectors: Tensor, part: slice) -> Tensor:
        """Weights on the outputs of a block (directions, rows, c), one for each direction in parameters."""
        some, U = vectors[self._span(part)], self.rows.cotangents
        if self.rows.flavour.contraction == "full":
            return some.reshape(-1, len(U), some.shape[1]).permute(2, 0, 1) @ U
        return torch.einsum("br,qc->rqbc", some, U).flatten(0, 1)

    def _contract(self, pushed: Tensor, count: int) -> Tensor:
        """What the directions give (directions, rows, c) to rows of Θ V."""
        U = self.rows.cotangents
        if self.rows.flavour.contraction == "full":
            return (pushed @ U.T).permute(1, 2, 0).flatten(0, 1)
        each = pushed.reshape(count, len(U), *pushed.shape[1:])
        return torch.einsum("rqbc,qc->br", each, U) * self.rows.flavour.scale

    def _by_rows(self, vectors: Tensor) -> Tensor:
        rows = self.rows
        full, q = rows.flavour.contraction == "full", rows.flavour.count
        sums: dict[str, Tensor] = {}
        for part, block in rows.gradients():
            some = vectors[self._span(part)].T.contiguous()
            for name, gradient in block.items():
                flat = gradient.flatten(2)
                sides = [flat.flatten(0, 1)] if full else [flat[:, k] for k in range(q)]
                added = torch.stack([product(some, side) for side in sides]).double()
                sums[name] = sums[name] + added if name in sums else added
        along = {name: total.to(self.dtype) for name, total in sums.items()}
        result = torch.empty_like(vectors)
        for part, block in rows.gradients():
            total = torch.zeros(
                self._span(part).stop - self._span(part).start, vectors.shape[1], dtype=torch.float64
            )
            total = total.to(self.device)
            for name, gradient in block.items():
                flat = gradient.flatten(2)
                sides = [flat.flatten(0, 1)] if full else [flat[:, k] for k in range(q)]
                for side, direction in zip(sides, along[name]):
                    for start in range(0, side.shape[1], _CHUNK):
                        columns = slice(start, start + _CHUNK)
                        total += product(direction[:, columns].contiguous(), side[:, columns].T).T.double()
            result[self._span(part)] = (total * rows.flavour.scale).to(result)
        return result


def _operations(network: Network, x: Any) -> int | None:
    counter: Callable[..., Any] = FlopCounterMode
    try:
        with torch.no_grad(), counter(display=False) as counted:
            network.apply({}, x)
    except Exception:  # a module that lets nobody look on
        return None
    return max(1, counted.get_total_flops() // count_rows(x))
