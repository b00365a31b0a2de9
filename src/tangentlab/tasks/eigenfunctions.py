"""Eigenfunctions of a kernel on rows of data, decomposed once, and the tasks that they define.

Formula   K v_j = ℓ_j v_j on rows X,  λ_j ≈ ℓ_j / n,  φ_j(x_i) ≈ √n v_j[i];  task j: label 1[φ_j(x) > 0]
          transductive   X all rows, train and test, so that test labels depend on train rows and the other way round
                         Ortiz-Jimenez, Moosavi-Dezfooli and Frossard, 2021
          inductive      X the train rows; elsewhere φ_j(x) = √n Θ(x, X) v_j / ℓ_j            Nyström, 1930
Cost      the kernel on all rows, its largest eigenpairs once (see `eigenpairs`), then n numbers a task

The sign of v_j makes its largest entry positive. The label is a function of the sign alone and not φ_j itself: `energy`
says how much of it φ_j explains.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import DataError
from tangentlab._fingerprint import fingerprint
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.tiles import Progress
from tangentlab.linalg import NumericalWarning
from tangentlab.networks.inputs import check_inputs
from tangentlab.tasks.determined_eigenpairs import determined_eigenpairs
from tangentlab.tasks.kernel_on_rows import KernelOnRows, expect_rows
from tangentlab.tasks.task import Task
from tangentlab.tasks.train_rows import train_rows

FEW = 0.05
"""A class with a smaller share of the rows is warned about."""
_MIXED = 0.5
"""Sine of the angle that an eigenvector may be off by before it is warned about."""


class UnbalancedTaskWarning(UserWarning):
    """Nearly all rows of a task are of one class, so that a constant nearly solves it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Eigenfunctions:
    """The first `count` eigenfunctions of a kernel on the rows `x`; `task(j)` is what φ_j defines.

    >>> K = torch.diag(torch.tensor([1.0, 2.0, 4.0, 4.0])) + torch.tensor([[0, 0, 0, 0.0]] * 4)
    >>> K[2:, 2:] = torch.tensor([[4.0, -3.0], [-3.0, 4.0]])                 # eigenvalues 7, 2, 1, 1
    >>> found = Eigenfunctions.of(K, torch.zeros(4, 1), 2, train=[2, 3])
    >>> [round(value, 9) for value in found.eigenvalues.tolist()], found.task(0).y_train.flatten().tolist()
    ([7.0, 2.0], [1.0, 0.0])
    """

    x: Tensor = field(repr=False)
    train: Tensor = field(repr=False)
    """Indices of the train rows, (n_train,)."""
    test: Tensor = field(repr=False)
    """Indices of the others, (n_test,)."""
    inductive: bool
    eigenvalues: Tensor
    """ℓ_0, ..., ℓ_(count − 1) of the matrix that was decomposed, float64."""
    functions: Tensor = field(repr=False)
    """v_j on all rows in the order of x, (n, count), or (n, c, count) for a full kernel; of length 1 on the rows that
    were decomposed. float64."""
    gaps: Tensor = field(repr=False)
    """(count,) from ℓ_j to the nearest other eigenvalue, as a share of ℓ_j."""
    mixing: Tensor = field(repr=False)
    """(count,) largest sine of the angle by which rounding and the solver may have turned v_j towards others."""
    trace: float | None
    """tr of the whole kernel; None where it was not to be had."""
    kernel: str
    """What the kernel is, in words."""
    kernel_fingerprint: str | None

    @staticmethod
    def of(
        kernel: Any,
        x: Any,
        count: int,
        *,
        train: Any,
        inductive: bool = False,
        tolerance: float | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Eigenfunctions:
        """Decompose a kernel on the rows x.

        Parameters
        ----------
        kernel: a `NeuralTangentKernel`; a model (of several outputs: their mean kernel); a `Gram` or `TiledGram`; a
            matrix (n, n) or (n, n, c, c), memory-mapped if it likes; a function k(x1, x2); or anything known by its
            products, such as `kernel.operator(x)`
        x: the rows, (n, ...), train and test together
        count: how many eigenfunctions, from index 0
        train: number of leading rows that are train, or an index of them (see `train_rows`)
        inductive: decompose the kernel on the train rows, and extend to the others by Nyström
        tolerance, seed: of the eigenpairs; progress: of the kernel, called with (pairs done, pairs in all)

        A full kernel of c outputs has vector-valued eigenfunctions; their task is to tell which output is largest.

        Raises `NumericalError` where an eigenvalue asked for is rounding, so that its eigenvector means nothing.
        """
        x = expect_rows(check_inputs(x))
        kept, held = train_rows(train, rows=len(x))
        on_rows = KernelOnRows.of(kernel, x, progress=progress)
        size = on_rows.outputs * (len(kept) if inductive else len(x))
        count = _expect_count(count, size)
        decomposed = on_rows.on(kept) if inductive else on_rows.matrix
        pairs = determined_eigenpairs(
            decomposed, count, size=size, rounding=on_rows.rounding, tolerance=tolerance, seed=seed
        )
        vectors = on_rows.extended(pairs.vectors, pairs.values, rows=kept) if inductive else pairs.vectors
        functions = vectors if on_rows.outputs == 1 else vectors.reshape(len(x), on_rows.outputs, count)
        return Eigenfunctions(
            x=x,
            train=kept,
            test=held,
            inductive=inductive,
            eigenvalues=pairs.values.cpu(),
            functions=functions.cpu(),
            gaps=pairs.gaps.cpu(),
            mixing=pairs.mixing.cpu(),
            trace=on_rows.trace,
            kernel=on_rows.description,
            kernel_fingerprint=on_rows.fingerprint,
        )

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.eigenvalues)

    @property
    def outputs(self) -> int:
        """Values of a function on one row: c for a full kernel, else 1."""
        return 1 if self.functions.ndim == 2 else self.functions.shape[1]

    def labels(self, index: int) -> Tensor:
        """Integer labels (n,) of all rows: 1[φ > 0], or the output that is largest, for c functions at once.

        >>> K = torch.tensor([[2.0, -1.0, 0.0], [-1.0, 2.0, 0.0], [0.0, 0.0, 0.5]])
        >>> Eigenfunctions.of(K, torch.zeros(3, 1), 1, train=2).labels(0).tolist()
        [1, 0, 0]
        """
        function = self.functions[..., self._expect(index)]
        return (function > 0).long() if function.ndim == 1 else function.argmax(1)

    def readings(self, index: int) -> dict[str, Any]:
        """What is known of task j without learning it.

        `eigenvalue` ℓ and `mercer` ℓ / n; `difficulty` tr K / (n ℓ), the RKHS norm of φ_j that `complexity` calls
        normalized, and `trace_share` ℓ / tr K (None where the trace is not known); `gap` to the nearest eigenvalue
        and `mixing`; `balance`, the share of each class among train and test rows; `energy` in [0, 1], the share of
        the labels ±1 that φ_j explains (of one output: (Σ|v|)² / n).

        >>> K = torch.tensor([[2.0, -1.0, 0.0], [-1.0, 2.0, 0.0], [0.0, 0.0, 0.5]])
        >>> found = Eigenfunctions.of(K, torch.zeros(3, 1), 1, train=2).readings(0)
        >>> round(found["eigenvalue"], 9), round(found["difficulty"], 9), found["balance"]["train"]
        (3.0, 0.5, [0.5, 0.5])
        """
        index = self._expect(index)
        value, labels = float(self.eigenvalues[index]), self.labels(index)
        size = len(self.train) if self.inductive else len(self.x)
        whole = None if self.trace is None else self.trace / len(self.x)  # per row
        return {
            "index": index,
            "eigenvalue": value,
            "mercer": value / size,
            "trace_share": None if not whole else value / (whole * size),
            "difficulty": None if whole is None else whole / value,
            "gap": float(self.gaps[index]),
            "mixing": float(self.mixing[index]),
            "energy": self._energy(index, labels),
            "balance": {
                part: self._shares(labels[rows]) for part, rows in (("train", self.train), ("test", self.test))
            },
        }

    def task(self, index: int) -> Task:
        """The task of telling where φ_j is positive, in the rows' own dtype.

        Its `identity` says the kernel, the form and the `readings`, these to six digits. A class of few rows and an
        eigenvector that is not determined are warned about; a train part of one class is refused (φ_0 of a kernel
        without negative entries has one sign).
        """
        index = self._expect(index)
        labels, found = self.labels(index), self.readings(index)
        self._judge(index, labels, found)
        two = self.outputs == 1
        return Task.from_labels(
            name=f"eigenfunction:{index}",
            x_train=self.x[self.train.to(self.x.device)],
            labels_train=labels[self.train].to(self.x.device),
            x_test=self.x[self.test.to(self.x.device)],
            labels_test=labels[self.test].to(self.x.device),
            classes=("-", "+") if two else tuple(f"output {k}" for k in range(self.outputs)),
            identity={
                "task": f"eigenfunction:{index}",
                "form": "inductive" if self.inductive else "transductive",
                "kernel": {"description": self.kernel, "fingerprint": self.kernel_fingerprint},
                "labels": fingerprint(labels),
                **_rounded(found),
            },
        )

    def tasks(self, indices: Iterable[int]) -> list[Task]:
        """The tasks of several indices, from the one decomposition.

        >>> x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> found = Eigenfunctions.of((x * torch.tensor([2.0, 1.0])) @ x.T, x, 2, train=3)
        >>> [task.y_train.flatten().tolist() for task in found.tasks([0, 1])]
        [[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
        """
        return [self.task(index) for index in indices]

    def _expect(self, index: int) -> int:
        return expect_whole_number(
            "index",
            index,
            least=0,
            most=self.count - 1,
            expected=f"from 0 to {self.count - 1}, counted from 0",
            remedy="Decompose with a larger count for higher indices.",
        )

    def _shares(self, labels: Tensor) -> list[float]:
        classes = max(2, self.outputs)
        return (labels.bincount(minlength=classes).double() / len(labels)).tolist()

    def _energy(self, index: int, labels: Tensor) -> float:
        """(v · y)² / (‖v‖² ‖y‖²) on all rows, y the labels as ±1, or one-hot without their mean."""
        function = self.functions[..., index]
        codes = 2.0 * labels - 1 if function.ndim == 1 else _one_hot(labels, self.outputs) - 1 / self.outputs
        inner, codes = float((function * codes).sum()), codes.double()
        return inner**2 / float(function.square().sum() * codes.square().sum())

    def _judge(self, index: int, labels: Tensor, found: dict[str, Any]) -> None:
        n = len(self.train)
        if sum(share > 0 for share in found["balance"]["train"]) < 2:
            raise DataError(
                f"Eigenfunction {index} has one sign on the {n} train rows, so that all of them are of one class.",
                remedy="Take a higher index (that of 0 has one sign wherever the kernel has no negative entries), or "
                "decompose the kernel without its mean, K - K.mean(0) - K.mean(1, keepdim=True) + K.mean().",
            )
        least = min(self._shares(labels))
        if least < FEW:
            warnings.warn(
                f"The task eigenfunction:{index} has {least:.1%} of its rows in one class: accuracy says little there. "
                "Take another index, or look at balanced accuracy.",
                UnbalancedTaskWarning,
                stacklevel=3,
            )
        if found["mixing"] > _MIXED:
            warnings.warn(
                f"Eigenvalue {index} is {found['gap']:.1g} of its size away from the nearest other, which rounding and "
                "the solver do not tell apart: its eigenvector is any of their span. Compare subspaces there, take "
                "another index, or give the kernel in float64 and a smaller tolerance.",
                NumericalWarning,
                stacklevel=3,
            )


def _expect_count(count: int, size: int) -> int:
    expected = f"from 1 to {size}, the size of the kernel that is decomposed"
    return expect_whole_number(
        "count", count, most=size, expected=expected, remedy="Ask for lower indices, or give more rows."
    )


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    return torch.nn.functional.one_hot(labels, classes).double()


def _rounded(value: Any) -> Any:
    """Numbers to six digits, so that an identity does not depend on the last bits."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
