"""Is f(θ, x) a function of one row at a time? Checked on a handful of rows before anything long.

A kernel entry Θ(x, x') means something only if f(x) does not depend on the rows beside x, on chance, or on a mode
that training would change. Each check repairs on the private copy or refuses by naming the layer and the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tangentlab._errors import NetworkError
from tangentlab._shapes import expect_finite
from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.inputs import Inputs, count_rows, map_tensors, take_rows, tensors_of
from tangentlab.networks.layer_trace import first_disagreement, trace
from tangentlab.networks.network import Network
from tangentlab.networks.private_copy import private_copy

FEW = 3
"""Rows looked at: enough to tell a row from its neighbours."""

_DOUBLE_UP_TO = 50_000_000
"""Networks up to this many parameters are checked in float64, where rounding cannot hide a dependence."""


@dataclass(frozen=True)
class Inspection:
    """What the checks found: the number of outputs, and sentences about what was repaired.

    >>> inspect_network(Network(nn.Linear(2, 3)), torch.zeros(2, 2)).outputs
    3
    """

    outputs: int
    notes: tuple[str, ...]


def inspect_network(network: Network, x: Inputs) -> Inspection:
    """Refuse a network whose outputs are not a function of one row each; `x` already placed.

    Checked in order: the forward pass runs, outputs are finite and (n, c), train mode makes no difference, two
    calls agree, and each row alone gives what it gives in the batch.
    """
    rows = min(FEW, count_rows(x))
    few = take_rows(x, slice(0, rows))
    network, few = _in_double(network, few)
    tolerance = 1e-9 if network.dtype == torch.float64 else 2e-4
    notes = []
    with preserved_random_state(network.device), torch.no_grad():
        together = _first_call(network, few)
        expect_finite("model(x)", together, remedy="Check the weights and the scale of the inputs.")
        if network.training_parts:
            notes.extend(_check_mode(network, few, together, tolerance))
        again = network.apply({}, _fresh(few))
        if not _agree(together, again, 0.0 if network.device.type == "cpu" else tolerance):
            _refuse_chance(network, few, tolerance)
        if rows > 1:
            for i in range(rows):
                alone = _alone(network, few, i)
                if alone is None or not _agree(together[i : i + 1], alone, tolerance):
                    _refuse_mixing(network, few, i, tolerance)
    notes.extend(_describe_repairs(network))
    return Inspection(outputs=together.shape[1], notes=tuple(notes))


def _in_double(network: Network, x: Inputs) -> tuple[Network, Inputs]:
    if network.dtype == torch.float64 or network.space.size > _DOUBLE_UP_TO or network.device.type == "mps":
        return network, x
    double = network.to(dtype=torch.float64)
    try:
        with preserved_random_state(network.device), torch.no_grad():
            placed = double.place(x)
            double.apply({}, placed)
    except Exception:  # a module that insists on its own dtype is checked in that dtype
        return network, x
    return double, double.place(x)


def _fresh(x: Inputs) -> Inputs:
    return map_tensors(torch.clone, x)


def _first_call(network: Network, x: Inputs) -> Tensor:
    try:
        return network.apply({}, _fresh(x))
    except NetworkError:
        raise
    except Exception as error:
        shapes = ", ".join(f"{name} {tuple(t.shape)} {t.dtype}" for name, t in tensors_of(x))
        raise NetworkError(
            f"The forward pass of {type(network.module).__name__} failed on {shapes}: "
            f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'}.",
            remedy="Give inputs of the shape and dtype the model takes (a tuple or dict for several of them).",
        ) from error


def _agree(a: Tensor, b: Tensor, tolerance: float) -> bool:
    if a.shape != b.shape:
        return False
    scale = max(float(a.abs().max()), float(b.abs().max()))
    return float((a - b).abs().max()) <= tolerance * scale


def _check_mode(network: Network, x: Inputs, evaluated: Tensor, tolerance: float) -> list[str]:
    """A module given in train mode may be evaluated in eval mode only if that changes nothing."""
    trained = private_copy(network.module)
    for name, part in trained.named_modules():
        part.training = name in network.training_parts
    in_training = network._with(module=trained)
    try:
        outputs = in_training.apply({}, _fresh(x))
        same = _agree(evaluated, outputs, tolerance)
    except Exception:  # batch statistics of one row, for one
        same = False
    if same:
        return []
    layer = _mode_dependent(network.module, network.training_parts)
    raise NetworkError(
        f"The network is in train mode, where {layer} makes the outputs of a row depend on the batch or on chance.",
        remedy="Call model.eval() first, or pass mode='eval' (--mode eval) to evaluate it in evaluation mode.",
    )


_MODE_DEPENDENT = (
    nn.modules.batchnorm._NormBase,
    nn.modules.dropout._DropoutNd,
    nn.RNNBase,
    nn.MultiheadAttention,
)


def _mode_dependent(module: nn.Module, training: tuple[str, ...]) -> str:
    for name, part in module.named_modules():
        drops = getattr(part, "p", None) or getattr(part, "dropout", None)
        matters = isinstance(part, nn.modules.batchnorm._NormBase) or bool(drops)
        if name in training and isinstance(part, _MODE_DEPENDENT) and matters:
            return f"layer '{name}' ({type(part).__name__})"
    return f"the module {type(module).__name__}"


def _refuse_chance(network: Network, x: Inputs, tolerance: float) -> None:
    first, second = trace(network, _fresh(x)), trace(network, _fresh(x))
    layer = first_disagreement(first, second, tolerance=tolerance)
    raise NetworkError(
        f"Two evaluations of the same rows differ: {layer} draws random numbers or keeps a state.",
        remedy="Turn the noise off in evaluation mode, or fix it once outside forward().",
    )


def _alone(network: Network, x: Inputs, row: int) -> Tensor | None:
    try:
        return network.apply({}, _fresh(take_rows(x, slice(row, row + 1))))
    except Exception:  # a layer that needs several rows says so in its own words
        return None


def _refuse_mixing(network: Network, x: Inputs, row: int, tolerance: float) -> None:
    together = trace(network, _fresh(x))
    alone = trace(network, _fresh(take_rows(x, slice(row, row + 1))))
    layer = first_disagreement(together, alone, row=row, tolerance=tolerance)
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
