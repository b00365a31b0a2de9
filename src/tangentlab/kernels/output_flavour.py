"""The flavour of a kernel: which combinations of outputs are differentiated, and which pairs of them are kept.

Formula   full      Θ[i, j, k, l] = ⟨∂f_k(x_i), ∂f_l(x_j)⟩      (n, m, c, c)
          trace     Σ_k Θ[i, j, k, k]                            (n, m)
          mean      trace / c                                    (n, m)
          diagonal  Θ[i, j, k, k]                                (n, m, c)
          sum       Σ_kl Θ[i, j, k, l]                           (n, m)
          k         Θ[i, j, k, k] of one output                  (n, m)
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, UnknownNameError

Outputs = str | int
FLAVOURS = ("full", "trace", "mean", "diagonal", "sum")


@dataclass(frozen=True)
class OutputFlavour:
    """A flavour for a network of c outputs: q combinations to pull back, and how pairs of them are contracted.

    >>> flavour = output_flavour("sum", outputs=3)
    >>> flavour.count, flavour.contraction
    (1, 'trace')
    >>> output_flavour(-1, outputs=3).name
    2
    """

    name: Outputs
    outputs: int
    count: int
    """q, the number of combinations pulled back."""
    contraction: str
    """"full" (n, m, q, q), "trace" (n, m) or "diagonal" (n, m, q)."""
    scale: float

    @property
    def side(self) -> int:
        """Rows of the kernel's matrix for each row of data: c if it is full, else 1."""
        return self.count if self.contraction == "full" else 1

    @property
    def numbers(self) -> int:
        """Numbers kept for each pair of rows."""
        return {"full": self.count**2, "trace": 1, "diagonal": self.count}[self.contraction]

    def cotangents(self, *, like: Tensor) -> Tensor:
        """The combinations as (q, c)."""
        if self.name == "sum":
            return like.new_ones(1, self.outputs)
        identity = torch.eye(self.outputs, dtype=like.dtype, device=like.device)
        return identity[self.name : self.name + 1] if isinstance(self.name, int) else identity

    def shape(self, n: int, m: int) -> tuple[int, ...]:
        """The shape of the kernel between n and m rows."""
        pairs = {"full": (self.count, self.count), "trace": (), "diagonal": (self.count,)}
        return (n, m, *pairs[self.contraction])

    def outputs_first(self, numbers: Tensor, n: int, m: int) -> Tensor:
        """A kernel between n and m rows over `numbers`, in the order (q, n, q, m) or (q, n, m) that products write.

        >>> output_flavour("full", outputs=2).outputs_first(torch.arange(8), 1, 2)[0, 1].tolist()
        [[1, 3], [5, 7]]
        """
        q = self.count
        if self.contraction == "full":
            return numbers.view(q, n, q, m).permute(1, 3, 0, 2)
        return numbers.view(q, n, m).permute(1, 2, 0) if self.contraction == "diagonal" else numbers.view(n, m)

    def transpose(self, tile: Tensor) -> Tensor:
        """The tile of the swapped rows: Θ[j, i, l, k] = Θ[i, j, k, l]."""
        swapped = tile.transpose(0, 1)
        return swapped.transpose(2, 3) if self.contraction == "full" else swapped

    def mirrored(self, tile: Tensor) -> Tensor:
        """The same as a tensor of its own.

        >>> output_flavour(0, outputs=1).mirrored(torch.tensor([[1, 2], [3, 4]])).tolist()
        [[1, 3], [2, 4]]
        """
        if tile.ndim > 2:
            return self.transpose(tile).clone()
        return tile.T.clone(memory_format=torch.contiguous_format)  # in squares that stay in the nearest cache

    def scaled_(self, kernel: Tensor) -> Tensor:
        """The kernel of sums as that of the flavour, in place.

        >>> output_flavour("mean", outputs=2).scaled_(torch.tensor([3.0])).tolist()
        [1.5]
        """
        return kernel if self.scale == 1 else kernel.mul_(self.scale)


def check_outputs(outputs: Outputs) -> Outputs:
    """A flavour's name, refused when unknown.

    >>> check_outputs("trace")
    'trace'
    """
    if isinstance(outputs, Integral) and not isinstance(outputs, bool):
        return int(outputs)
    if not isinstance(outputs, str):
        raise ArgumentError(
            "outputs",
            expected="a flavour's name or the index of one output",
            got=outputs,
            remedy=f"Choose one of {', '.join(FLAVOURS)}, or an integer.",
        )
    if outputs not in FLAVOURS:
        raise UnknownNameError("outputs", outputs, FLAVOURS)
    return outputs


def refuse_no_matrix(outputs: Outputs) -> None:
    """The flavour "diagonal" is not one matrix but one for each output.

    >>> refuse_no_matrix("trace")
    """
    if outputs == "diagonal":
        raise ArgumentError(
            "outputs",
            expected="a flavour that is one matrix",
            got="'diagonal', which is one matrix for each output",
            remedy="Take the kernel of one output, outputs=0 say, at a time.",
        )


def output_flavour(name: Outputs, *, outputs: int) -> OutputFlavour:
    """The flavour `name` for a network of `outputs` outputs."""
    name = check_outputs(name)
    if isinstance(name, int):
        if not -outputs <= name < outputs:
            raise ArgumentError(
                "outputs",
                expected=f"an index below the network's {outputs} output{'s' if outputs > 1 else ''}",
                got=name,
                remedy="Count outputs from 0.",
            )
        return OutputFlavour(name % outputs, outputs, count=1, contraction="trace", scale=1.0)
    if name == "sum":
        return OutputFlavour(name, outputs, count=1, contraction="trace", scale=1.0)
    contraction = {"full": "full", "diagonal": "diagonal"}.get(name, "trace")
    scale = 1.0 / outputs if name == "mean" else 1.0
    return OutputFlavour(name, outputs, count=outputs, contraction=contraction, scale=scale)
