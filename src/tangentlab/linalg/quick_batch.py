"""Products of many small matrices, as attention has them, that are pulled back by the quicker product.

Formula   C[b] = A[b] B[b];  Ā = C̄ Bᵀ, B̄ = Aᵀ C̄, over those rows of C̄ alone that are not zero in all b
Cost      b·m·s·r multiplications forward, and twice as many backward; the factors are kept as they lie, as views
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tangentlab.linalg.batched_product import batched_product

_WORTH = 0.5
"""Share of the rows that have a gradient, above which all of them are multiplied."""


class QuickBatch(torch.autograd.Function):
    """A B for A (..., m, s) and B (..., s, r), whose leading axes are the same.

    >>> A, B = torch.ones(3, 4, 2, 5, requires_grad=True), torch.ones(3, 4, 5, 6)
    >>> C = QuickBatch.apply(A, B)
    >>> C[0, 0, 0, 0].item(), torch.autograd.grad(C[..., 0, :].sum(), A)[0][0, 0, :, 0].tolist()
    (5.0, [6.0, 0.0])
    """

    @staticmethod
    def forward(ctx: Any, A: Tensor, B: Tensor) -> Tensor:
        """The products."""
        ctx.save_for_backward(A, B)
        return _product(A, B)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore
        """Gradients of those factors that ask for one."""
        (G,), (A, B), (of_A, of_B) = gradients, ctx.saved_tensors, ctx.needs_input_grad
        if torch.is_grad_enabled():  # a derivative of this one is asked for
            return G @ B.mT if of_A else None, A.mT @ G if of_B else None
        read = _read(G)
        if read is None:
            return _product(G, B.mT) if of_A else None, _product(A.mT, G) if of_B else None
        few = G.index_select(-2, read)
        back = G.new_zeros(A.shape).index_copy_(-2, read, _product(few, B.mT)) if of_A else None
        return back, _product(A.index_select(-2, read).mT, few) if of_B else None


def _product(A: Tensor, B: Tensor) -> Tensor:
    """A B, no view to autograd, so that an operation may write into it."""
    turned = A.stride(-2) == 1 != A.stride(-1)
    lying = A.mT.contiguous().mT if turned else A.contiguous()
    found = batched_product(lying.flatten(0, -3), B.flatten(0, -3))
    return torch.ops.aten._unsafe_view.default(found, (*A.shape[:-1], B.shape[-1]))


def _read(G: Tensor) -> Tensor | None:
    """The rows of matrices that are not zero in all of them, where those are few: a classifier may read one token."""
    count = G.shape[-2]
    if bool(G[..., :: max(1, count - 1), :].any(-1).flatten(0, -2).any(0).all()):
        return None
    read = G.ne(0).any(-1).flatten(0, -2).any(0).nonzero().flatten()
    return read if len(read) <= _WORTH * count else None
