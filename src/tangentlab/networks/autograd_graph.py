"""Walks through the graph that autograd recorded: what an output was really computed from, whatever the code says.

Cost      one visit of each node, without running anything
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch import Tensor


def count_uses(f: Tensor) -> Counter[int]:
    """How many operations took each leaf that `f` depends on, by the leaf's `id`.

    A weight used by its layer and once more outside any layer is counted twice, even where the second use is
    multiplied by zero.

    >>> import torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> count_uses((w * w).sum() + 0 * w.sum())[id(w)]
    3
    """
    return Counter(id(leaf) for leaf in _leaf_edges(f))


def leaves(f: Tensor) -> list[Tensor]:
    """The distinct leaf tensors that `f` depends on.

    >>> import torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> leaves(w * w)[0] is w, leaves(torch.ones(1))
    (True, [])
    """
    return list({id(leaf): leaf for leaf in _leaf_edges(f)}.values())


def operations(f: Tensor) -> set[str]:
    """Names of the operations that `f` was computed with, as autograd has them.

    >>> import torch
    >>> sorted(operations(torch.ones(2, requires_grad=True).relu().sum()))
    ['ReluBackward0', 'SumBackward0']
    """
    waiting: list[Any] = [f.grad_fn] if f.grad_fn is not None else []
    seen = set(waiting)
    while waiting:
        for node, _ in waiting.pop().next_functions:
            if node is not None and node not in seen:
                seen.add(node)
                waiting.append(node)
    return {node.name() for node in seen if getattr(node, "variable", None) is None}


def _leaf_edges(f: Tensor) -> Iterator[Tensor]:
    """The leaf at the end of each edge that leads to one, once for each edge."""
    if f.grad_fn is None:
        if f.requires_grad:
            yield f
        return
    waiting: list[Any] = [f.grad_fn]
    seen = {f.grad_fn}
    while waiting:
        for node, _ in waiting.pop().next_functions:
            if node is None:
                continue
            leaf = getattr(node, "variable", None)
            if leaf is not None:
                yield leaf
            elif node not in seen:
                seen.add(node)
                waiting.append(node)
