"""A network at a point, with its outputs and its kernel on all rows of a unit, those of training first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import NetworkError
from tangentlab.experiments.learning.rebound import rebound, with_initial_buffers
from tangentlab.experiments.machine.share import memory_share
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.pool import Pool
from tangentlab.kernels import Gram, NeuralTangentKernel
from tangentlab.networks import Network
from tangentlab.tasks.eigenfunctions import Eigenfunctions
from tangentlab.training import Descent, stable_learning_rate

MOST_DOUBLE = 4000
"""Rows up to which kernels are computed in float64, whatever the precision of the network."""


@dataclass(frozen=True, eq=False)
class AnchoredPool:
    """`network` on n train rows and m test rows: `gram` (n + m, n + m) and `outputs` (n + m, 1)."""

    network: Network
    rows: Pool
    gram: Gram
    outputs: Tensor

    @classmethod
    def at(cls, network: Network, rows: Pool, unit: StudyUnit) -> AnchoredPool:
        """The anchor of a network with one output.

        >>> import torch
        >>> x = torch.eye(3)
        >>> rows = Pool(x[:2], x[2:], torch.tensor([0, 1]), torch.tensor([0]), ("a", "b"))
        >>> anchor = AnchoredPool.at(Network(nn.Linear(3, 1, bias=False)), rows, StudyUnit("s", {"threads": 1}))
        >>> anchor.K.tolist(), anchor.K_test.shape, anchor.f0_test.shape
        ([[1.0, 0.0], [0.0, 1.0]], torch.Size([1, 2]), torch.Size([1, 1]))
        """
        x = rows.x
        exact = network.to(dtype=torch.float64) if len(x) <= MOST_DOUBLE else network
        outputs = exact(x)
        if outputs.shape[1] != 1:
            raise NetworkError(
                f"The network has {outputs.shape[1]} outputs, and this study is of networks with one.",
                remedy="Give it one output, as two classes need, or choose one with Network(model, output=...).",
            )
        memory = unit.settings.get("memory") or memory_share(unit.threads, device=network.device)
        gram = NeuralTangentKernel(exact, outputs=0, memory=memory).gram(x)
        return cls(network, rows, gram, outputs.double())

    def after(self, module: nn.Module, unit: StudyUnit) -> AnchoredPool:
        """The same rows at the weights that a module of this network has.

        With `end_statistics = "initial"` among the unit's settings, the statistics of batch normalization are those of
        this anchor, as published.
        """
        if unit.settings.get("end_statistics") == "initial":
            module = with_initial_buffers(self.network, module)
        return AnchoredPool.at(rebound(self.network, module), self.rows, unit)

    @property
    def n(self) -> int:
        """Train rows."""
        return len(self.rows.x_train)

    @property
    def K(self) -> Tensor:
        """Kernel of the train rows, (n, n)."""
        return self.gram.values[: self.n, : self.n]

    @property
    def K_test(self) -> Tensor:
        """Kernel of test rows with train rows, (m, n)."""
        return self.gram.values[self.n :, : self.n]

    @property
    def f0(self) -> Tensor:
        """Outputs on the train rows, (n, 1)."""
        return self.outputs[: self.n]

    @property
    def f0_test(self) -> Tensor:
        """Outputs on the test rows, (m, 1)."""
        return self.outputs[self.n :]

    def eigenfunctions(self, count: int, *, form: str) -> Eigenfunctions:
        """The first `count` eigenfunctions on all rows ("transductive"), or on the train rows ("inductive")."""
        return Eigenfunctions.of(self.gram, self.rows.x, count, train=self.n, inductive=form == "inductive")

    def stable_rate(self, descent: Descent) -> float:
        """The largest learning rate at which the descent of this linearization is stable on all train rows at once."""
        return stable_learning_rate(
            self.K,
            loss=descent.loss,
            momentum=descent.momentum,
            nesterov=descent.nesterov,
            weight_decay=descent.weight_decay,
        )

    def readings(self) -> dict[str, Any]:
        """Sizes, and the kernel in words."""
        n = self.n
        return {
            "rows": n,
            "test_rows": len(self.rows.x_test),
            "parameters": self.network.space.size,
            "trace": float(self.K.diagonal().double().sum()),
            "kernel": self.gram.description,
        }
