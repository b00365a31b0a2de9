"""Sums over pairs of rows with each row left out in turn: what the jackknife of a kernel's measures is made of.

Formula   Σ_{a, b ≠ i} A_ab B_ab = ⟨A, B⟩ − 2 Σ_a A_ai B_ai + A_ii B_ii      for symmetric A and B, O(n²) for all i
Shapes    (n, s, n, s): s rows of the matrix belong to one row of data and leave together
"""

from __future__ import annotations

import torch
from torch import Tensor


def inner_left_out(A: Tensor, B: Tensor, *, stride: int = 1) -> tuple[float, Tensor]:
    """⟨A, B⟩_F of symmetric (N, N), and the same without each of the n = N / stride rows, (n,).

    >>> A = torch.tensor([[1.0, 2.0], [2.0, 3.0]], dtype=torch.float64)
    >>> inner_left_out(A, A)
    (18.0, tensor([9., 1.], dtype=torch.float64))
    """
    n = len(A) // stride
    pairs = (A * B).reshape(n, stride, n, stride).sum(dim=(1, 3))
    total = pairs.sum()
    return float(total), total - 2 * pairs.sum(1) + pairs.diagonal()


def centred_inner_left_out(A: Tensor, B: Tensor, *, stride: int = 1) -> tuple[float, Tensor]:
    """⟨HAH, HBH⟩_F with H = I − 11ᵀ/n over rows of data, and the same without each of them, centred anew.

    ⟨HAH, B⟩ = ⟨A, B⟩ − 2/n Σ_i a_i·b_i + a·b/n² with a_i the sums of the rows and a that of all.

    >>> A = torch.tensor([[1.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    >>> centred_inner_left_out(A, A)
    (4.0, tensor([0., 0.], dtype=torch.float64))
    """
    n, s = len(A) // stride, stride
    A, B = A.reshape(n, s, n, s), B.reshape(n, s, n, s)
    inner, inners = inner_left_out(A.reshape(n * s, -1), B.reshape(n * s, -1), stride=s)
    a, b = A.sum(2), B.sum(2)  # (n, s, s): sums over the rows of data
    alone_a, alone_b = A.diagonal(dim1=0, dim2=2).permute(2, 0, 1), B.diagonal(dim1=0, dim2=2).permute(2, 0, 1)
    all_a, all_b = a.sum(0), b.sum(0)

    def centred(inner: Tensor, rows: Tensor, wholes: Tensor, count: int) -> Tensor:
        return inner - 2 / count * rows + wholes / count**2

    whole = centred(inners.new_tensor(inner), (a * b).sum(), (all_a * all_b).sum(), n)
    # row j gone: its own sums leave, and every other row's sums lose their entry with it
    lost = torch.einsum("ikjl,ikl->j", A, b) + torch.einsum("ikjl,ikl->j", B, a)
    own = ((a - alone_a) * (b - alone_b)).sum(dim=(1, 2))
    rows = (a * b).sum() - lost + (A * B).sum(dim=(0, 1, 3)) - own
    left_a = all_a - a - a.mT + alone_a
    left_b = all_b - b - b.mT + alone_b
    return float(whole), centred(inners, rows, (left_a * left_b).sum(dim=(1, 2)), n - 1)
