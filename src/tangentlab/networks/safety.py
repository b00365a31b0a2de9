"""Is f(θ, x) a function of one row at a time? Checked on a handful of rows before anything long.

A kernel entry Θ(x, x') means something only if f(x) does not depend on the rows beside x, on chance, on a mode that
training would change, or on tensors that are not the network's. Each check repairs on the private copy or refuses by
naming the layer and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tangentlab._errors import NetworkError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_finite
from tangentlab.networks.autograd_graph import leaves
from tangentlab.networks.evaluation import preserved_random_state, random_states
from tangentlab.networks.inputs import Inputs, count_rows, take_rows
from tangentlab.networks.layer_trace import first_disagreement, trace
from tangentlab.networks.network import Network
from tangentlab.networks.precision import ROUNDING, agree, agree_up_to_rounding, lowest_precision
from tangentlab.networks.train_mode import check_train_mode

FEW = 3
"""Rows looked at: enough to tell a row from its neighbours."""

_DOUBLE_UP_TO = 50_000_000
"""Networks up to this many parameters are checked in float64, where rounding cannot hide a dependence."""

_DRAWS = 16
"""Evaluations of a network that draws random numbers, any two of which must agree."""


@dataclass(frozen=True)
class SafetyCheck:
    """What the checks found: the number of outputs, and sentences about what was repaired.

    >>> inspect_network(Network(nn.Linear(2, 3)), torch.zeros(2, 2)).outputs
    3
    """

    outputs: int
    notes: tuple[str, ...]
    draws: bool
    """Whether an evaluation draws from a global random generator, without effect."""


def some_rows(rows: int, *, count: int = FEW) -> Tensor:
    """The index of a few rows out of `rows`, spread over all of them and in no order that the data may have.

    >>> sorted(some_rows(2).tolist())
    [0, 1]
    """
    return torch.randperm(rows, generator=generator(0, "some rows", rows))[:count]


def inspect_network(network: Network, x: Inputs) -> SafetyCheck:
    """Refuse a network whose outputs are not a function of one row each; `x` already placed.

    Checked in order, on a few of the rows: the forward pass runs, on its own tensors, and leaves its parameters
    alone; outputs are finite and (n, c); two calls agree; each row alone gives what it gives in the batch; train
    mode makes no difference.

    >>> inspect_network(Network(nn.Linear(2, 3)), torch.zeros(4, 2)).outputs
    3
    >>> inspect_network(Network(lambda p, x: p["w"] * x / x.sum(0), parameters={"w": torch.ones(1)}), torch.ones(4, 1))
    Traceback (most recent call last):
    tangentlab._errors.NetworkError: ...
    """
    _refuse_false_gradients(network)
    few = take_rows(x, some_rows(count_rows(x)))
    network, few = in_double(network, few)
    with preserved_random_state(network.device):
        together, draws = _first_call(network, few)
        expect_finite("model(x)", together, remedy="Check the weights and the scale of the inputs.")
        with torch.no_grad():
            for _ in range(_DRAWS if draws else 1):
                # a layer may add in any order, but no dependence on chance is as small as these roundings
                if not agree(together, network.apply({}, few), tolerance=1e-3 * ROUNDING[network.dtype]):
                    _refuse_chance(network, few)
            verify_rows(network, few, together)
            check_train_mode(network, few, together)
    return SafetyCheck(outputs=together.shape[1], notes=tuple(_describe_repairs(network)), draws=draws)


def verify_rows(network: Network, x: Inputs, outputs: Tensor, *, count: int = FEW) -> None:
    """Refuse `outputs` of a batch that `count` of its rows would not give alone: the last, and others at random.

    >>> verify_rows(Network(nn.Linear(2, 3)), torch.zeros(2, 2), torch.zeros(2, 3))
    Traceback (most recent call last):
    tangentlab._errors.NetworkError: The outputs of row 1 change with the rows beside it: ...
    """
    expect_finite("model(x)", outputs, remedy="Scale the weights or the inputs, or use dtype=torch.float64.")
    rows = count_rows(x)
    if rows == 1:
        return
    with preserved_random_state(network.device), torch.no_grad():
        for row in dict.fromkeys([rows - 1, *some_rows(rows, count=count - 1).tolist()]):
            single = take_rows(x, slice(row, row + 1))
            try:
                alone = network.apply({}, single)
            except Exception:  # a layer that needs several rows says so in its own words
                _refuse_mixing(network, x, row)
            if alone.shape != outputs[row : row + 1].shape:
                _refuse_mixing(network, x, row)
            # all of the batch: near zero, a row has no scale of its own
            whole = torch.cat([outputs[:row], alone, outputs[row + 1 :]])
            if not agree_up_to_rounding(network, single, outputs, whole):
                _refuse_mixing(network, x, row)


def in_double(network: Network, x: Inputs) -> tuple[Network, Inputs]:
    """Network and rows in float64, unless the network is too large for a copy or insists on its own dtype.

    >>> network, x = in_double(Network(nn.Linear(2, 1)), torch.zeros(1, 2))
    >>> network.dtype, x.dtype
    (torch.float64, torch.float64)
    """
    if network.dtype == torch.float64 or network.space.size > _DOUBLE_UP_TO or network.device.type == "mps":
        return network, x
    double = network.to(dtype=torch.float64)
    try:
        with preserved_random_state(network.device), torch.no_grad():
            placed = double.place(x)
            double.apply({}, placed)
    except Exception:  # a module that insists on its own dtype is checked in that dtype
        return network, x
    return double, placed


def _first_call(network: Network, x: Inputs) -> tuple[Tensor, bool]:
    """The outputs, and whether random numbers were drawn."""
    versions = {name: tensor._version for name, tensor in network.module.named_parameters()}
    before = random_states()
    with torch.enable_grad():
        f = network.apply({}, x)
    drawn = random_states() != before
    for name, tensor in network.module.named_parameters():
        if tensor._version != versions[name]:
            raise NetworkError(
                f"The forward pass writes into the parameter '{name.removeprefix(network.prefix)}'.",
                remedy="Leave parameters alone in forward(): no max_norm in embeddings, no clipping of weights.",
            )
    _refuse_unread(network, x)
    return f.detach(), drawn


def refuse_borrowed(reached: Iterable[Tensor], originals: Mapping[int, str]) -> None:
    """Refuse outputs that a copy computed from the tensors it was copied from, by `id`, and not from its own.

    `reached` are the leaves that the outputs depend on; those of `originals` are alive, or `reached` holds none that
    was made after them.

    >>> w = torch.ones(1, requires_grad=True)
    >>> refuse_borrowed(leaves(2 * w), {id(w): "weight"})
    Traceback (most recent call last):
    tangentlab._errors.NetworkError: The forward pass reads 'weight' through a function that holds the original ...
    """
    for leaf in reached:
        if id(leaf) in originals:
            raise NetworkError(
                f"The forward pass reads '{originals[id(leaf)]}' through a function that holds the original module, "
                "which a copy cannot follow.",
                remedy="Read parameters from `self` in forward() (in a hook, from its `module` argument), not from a "
                "lambda or hook that closes over the module.",
            )


def _refuse_unread(network: Network, x: Inputs) -> None:
    """Refuse outputs that read the originals, or none of the selected parameters: every number would be zero.

    Some parameters of many may rightly be out of reach, as those of an expert that these rows are not sent to.
    """
    # a pass of its own: with gradients some layers take another way, whose roundings differ
    with torch.enable_grad(), network.differentiable(network.selected_tensors) as own:
        reached = leaves(network.apply({}, x))
    # the originals may be gone, and the network's own tensors stand where they stood
    theirs = {id(tensor) for tensor in network.module.parameters()}
    refuse_borrowed([leaf for leaf in reached if id(leaf) not in theirs], network.originals)
    if not own or not {id(leaf) for leaf in reached}.isdisjoint(id(tensor) for tensor in own):
        return
    if reached:
        raise NetworkError(
            "The outputs depend on none of the parameters that were given, but on others that the function holds.",
            remedy="Compute the outputs from the function's own argument: "
            "lambda parameters, x: torch.func.functional_call(model, parameters, (x,)), or give the module itself.",
        )
    if len(own) == len(list(network.module.parameters())):
        raise NetworkError(
            "The outputs depend on none of the parameters, so that their kernel would be zero.",
            remedy="Look for detach(), torch.no_grad() or .data on the way from the parameters to the outputs.",
        )


def _refuse_false_gradients(network: Network) -> None:
    selected = {id(tensor) for tensor in network.selected_tensors.values()}
    for name, part in network.module.named_modules():
        if getattr(part, "scale_grad_by_freq", False) and any(
            id(t) in selected for t in part.parameters(recurse=False)
        ):
            raise NetworkError(
                f"Layer '{name}' ({type(part).__name__}) has scale_grad_by_freq=True, so that what autograd calls its "
                "gradient is not the derivative of its outputs.",
                remedy="Set scale_grad_by_freq=False on it, or leave its weight out with parameters=.",
            )


def _refuse_chance(network: Network, x: Inputs) -> None:
    for _ in range(_DRAWS):
        layer = first_disagreement(trace(network, x), trace(network, x), tolerance=1e-3 * ROUNDING[network.dtype])
        if layer.startswith("layer"):
            break
    raise NetworkError(
        f"Two evaluations of the same rows differ: {layer} draws random numbers or keeps a state.",
        remedy="Turn the noise off in evaluation mode, or fix it once outside forward().",
    )


def _refuse_mixing(network: Network, x: Inputs, row: int) -> None:
    together, alone = trace(network, x), trace(network, take_rows(x, slice(row, row + 1)))
    layer = first_disagreement(together, alone, row=row, tolerance=ROUNDING[lowest_precision(network, x)])
    raise NetworkError(
        f"The outputs of row {row} change with the rows beside it: {layer} mixes the rows of a batch.",
        remedy="Use running statistics (track_running_stats=True, eval mode), a norm over one row's own features, "
        "or batch_first=True.",
    )


def _describe_repairs(network: Network) -> list[str]:
    notes = []
    if any(
        isinstance(part, (nn.MultiheadAttention, nn.TransformerEncoderLayer)) for part in network.module.modules()
    ):
        notes.append("attention is evaluated with math kernels, the encoder's fast path is off")
    return notes
