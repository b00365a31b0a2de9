"""An anchor: a network frozen at a parameter point, with its tangent kernel on the rows of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tangentlab.experiments.learning.targets import codes
from tangentlab.kernels import Gram, NeuralTangentKernel
from tangentlab.networks import Network
from tangentlab.probes import alignment, complexity, spectrum
from tangentlab.tasks import Task
from tangentlab.training import Descent, stable_learning_rate

MOST_EIGENVALUES = 64
MOST_FULL_ROWS = 4000
"""Rows times outputs up to which several outputs get the kernel of every pair: a matrix of 128 MB."""


def kernel_flavour(choice: str, *, rows: int, outputs: int) -> str:
    """The kernel that stands for a network's tangent: "full" couples the outputs, "mean" is one for all of them.

    One output needs no choice. For several, "full" is the linearization itself, and "mean" an approximation in
    which the outputs share a kernel and do not interact; "auto" takes the first as long as it stays small.

    >>> kernel_flavour("auto", rows=300, outputs=10), kernel_flavour("auto", rows=1000, outputs=10)
    ('full', 'mean')
    """
    if outputs == 1:
        return "mean"
    if choice == "auto":
        return "full" if rows * outputs <= MOST_FULL_ROWS else "mean"
    return choice


def mean_diagonal(K: Tensor) -> float:
    """The trace of a kernel (n, n) or (n, n, c, c) divided by its size: what a relative ridge is a share of.

    >>> import torch
    >>> mean_diagonal(torch.eye(3)), mean_diagonal(2 * torch.ones(3, 3, 2, 2))
    (1.0, 2.0)
    """
    diagonal = K.diagonal(dim1=0, dim2=1)
    diagonal = diagonal.diagonal(dim1=0, dim2=1) if K.ndim == 4 else diagonal
    return float(diagonal.double().sum()) / diagonal.numel()


@dataclass(frozen=True, eq=False)
class Anchor:
    """A network at a point, its outputs on train and test rows, and its kernel among and between them.

    `gram` is (n, n), or (n, n, c, c) where outputs are coupled; `cross` (m, n) or (m, n, c, c) is test × train.
    """

    network: Network
    gram: Gram
    cross: Tensor
    train_outputs: Tensor
    test_outputs: Tensor

    @classmethod
    def at(cls, network: Network, task: Task, *, kernel: str, memory: int | str | None = None) -> Anchor:
        """The anchor of a network on the rows of a task, with a kernel of the given flavour.

        >>> import torch
        >>> from tangentlab.tasks import parity
        >>> linear = Network(torch.nn.Linear(4, 1, bias=False, dtype=torch.float64))
        >>> anchor = Anchor.at(linear, parity(2, dimension=4, samples=8, test_samples=4), kernel="mean")
        >>> anchor.gram.values.diagonal().unique().tolist(), anchor.cross.shape
        ([4.0], torch.Size([4, 8]))
        """
        tangent = NeuralTangentKernel(network, outputs=kernel, memory=memory)
        return cls(
            network=network,
            gram=tangent.gram(task.x_train),
            cross=tangent(task.x_test, task.x_train),
            train_outputs=network(task.x_train),
            test_outputs=network(task.x_test),
        )

    @property
    def shared(self) -> Tensor:
        """The (n, n) kernel averaged over outputs, on which alignments and distances are read."""
        values = self.gram.values
        return values if values.ndim == 2 else values.diagonal(dim1=2, dim2=3).mean(-1)

    def stable_rate(self, descent: Descent) -> float:
        """The largest learning rate at which the descent of this linearization is stable on all rows at once."""
        return stable_learning_rate(
            self.gram.values,
            loss=descent.loss,
            momentum=descent.momentum,
            nesterov=descent.nesterov,
            weight_decay=descent.weight_decay,
        )

    def readings(self, task: Task, descent: Descent) -> dict[str, Any]:
        """What the kernel says about the training targets, coded ±1 or as centred one-hot rows."""
        y, kernel = codes(task.y_train), self.shared
        spectral = spectrum(kernel)
        return {
            "alignment": _fields(alignment(kernel, y)),
            "complexity": _fields(complexity(kernel, y)),
            "trace": spectral.trace,
            "spectrum": spectral.values[:MOST_EIGENVALUES].tolist(),
            "effective_rank": spectral.effective_rank,
            "stable_learning_rate": self.stable_rate(descent),
            "kernel": self.gram.description,
            "cross_check": self.gram.difference,
        }


def _fields(measured: Any) -> dict[str, float]:
    return {name: float(value) for name, value in vars(measured).items() if isinstance(value, (int, float))}
