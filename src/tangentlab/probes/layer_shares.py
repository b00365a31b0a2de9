"""Which layers carry a kernel, which of them align with a target, and which have only learnt their rows.

A kernel is the sum of those of its layers, K = Σ_l K_l, and so are its trace and its forms:

    kernel       tr K_l / tr K                                      shares of the kernel, they sum to one
    alignment    yᵀK_l y / yᵀKy = ‖J_lᵀy‖² / ‖Jᵀy‖²                  shares of the alignment, they sum to one
    unbiased     (yᵀK_l y − Σ y_i² K_l,ii) / (n (n − 1))            of one layer; they sum to that of K
    overfit      unbiased on the rows given − unbiased on rows held out

On rows that training has not seen both are estimates of one number, E[y Θ_l y']; what a layer aligns with on the train
rows and not beyond them it has learnt by heart. One backward pass for all alignments, the kernels of rows with
themselves for all traces (`own_kernels`), and one pass with tangents for each layer's interval; never n × n.
`alignment` is a plug-in, drawn by the diagonal towards the layer's share of the trace: its interval's `bias` says how
far. `unbiased` and `overfit` have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from scipy.special import stdtrit
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.kernels.own_kernels import own_kernels
from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network
from tangentlab.probes.gradient_alignment import u_statistic
from tangentlab.probes.jackknife import Jackknife, jackknife
from tangentlab.probes.parameter_groups import Grouping, parameter_groups
from tangentlab.probes.pulled_target import PulledTarget

_UNKNOWN = Jackknife(*[float("nan")] * 6)


@dataclass(frozen=True)
class LayerShare:
    """What one layer, or group of them, has of the whole (formulas above).

    >>> layer_shares(torch.nn.Linear(2, 1), torch.eye(2), [1.0, -1.0])["weight"].alignment.value
    1.0
    """

    parameters: int
    kernel: Jackknife
    alignment: Jackknife
    unbiased: Jackknife
    held_out: Jackknife
    """`unbiased` on rows held out; nan where none were given."""
    overfit: Jackknife
    """The difference of the two, with an interval from both errors."""


def layer_shares(
    model: Any,
    x: Inputs,
    y: Any,
    *,
    held_out: tuple[Inputs, Any] | None = None,
    by: Grouping = "layer",
    outputs: Outputs = "full",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
    level: float = 0.95,
    memory: int | str = "1GiB",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, LayerShare]:
    """The shares of each layer in the kernel and in its alignment with y, by name, in the order of the module.

    Parameters
    ----------
    model, parameters, mode, dtype, memory, progress: as for `alignment_from_gradient`
    y: (n,), (n, c) or (n, r), as there
    held_out: (x, y) of rows that training has not seen, for `held_out` and `overfit`
    by: "layer" for the module that holds a parameter, or any of the groupings of `parameter_groups`: 1 takes the blocks
    level: of the intervals, which are jackknives over rows; for the network as it stands

    Cost: 1 + c backward passes over the rows, and one pass with tangents for each group. Values of `kernel` and of
    `alignment` sum to 1.0. Errors: as `alignment_from_gradient`.

    For f = w·x + b the weight's kernel is x·x' and the bias's 1:

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> found = layer_shares(torch.nn.Linear(2, 1), x, [1.0, 1.0], by="parameter")
    >>> {name: (round(share.kernel.value, 6), round(share.alignment.value, 6)) for name, share in found.items()}
    {'weight': (0.714286, 0.555556), 'bias': (0.285714, 0.444444)}
    """
    made = {"outputs": outputs, "parameters": parameters, "mode": mode, "dtype": dtype, "memory": memory}
    train = _Sums.of(PulledTarget.of(model, x, y, **made), by, memory=memory, progress=progress)
    test = None
    if held_out is not None:
        if not (isinstance(held_out, tuple) and len(held_out) == 2):
            raise ArgumentError(
                "held_out", expected="a pair (x, y)", got=type(held_out).__name__, remedy="Pass (x_test, y_test)."
            )
        test = _Sums.of(PulledTarget.of(model, *held_out, **made), by, memory=memory, progress=None)
    names = list(train.groups)
    kernel = _shares(train.diagonals, lambda d, whole: (d.sum() / whole.sum(), _rest(d) / _rest(whole)), level)
    alignment = train.alignments(level)
    found = {}
    for name in names:
        here = train.unbiased(name, level)
        there = _UNKNOWN if test is None else test.unbiased(name, level)
        found[name] = LayerShare(
            parameters=train.sizes[name],
            kernel=kernel[name],
            alignment=alignment[name],
            unbiased=here,
            held_out=there,
            overfit=_difference(here, there, rows=min(train.rows, test.rows if test else 2)),
        )
    return found


def layer_kernels(
    model: Any,
    x: Inputs,
    *,
    by: Grouping = "layer",
    outputs: Outputs = "full",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
    memory: int | str | None = None,
) -> dict[str, Tensor]:
    """The kernel of each layer on the rows x, in the forms of `ntk`; they sum to that of all.

    Cost: a kernel of n rows for each group, and the memory of all of them.

    >>> found = layer_kernels(torch.nn.Linear(2, 1), torch.eye(2), by="parameter", outputs=0)
    >>> {name: K.tolist() for name, K in found.items()}
    {'weight': [[1.0, 0.0], [0.0, 1.0]], 'bias': [[1.0, 1.0], [1.0, 1.0]]}
    """
    network = Network(model, parameters=parameters, mode=mode)
    return {
        name: NeuralTangentKernel(network, outputs=outputs, parameters=list(members), dtype=dtype, memory=memory)(
            x
        )
        for name, members in parameter_groups(network.names, by).items()
    }


@dataclass(frozen=True, eq=False)
class _Sums:
    """What each row has in the sums of each group, (n,)."""

    groups: Mapping[str, tuple[str, ...]]
    sizes: Mapping[str, int]
    forms: Mapping[str, Tensor]
    owns: Mapping[str, Tensor]
    diagonals: Mapping[str, Tensor]
    energies: Tensor

    @staticmethod
    def of(
        pair: PulledTarget, by: Grouping, *, memory: int | str, progress: Callable[[int, int], None] | None
    ) -> _Sums:
        network = pair.network
        groups = parameter_groups(network.names, by)
        blocks = own_kernels(
            network, pair.rows.x, outputs=pair.rows.flavour.name, memory=memory, progress=progress
        )
        pulled = pair.pull()
        exact = pair.forms(pulled)
        forms, owns, diagonals = {}, {}, {}
        for name, members in groups.items():
            together = torch.stack([blocks[one] for one in members]).sum(0)
            owns[name], diagonals[name] = pair.own_shares(together), pair.diagonal(together)
            shares = pair.row_shares({one: pulled[one] for one in members})
            whole, total = sum(exact[one] for one in members), float(shares.sum())
            forms[name] = shares * (whole / total) if total else shares  # of the sum over rows in float32
        if pair.rows.count < 2 or not sum(float(d.sum()) for d in diagonals.values()) > 0:
            raise DataError(
                f"The kernel of {pair.rows.count} row(s) has no shares.",
                remedy="Pass two rows or more, of a network whose outputs move with its parameters.",
            )
        own = network.parameters
        sizes = {name: sum(own[one].numel() for one in members) for name, members in groups.items()}
        return _Sums(groups, sizes, forms, owns, diagonals, pair.energies)

    @property
    def rows(self) -> int:
        return len(self.energies)

    def alignments(self, level: float) -> dict[str, Jackknife]:
        """Shares of yᵀKy; undefined where that is zero."""
        both = {name: torch.stack([self.forms[name], self.owns[name]]) for name in self.groups}

        def share(part: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
            left, rest = (one[0].sum() - 2 * one[0] + one[1] for one in (part, whole))
            return part[0].sum() / whole[0].sum(), left / rest

        return _shares(both, share, level)

    def unbiased(self, name: str, level: float) -> Jackknife:
        return u_statistic(self.forms[name], self.owns[name], level=level)


def _rest(each: Tensor) -> Tensor:
    return each.sum() - each


def _shares(
    parts: Mapping[str, Tensor], share: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], level: float
) -> dict[str, Jackknife]:
    """Jackknives of shares whose values sum to 1.0."""
    whole = torch.stack(list(parts.values())).sum(0)
    found = {name: share(part, whole) for name, part in parts.items()}
    # multiples of 2⁻⁵² up to 1 add up without rounding, in any order; what is left over is in the largest
    values = {name: round(float(value) * 2**52) / 2**52 for name, (value, _) in found.items()}
    largest = max(values, key=values.__getitem__)
    values[largest] += 1.0 - sum(values.values())
    return {name: jackknife(values[name], each, level=level) for name, (_, each) in found.items()}


def _difference(first: Jackknife, second: Jackknife, *, rows: int) -> Jackknife:
    """Of two numbers from different rows."""
    value = first.value - second.value
    error = (first.standard_error**2 + second.standard_error**2) ** 0.5
    reach = float(stdtrit(rows - 1, 0.5 + first.level / 2)) * error
    return Jackknife(value, error, 0.0, value - reach, value + reach, first.level)
