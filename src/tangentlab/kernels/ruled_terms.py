"""The terms of parameters that layer rules cover: a factor for each, that of a weight with its layer's bias in it."""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab.kernels.path_changed import PathChanged
from tangentlab.tangent.capture import Uses
from tangentlab.tangent.factors import Factor, Outer, Rows
from tangentlab.tangent.joined_factors import add_uses, with_bias


def ruled_terms(uses: Uses, merged: frozenset[str]) -> dict[str, Factor]:
    """The uses of each parameter added up; `merged` weights with their bias, and all rows written out in one.

    >>> ones = torch.ones(2, 1, 1, 1)                                         # two rows, one input, one output
    >>> use = {"weight": [Outer(inputs=ones, gradients=ones[:, None])], "bias": [Rows(torch.ones(2, 1, 1))]}
    >>> takes_bias("weight", use), list(ruled_terms(use, frozenset())), list(ruled_terms(use, frozenset({"weight"})))
    (True, ['weight', 'bias'], ['weight+bias'])
    """
    terms: dict[str, Factor] = {}
    loose: dict[str, Tensor] = {}
    taken = {_bias_of(name) for name in merged}
    for name in uses:
        if name in taken:
            continue
        factor = add_uses(uses[name])
        if name in merged:
            if not isinstance(factor, Outer) or len(uses[name]) > 1:
                raise PathChanged([name, _bias_of(name)])
            terms[f"{name}+{_bias_of(name)}"] = with_bias(factor)
        elif isinstance(factor, Rows):
            loose[name] = factor.rows
        else:
            terms[name] = factor
    if loose:
        terms["+".join(loose)] = Rows(torch.cat(list(loose.values()), dim=2))
    return terms


def _bias_of(weight: str) -> str:
    return weight.removesuffix("weight") + "bias"


def takes_bias(name: str, uses: Uses) -> bool:
    """A linear layer on single positions carries its bias as one more input, at the cost of one column."""
    factor, biases = uses[name][0], uses.get(_bias_of(name), [])
    return (
        isinstance(factor, Outer)
        and name.endswith("weight")
        and not factor.inputs_first
        and factor.inputs.shape[1:3] == (1, 1)
        and len(uses[name]) == len(biases) == 1
        and biases[0].row_numbers == factor.gradients[0].numel()
    )
