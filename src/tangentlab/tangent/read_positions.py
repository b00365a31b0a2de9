"""Positions of a layer that the outputs read: where the gradients of its output are not all zero.

A classifier that looks at one token of its last block asks nothing of the others there, nor does one that looks at
the last step of a recurrent cell. Σ_s G_s ⊗ A_s is then a sum over few positions, often one, and its kernel the
product of two small Gram matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tangentlab.tangent.factors import Factor, Outer

_WORTH = 0.5
"""Share of the positions that are read, above which all of them are kept."""


def read_positions(factor: Outer) -> tuple[int, ...]:
    """The positions that some row of `factor` reads, at least one; all of them where few are not.

    >>> read_positions(Outer(torch.ones(1, 1, 4, 1), torch.tensor([0.0, 0.0, 3.0, 0.0]).reshape(1, 1, 1, 4, 1)))
    (2,)
    """
    count = factor.gradients.shape[3]
    read = factor.gradients.ne(0).any(-1).flatten(0, 2).any(0).nonzero().flatten().tolist()
    return tuple(read or [0]) if len(read) <= _WORTH * count else tuple(range(count))


def few_read(made: Sequence[Mapping[str, Factor]]) -> dict[str, tuple[int, ...]]:
    """Of terms made on several sets of rows, the outer products of which all read the same few positions: those.

    >>> use = Outer(torch.ones(1, 1, 2, 1), torch.tensor([0.0, 3.0]).reshape(1, 1, 1, 2, 1))
    >>> few_read([{"weight": use}])
    {'weight': (1,)}
    """
    found = {}
    for name in made[0]:
        each = [terms[name] for terms in made]
        outers = [term for term in each if isinstance(term, Outer)]
        counts = {term.gradients.shape[3] for term in outers}
        if len(outers) < len(each) or len(counts) > 1:
            continue
        read = set[int]().union(*(read_positions(term) for term in outers))
        if len(read) < max(counts):
            found[name] = tuple(sorted(read))
    return found


def narrowed(factor: Factor, positions: tuple[int, ...]) -> Factor:
    """The outer product at these positions alone, a copy; the factor itself where rows read others too.

    >>> use = Outer(torch.ones(1, 1, 2, 1), torch.tensor([0.0, 3.0]).reshape(1, 1, 1, 2, 1))
    >>> narrowed(use, (1,)).gradients.flatten().tolist(), narrowed(use, (0,)) is use
    ([3.0], True)
    """
    if not isinstance(factor, Outer) or factor.gradients.shape[3] <= max(positions):
        return factor
    index = torch.tensor(positions, device=factor.gradients.device)
    gradients = factor.gradients.index_select(3, index)
    if int(gradients.count_nonzero()) != int(factor.gradients.count_nonzero()):
        return factor
    return replace(factor, inputs=factor.inputs.index_select(2, index), gradients=gradients)


def widened(factor: Outer, positions: tuple[int, ...], *, count: int) -> Outer:
    """The factor with all its `count` positions, of which these are read: zeros elsewhere change no sum.

    >>> widened(Outer(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1, 1)), (1,), count=2).gradients.flatten().tolist()
    [0.0, 1.0]
    """
    index = torch.tensor(positions, device=factor.gradients.device)

    def spread(tensor: Tensor, axis: int) -> Tensor:
        shape = (*tensor.shape[:axis], count, *tensor.shape[axis + 1 :])
        return tensor.new_zeros(shape).index_copy_(axis, index, tensor)

    return replace(factor, inputs=spread(factor.inputs, 2), gradients=spread(factor.gradients, 3))
