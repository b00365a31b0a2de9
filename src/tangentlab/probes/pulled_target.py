"""A target pulled back through a network: what its kernel does to the target, without the kernel.

Formula   g = Jᵀy, one backward pass of Σ_i ⟨y_i, f(x_i)⟩;   yᵀK_l y = ‖g_l‖² for the parameters l of each layer;
          y_i (K_l y)_i = ⟨y_i, J_l(x_i) g_l⟩, one pass with tangents
Cost      of a training step on all rows for each, whatever n
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tangentlab._shapes import expect_shape
from tangentlab.kernels.block_products import pull_block, push_block
from tangentlab.kernels.output_flavour import Outputs, output_flavour
from tangentlab.kernels.tangent_rows import TangentRows
from tangentlab.linalg import as_columns
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.inputs import take_rows
from tangentlab.networks.network import Network
from tangentlab.networks.safety import some_rows
from tangentlab.probes.kernel_target import refuse_zero
from tangentlab.tangent import products

_ROWS = 128
"""Of a pass: its memory is that of a training step on so many rows."""


@dataclass(frozen=True, eq=False)
class PulledTarget:
    """A target (n, r) on the rows of a network, r the columns that share a kernel or, for "full", its c outputs.

    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> pair = PulledTarget.of(model, torch.eye(2), [1.0, -1.0])
    >>> g = pair.pull()
    >>> pair.forms(g), pair.row_shares(g).tolist()
    ({'weight': 2.0}, [1.0, 1.0])
    """

    rows: TangentRows
    target: Tensor

    @staticmethod
    @outside_inference_mode()
    def of(
        model: Any,
        x: Any,
        y: Any,
        *,
        outputs: Outputs = "full",
        parameters: Any = None,
        mode: str | None = None,
        dtype: torch.dtype | None = None,
        memory: int | str = "1GiB",
    ) -> PulledTarget:
        """Check a network and rows as their kernel does, and y (n,) or (n, r) against them."""
        network = Network(model, parameters=parameters, mode=mode).to(dtype=dtype)
        rows = TangentRows.of(network, x, outputs=outputs, memory=memory)
        if rows.flavour.contraction == "full" and rows.flavour.outputs == 1:
            rows = replace(rows, flavour=output_flavour(0, outputs=1))  # one kernel, shared by the columns of y
        target = as_columns("y", y, rows=rows.count).detach().to(network.device, torch.float64)
        if rows.flavour.contraction == "full":
            expect_shape("y", target, "n c", n=rows.count, c=rows.flavour.outputs)
        refuse_zero(target)
        return PulledTarget(rows, target)

    @property
    def network(self) -> Network:
        """The network, bound to its anchor."""
        return self.rows.network

    @property
    def energies(self) -> Tensor:
        """‖y_i‖² of each row, (n,)."""
        return self.target.square().sum(1)

    @outside_inference_mode()
    def pull(self, names: Collection[str] | None = None) -> dict[str, Tensor]:
        """g = Jᵀy of each parameter, (directions, *shape), float64: one direction, or one for each pair of a column of
        y and a combination of outputs where columns share a kernel.
        """
        network, total = self.network, {}
        with preserved_random_state(network.device):
            for part in self.rows.parts(_ROWS):
                weights = self._weights(part).to(network.dtype)
                for name, sums in pull_block(network, self.rows.take(part), weights).items():
                    total[name] = total[name] + sums if name in total else sums
        return total if names is None else {name: total[name] for name in names}

    def forms(self, pulled: Mapping[str, Tensor]) -> dict[str, float]:
        """yᵀK_l y = ‖g_l‖² of each parameter; their sum is yᵀKy."""
        scale = self.rows.flavour.scale
        return {name: scale * float(g.square().sum()) for name, g in pulled.items()}

    @outside_inference_mode()
    def row_shares(self, pulled: Mapping[str, Tensor]) -> Tensor:
        """⟨y_i, (K y)_i⟩ of each row, (n,) float64, for K of the parameters in `pulled` alone; they sum to yᵀKy."""
        network, rows = self.network, self.rows
        along = {name: g.to(network.dtype) for name, g in pulled.items()}
        shares = torch.empty(rows.count, dtype=torch.float64, device=network.device)
        with preserved_random_state(network.device):
            # of a double backward the passes go through the whole graph, as was checked
            if self._push_way == products.WAYS[-1]:
                like = next(iter(along.values()))
                still = {name: like.new_zeros(len(like), *own.shape) for name, own in network.parameters.items()}
                along = {**still, **along}
            for part in rows.parts(_ROWS):
                pushed = push_block(network, rows.take(part), along, self._push_way, batched=False)
                shares[part] = (self._weights(part) * pushed.double()).sum(dim=(0, 2))
        return shares * rows.flavour.scale

    def own_shares(self, own: Tensor) -> Tensor:
        """⟨y_i, K_ii y_i⟩ of each row, (n,), from the kernels of rows with themselves (n, q, q)."""
        if self.rows.flavour.contraction == "full":
            return torch.einsum("nq,nqr,nr->n", self.target, own, self.target)
        return self.energies * self.diagonal(own)

    def diagonal(self, own: Tensor) -> Tensor:
        """What each row adds to the trace of K for one output, (n,)."""
        flavour = self.rows.flavour
        total = own.diagonal(dim1=1, dim2=2).sum(1)
        return total / flavour.outputs if flavour.contraction == "full" else total * flavour.scale

    @cached_property
    def _push_way(self) -> str:
        few = self.network.place(take_rows(self.rows.x, some_rows(self.rows.count)))
        return products.find_push_way(self.network, few)

    def _weights(self, part: slice) -> Tensor:
        """Weights on the outputs of a block of rows, (directions, rows, c), one direction for each pull."""
        some, U = self.target[part], self.rows.cotangents.double()
        if self.rows.flavour.contraction == "full":
            return (some @ U)[None]
        return torch.einsum("br,qc->rqbc", some, U).flatten(0, 1)
