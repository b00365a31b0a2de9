"""The terms of a kernel on one block of rows: per layer, the factors of its per-sample gradients in their best form.

Formula   Θ = Σ_layers J_l J_lᵀ; this file makes the J_l of a block, `contraction` multiplies two of them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import NetworkError
from tangentlab.kernels.contraction import add_contraction, cheapest
from tangentlab.networks.inputs import Inputs, count_rows, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent.capture import Uses, capture, covered_layers
from tangentlab.tangent.factors import Factor, Outer, Rows, Tokens, add_uses, as_rows, join_rows, with_bias
from tangentlab.tangent.routes import Routes
from tangentlab.tangent.sample_gradients import sample_gradients

Terms = dict[str, Factor]
"""A factor for each layer (or parameter), under its parameters' names joined by '+'."""


@dataclass(frozen=True)
class TermMaker:
    """Makes the terms of any block of rows, always in the same forms."""

    network: Network
    routes: Routes
    cotangents: Tensor
    contraction: str
    forms: Mapping[str, str]
    """The contraction form of each term, chosen once."""

    @staticmethod
    def plan(
        network: Network, *, routes: Routes, cotangents: Tensor, contraction: str, few: Inputs, columns: int
    ) -> tuple[TermMaker, int]:
        """Choose forms on a few rows; also the bytes that one row's terms will take."""
        maker = TermMaker(network, routes, cotangents, contraction, {})
        terms = maker._terms(few)
        forms = {name: cheapest(term, contraction=contraction, columns=columns) for name, term in terms.items()}
        kept = {name: _settled(term, forms[name]) for name, term in terms.items()}
        size = cotangents.element_size()
        numbers = sum(term.row_numbers for term in kept.values())
        written_out = [
            term.explicit_numbers
            for name, term in kept.items()
            if forms[name] == "explicit" and not isinstance(term, Rows)
        ]
        workspace = max(written_out, default=0)
        return TermMaker(network, routes, cotangents, contraction, forms), size * (numbers + workspace)

    def block(self, x: Inputs, *, step: int) -> Terms:
        """Terms of a block of placed rows, made `step` rows at a time."""
        rows = count_rows(x)
        parts = [self._settled_terms(take_rows(x, slice(i, min(i + step, rows)))) for i in range(0, rows, step)]
        return {name: join_rows([part[name] for part in parts]) for name in parts[0]}

    def add_tile(self, total: Tensor, left: Terms, right: Terms) -> None:
        """Add the kernel between two blocks to `total`, in float64."""
        for name, form in self.forms.items():
            add_contraction(total, left[name], right[name], form=form, contraction=self.contraction)

    def _settled_terms(self, x: Inputs) -> Terms:
        terms = self._terms(x)
        if terms.keys() != self.forms.keys():
            odd = sorted(set(terms) ^ set(self.forms))[0]
            raise NetworkError(
                f"The layer of '{odd}' was used on some rows and not on others.",
                remedy="Use method='autograd' for networks whose path depends on the data.",
            )
        return {name: _settled(term, self.forms[name]) for name, term in terms.items()}

    def _terms(self, x: Inputs) -> Terms:
        terms: Terms = {}
        ruled = dict(self.routes.by_rule)
        if ruled:
            layers = {
                name: layer
                for name, layer in covered_layers(self.network).items()
                if any(id(t) in _identities(self.network, ruled) for t in layer._parameters.values())
            }
            uses = capture(self.network, x, self.cotangents, layers=layers)
            terms |= _ruled_terms(uses, ruled)
        if self.routes.general:
            rows = sample_gradients(
                self.network, x, names=self.routes.general, cotangents=self.cotangents, way=self.routes.general_way
            )
            small = {name: r.detach().reshape(*r.shape[:2], -1) for name, r in rows.items()}
            terms["+".join(self.routes.general)] = Rows(torch.cat(list(small.values()), dim=2))
        return terms


def _identities(network: Network, names: Mapping[str, int]) -> set[int]:
    return {id(tensor) for name, tensor in network.selected_tensors.items() if name in names}


def _ruled_terms(uses: Uses, expected: Mapping[str, int]) -> Terms:
    terms: Terms = {}
    loose: list[tuple[str, Rows]] = []
    taken: set[str] = set()
    for name, count in expected.items():
        if len(uses.get(name, ())) != count:
            raise NetworkError(
                f"The layer of '{name}' was called {len(uses.get(name, ()))} times, {count} times when checked.",
                remedy="Use method='autograd' for networks whose path depends on the data.",
            )
    for name in expected:
        if name in taken:
            continue
        factor = add_uses(uses[name])
        bias = name.removesuffix("weight") + "bias"
        if _takes_bias(name, factor, bias, uses, expected):
            assert isinstance(factor, Outer)
            terms[f"{name}+{bias}"] = with_bias(factor)
            taken.add(bias)
        elif isinstance(factor, Rows):
            loose.append((name, factor))
        else:
            terms[name] = factor
    if loose:
        rows = [as_rows(factor).rows for name, factor in loose if name not in taken]
        names = [name for name, _ in loose if name not in taken]
        if rows:
            terms["+".join(names)] = Rows(torch.cat(rows, dim=2))
    return terms


def _takes_bias(name: str, factor: Factor, bias: str, uses: Uses, expected: Mapping[str, int]) -> bool:
    """A linear layer on single positions carries its bias as one more input, at the cost of one column."""
    return (
        isinstance(factor, Outer)
        and name.endswith("weight")
        and not factor.inputs_first
        and factor.inputs.shape[1:3] == (1, 1)
        and len(uses[name]) == 1
        and expected.get(bias) == 1
        and uses[bias][0].row_numbers == factor.gradients[0].numel()
    )


def _settled(term: Factor, form: str) -> Factor:
    """Written out at once where that is the form wanted and takes less room."""
    if form == "explicit" and isinstance(term, (Outer, Tokens)) and term.explicit_numbers <= term.row_numbers:
        return term.rows()
    return term


def block_bytes(terms: Sequence[Terms]) -> int:
    """Bytes held by the terms of some blocks."""
    total = 0
    for block in terms:
        for term in block.values():
            tensors = [term.rows] if isinstance(term, Rows) else [term.gradients]
            tensors += (
                [term.inputs] if isinstance(term, Outer) else [term.tokens] if isinstance(term, Tokens) else []
            )
            total += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return total
