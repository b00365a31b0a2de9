"""The terms of a kernel on one block of rows: per layer, the factors of its per-sample gradients in their best form.

Formula   Θ = Σ_layers J_l J_lᵀ; this file makes the J_l of a block, `contraction` multiplies two of them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from tangentlab._errors import NetworkError
from tangentlab.kernels.contraction import Workspace, add_contraction, cheapest
from tangentlab.kernels.path_changed import PathChanged
from tangentlab.kernels.reduced_precision import contracting, rounded
from tangentlab.kernels.ruled_terms import ruled_terms, takes_bias
from tangentlab.kernels.short_sums import ShortSums, summed_numbers, tile_dtype
from tangentlab.networks.inputs import Inputs, count_rows, take_rows
from tangentlab.networks.network import Network
from tangentlab.networks.safety import verify_rows
from tangentlab.tangent.capture import Uses, capture
from tangentlab.tangent.factors import Factor, Outer, Rows, Windows
from tangentlab.tangent.joined_factors import (
    Stacked,
    alike,
    put_rows,
    room_for,
    without_surroundings,
)
from tangentlab.tangent.read_positions import few_read, narrowed, widened
from tangentlab.tangent.routes import Routes
from tangentlab.tangent.sample_gradients import sample_gradients

Terms = dict[str, Factor | Stacked]
"""A factor for each layer (or parameter), under its parameters' names joined by '+'."""


_ONE_TILE = 256
"""Rows times outputs up to which a kernel is one tile, and nothing is used twice."""

_ROWS_A_CHECK = 512
"""Rows of a block for each that is evaluated once more alone."""


@dataclass(frozen=True)
class TermMaker:
    """Makes the terms of any block of rows, always in the same forms."""

    network: Network
    routes: Routes
    cotangents: Tensor
    contraction: str
    merged: frozenset[str]
    """The weights that carry their layer's bias as one more input."""
    forms: Mapping[str, str]
    """The contraction form of each term, chosen once."""
    wary: bool
    """Whether every row of a block is compared with itself alone, and not only some of its first ones."""
    growth: int = 1
    """How many times its room a term may take when written out once, rather than for each tile again."""
    precision: str = "float32"
    """To what factors are rounded and their products made, see `reduced_precision`."""
    summed: Mapping[str, int | None] = field(default_factory=dict)
    """For each term the numbers that its share of a tile sums up, see `short_sums`."""
    read: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """For terms of which few positions are read: which. Other rows may read more, and then keep all of them."""
    whole_forms: Mapping[str, str] = field(default_factory=dict)
    """The contraction forms of those terms where all positions are kept."""

    @staticmethod
    def plan(
        network: Network,
        *,
        routes: Routes,
        cotangents: Tensor,
        contraction: str,
        samples: Sequence[Inputs],
        columns: int,
        wary: bool = False,
    ) -> tuple[TermMaker, int]:
        """Choose forms on sets of a few rows; also the bytes that one row's terms will take."""
        maker = TermMaker(network, routes, cotangents, contraction, frozenset(), {}, wary)
        found = [maker.uses(few, checks=1) for few in samples]
        merged = frozenset(name for name in routes.by_rule if all(takes_bias(name, uses) for uses in found))
        maker = TermMaker(network, routes, cotangents, contraction, merged, {}, wary)
        made = [maker._terms(few, uses) for few, uses in zip(samples, found)]
        if any(terms.keys() != made[0].keys() for terms in made):
            odd = set.symmetric_difference(*(set(terms) for terms in made))
            raise PathChanged([name for key in odd for name in key.split("+")])
        largest = {name: max((terms[name] for terms in made), key=lambda t: t.row_numbers) for name in made[0]}
        read = few_read(made)
        whole_forms = {name: cheapest(largest[name], contraction=contraction, columns=columns) for name in read}
        largest |= {name: narrowed(largest[name], positions) for name, positions in read.items()}
        forms = {name: cheapest(term, contraction=contraction, columns=columns) for name, term in largest.items()}
        side = len(cotangents) if contraction == "full" else 1
        growth = 2 if columns * side > _ONE_TILE else 1
        kept = {
            name: term if name in read else _settled(term, forms[name], outputs_first=False, growth=growth)
            for name, term in largest.items()
        }
        size = cotangents.element_size()
        numbers = sum(term.row_numbers for term in kept.values())
        written_out = [
            term.explicit_numbers
            for name, term in kept.items()
            if forms[name] == "explicit" and not isinstance(term, Rows)
        ]
        workspace = max(written_out, default=0)
        summed = {
            name: summed_numbers(term, form=forms[name], contraction=contraction) for name, term in largest.items()
        }
        maker = replace(maker, forms=forms, growth=growth, summed=summed, read=read, whole_forms=whole_forms)
        return maker, size * (numbers + workspace)

    def block(self, x: Inputs, *, step: int) -> Terms:
        """Terms of a block of placed rows, made `step` rows at a time."""
        rows = count_rows(x)
        first = max(1, rows // _ROWS_A_CHECK)
        if step >= rows:
            return {**self._settled_terms(x, checks=first)}
        whole: dict[str, Factor] = {}
        parts: dict[str, list[Outer]] = {}
        for start in range(0, rows, step):
            checks = first if start == 0 else int(start + step >= rows)
            some = take_rows(x, slice(start, min(start + step, rows)))
            self._put(self._settled_terms(some, checks=checks), whole, parts, start=start, rows=rows)
        return {**whole, **{name: self._stacked(name, each) for name, each in parts.items()}}

    def _put(
        self,
        part: Mapping[str, Factor],
        whole: dict[str, Factor],
        parts: dict[str, list[Outer]],
        *,
        start: int,
        rows: int,
    ) -> None:
        """Terms of a pass into those of the block; none of them is held while those of the next pass are made."""
        for name, term in part.items():
            if isinstance(term, Outer) and (self.forms[name] == "explicit" or name in self.read):
                parts.setdefault(name, []).append(without_surroundings(term))  # written out where it lies
                continue
            if name not in whole:
                whole[name] = room_for(term, rows=rows)
            if not alike(whole[name], term):
                raise PathChanged(name.split("+"))
            put_rows(whole[name], term, start=start)

    def _stacked(self, name: str, parts: Sequence[Outer]) -> Factor | Stacked:
        positions = [part.gradients.shape[3] for part in parts]
        if name in self.read and min(positions) < max(positions):  # some rows read more than others
            read, count = self.read[name], max(positions)
            few = [part.gradients.shape[3] < count for part in parts]
            parts = [widened(part, read, count=count) if each else part for part, each in zip(parts, few)]
        if not all(alike(parts[0], part) for part in parts):
            raise PathChanged(name.split("+"))
        stacked = Stacked(tuple(parts))
        return stacked if self._form(name, stacked) == "explicit" else stacked.joined()

    def _form(self, name: str, *sides: Factor | Stacked) -> str:
        """The contraction form of a term, which is another where more of its positions are read than planned."""
        if name in self.read:
            parts = [side.parts[0] if isinstance(side, Stacked) else side for side in sides]
            planned = len(self.read[name])
            if any(isinstance(part, Outer) and part.gradients.shape[3] != planned for part in parts):
                return self.whole_forms[name]
        return self.forms[name]

    @property
    def tile_dtype(self) -> torch.dtype:
        """In what a tile is summed; in float64 wherever a layer may come in another form than was planned."""
        return torch.float64 if self.read else tile_dtype(self.summed.values(), self.network.dtype)

    def add_tile(self, total: Tensor, left: Terms, right: Terms) -> None:
        """Add the kernel between two blocks to `total`, in `tile_dtype` or float64."""
        room, short = Workspace(), ShortSums(total, self.network.dtype)
        with contracting(self.precision, total.device):
            for name in self.forms:
                a, b = left[name], right[name]
                if isinstance(a, Rows) and isinstance(b, Rows) and a.order != b.order:
                    raise PathChanged(
                        name.split("+")
                    )  # a parameter is used more often by some rows than by others
                form = self._form(name, a, b)
                add_contraction(
                    short.into(self.summed[name] if form == self.forms[name] else None),
                    a,
                    b,
                    form=form,
                    contraction=self.contraction,
                    workspace=room,
                )
            short.flush()

    def _settled_terms(self, x: Inputs, *, checks: int) -> dict[str, Factor]:
        terms = self._terms(x, self.uses(x, checks=checks))
        if terms.keys() != self.forms.keys():
            raise PathChanged([name for key in set(terms) ^ set(self.forms) for name in key.split("+")])
        first = self.contraction == "full"
        return {
            name: rounded(self._kept(name, term, outputs_first=first), self.precision)
            for name, term in terms.items()
        }

    def _kept(self, name: str, term: Factor, *, outputs_first: bool) -> Factor:
        if name in self.read:
            return narrowed(term, self.read[name])
        return _settled(term, self.forms[name], outputs_first=outputs_first, growth=self.growth)

    def uses(self, x: Inputs, *, checks: int) -> Uses:
        """Uses of the parameters that take rules, after checking that they are what the routes say.

        `checks` rows are compared with themselves alone; all of them, if the network reads its data.
        """
        routes = self.routes
        if not (routes.by_rule or routes.copied or routes.operated):
            return {}
        try:
            captured = capture(
                self.network,
                x,
                self.cotangents,
                names=(*routes.by_rule, *routes.unused),
                copied=dict(routes.copied),
                operated=dict(routes.operated),
                outputs_first=self.contraction != "trace",
            )
        except NetworkError as error:  # copies that fitted a few rows, and not these
            if not routes.copied:
                raise
            raise PathChanged([name for name, _ in routes.copied]) from error
        rows = count_rows(x)
        if self.wary or checks:
            self._verify(x, captured.outputs, count=rows if self.wary else checks)
        changed = [name for name in routes.by_rule if not captured.uses.get(name)]
        changed += [name for name in routes.unused if captured.uses.get(name) != []]
        changed += [name for name, _ in routes.copied if not captured.uses[name]]
        changed += [name for name, _ in routes.operated if not captured.uses.get(name)]
        if changed:
            raise PathChanged(changed)
        return {name: captured.uses[name] for name in routes.captured}

    def _verify(self, x: Inputs, outputs: Tensor, *, count: int) -> None:
        try:
            verify_rows(self.network, x, outputs, count=count)
        except NetworkError:
            # outputs that cancel to nothing are rounding, and other rounding where gradients are recorded
            verify_rows(self.network, x, self.network(x), count=count)

    def _terms(self, x: Inputs, uses: Uses) -> dict[str, Factor]:
        terms = ruled_terms(uses, self.merged)
        if self.routes.general:
            rows = sample_gradients(
                self.network, x, names=self.routes.general, cotangents=self.cotangents, way=self.routes.general_way
            )
            small = {name: r.detach().reshape(*r.shape[:2], -1) for name, r in rows.items()}
            terms["+".join(self.routes.general)] = Rows(torch.cat(list(small.values()), dim=2))
        return terms


def _settled(term: Factor, form: str, *, outputs_first: bool, growth: int) -> Factor:
    """Written out at once where that is the form wanted and takes little room; (q, n, ...) in memory if asked."""
    if form != "explicit" or isinstance(term, Rows):
        return term
    alone = growth > 1 or not isinstance(term, Outer)  # else it stays where it lies, its inputs other layers' too
    if term.explicit_numbers > (growth if alone else 0.5) * term.row_numbers:
        return term
    found = term.rows_in_any_order() if isinstance(term, Windows) else term.rows()
    if not outputs_first:
        return found
    return replace(found, rows=found.rows.transpose(0, 1).contiguous().transpose(0, 1))
