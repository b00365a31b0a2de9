"""A kernel and a target on the same rows, as every probe of the pair needs them.

In the stack layout of `KernelBlocks` the target kernel is T = y yᵀ of each system: (n, n) summed over columns for a
kernel shared by the outputs, one y_k y_kᵀ per output for a diagonal kernel, and the outer product of the flattened
y for a full one. Inner products run over the whole stack.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import DataError
from tangentlab._shapes import expect_shape
from tangentlab.linalg import KernelBlocks, as_columns, diagonal_blocks, rounding_of, symmetric

_LEAST = 1e-70
"""Fourth powers of targets are summed: those of 1e±70 and more leave the range of float64."""


@dataclass(frozen=True, eq=False)
class KernelTarget:
    """`blocks`, a symmetric kernel of n rows in float64, and `target` y (n, c).

    >>> pair = KernelTarget.of([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0])
    >>> pair.quadratic_form, pair.trace, pair.target_energy
    (6.0, 6.0, 2.0)
    """

    blocks: KernelBlocks
    target: Tensor
    rounding: float

    @staticmethod
    def of(K: Any, y: Any, *, rounding: float | None = None) -> KernelTarget:
        """Check K (n, n), (n, n, c) or (n, n, c, c) against y (n,) or (n, c), which must not be all zero.

        >>> KernelTarget.of(torch.eye(2), torch.zeros(2))
        Traceback (most recent call last):
        tangentlab._errors.DataError: `y` is zero everywhere, so no kernel can tell anything of it. Pass targets ...
        """
        target = as_columns("y", y).to(torch.float64)
        blocks = KernelBlocks.of(K, outputs=target.shape[1])
        rounding = rounding_of(K) if rounding is None else rounding
        expect_shape("K", blocks.systems, "b n n")
        target = _expected(target, blocks)
        found = [symmetric(one, rounding=rounding) for one in blocks.systems]
        systems = found[0][None] if len(found) == 1 else torch.stack(found)
        return KernelTarget(KernelBlocks(systems, blocks.form, blocks.outputs), target, rounding)

    def towards(self, y: Any) -> KernelTarget:
        """The same kernel, which is not checked again, with another target of as many columns.

        >>> KernelTarget.of([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0]).towards([0.0, 1.0]).quadratic_form
        4.0
        """
        target = as_columns("y", y, outputs=self.target.shape[1]).to(torch.float64)
        return replace(self, target=_expected(target, self.blocks))

    @property
    def quadratic_form(self) -> float:
        """yᵀKy, summed over the columns of y."""
        return float((self.target * self.blocks.apply(self.target)).sum())

    @property
    def own_quadratic_form(self) -> float:
        """Its part from rows with themselves, Σ_i y_iᵀ K_ii y_i."""
        stride = self.blocks.stride
        own = diagonal_blocks(self.blocks.systems, stride=stride)
        b, n, s, _ = own.shape
        y = self._packed.reshape(b, n, s, -1)
        return float((y * (own @ y)).sum())

    @property
    def target_energy(self) -> float:
        """‖y‖², over rows and columns."""
        return float((self.target**2).sum())

    @property
    def trace(self) -> float:
        """The trace of K for one output: of all systems, over the outputs they stand for."""
        systems = self.blocks.systems
        total = float(systems.diagonal(dim1=1, dim2=2).sum())
        return total * self.blocks.rows / (systems.shape[0] * systems.shape[1])

    @property
    def target_kernel_norm(self) -> float:
        """‖T‖_F of the target kernel, from the small matrices yᵀy of each system."""
        return float((self._packed.mT @ self._packed).norm())

    def centred(self) -> KernelTarget:
        """HKH and Hy with H = I − 11ᵀ/n over rows, each output (and pair of outputs) by itself.

        >>> KernelTarget.of(torch.eye(2), [1.0, 0.0]).centred().target.flatten().tolist()
        [0.5, -0.5]
        """
        blocks, s = self.blocks, self.blocks.stride
        b, N, _ = blocks.systems.shape
        apart = blocks.systems.reshape(b, N // s, s, N // s, s)
        apart = apart - apart.mean(dim=1, keepdim=True)
        apart = apart - apart.mean(dim=3, keepdim=True)
        moved = KernelBlocks(apart.reshape(b, N, N), blocks.form, blocks.outputs)
        return KernelTarget(moved, self.target - self.target.mean(dim=0), self.rounding)

    @cached_property
    def _packed(self) -> Tensor:
        return self.blocks.pack(self.target)


def _expected(target: Tensor, blocks: KernelBlocks) -> Tensor:
    """A target (n, c) where the kernel lies; one of other rows, or zero everywhere, is refused."""
    target = as_columns("y", target.to(blocks.systems.device), rows=blocks.rows)
    refuse_zero(target)
    return target


def refuse_zero(target: Tensor, *, name: str = "y") -> None:
    """Refuse a target that is empty, zero everywhere or without squares in float64, under the name of its argument.

    >>> refuse_zero(torch.zeros(2), name="target")
    Traceback (most recent call last):
    tangentlab._errors.DataError: `target` is zero everywhere, so no kernel can tell anything of it. Pass targets ...
    """
    if not target.numel():
        raise DataError(f"`{name}` is empty, of shape {tuple(target.shape)}.", remedy="Pass some rows.")
    largest = float(target.abs().max())
    if not largest:
        raise DataError(
            f"`{name}` is zero everywhere, so no kernel can tell anything of it.",
            remedy="Pass targets of ±1, or centred ones: {0, 1} are not mapped for you.",
        )
    if not _LEAST < largest < 1 / _LEAST:
        raise DataError(
            f"`{name}` has numbers of up to {largest:.3g}, whose squares float64 does not hold.",
            remedy=f"Divide it by that: {name} / {largest:.3g}.",
        )
