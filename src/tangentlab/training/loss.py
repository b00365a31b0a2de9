"""The three losses: value and gradient in the outputs, as docs/notation.md defines them.

Every loss is an average over rows of a convex function of one row of outputs f (n, c). The gradient in f is
written out, because descent in function space needs it and no graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError, ShapeError, UnknownNameError
from tangentlab._shapes import expect_finite


@dataclass(frozen=True)
class Loss:
    """A loss: `value(f, y)` a scalar, `gradient(f, y)` = ∂value/∂f of shape (n, c), and a bound on its curvature.

    `rows(f, y)` (n,) are the losses of single rows, whose mean is the value. With floating targets of the shape of f,
    rows and gradient take further axes after the outputs, for runs side by side: (n, c, r).
    `curvature` bounds the largest eigenvalue of the Hessian of one row's loss in that row's outputs; it decides
    how large a learning rate may be.

    >>> LOSSES["mse"].value(torch.tensor([[3.0]]), torch.tensor([[1.0]])).item()
    2.0
    >>> LOSSES["bce"].gradient(torch.zeros(2, 1), torch.tensor([[0.0], [1.0]])).flatten().tolist()
    [0.25, -0.25]
    """

    name: str
    value: Callable[[Tensor, Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]
    rows: Callable[[Tensor, Tensor], Tensor]
    curvature: float


def _mse(f: Tensor, y: Tensor) -> Tensor:
    return (f - y).square().sum() / (2 * len(f))


def _mse_gradient(f: Tensor, y: Tensor) -> Tensor:
    return (f - y) / len(f)


def _mse_rows(f: Tensor, y: Tensor) -> Tensor:
    return (f - y).square().sum(1) / 2


def _bce(f: Tensor, y: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(f, y, reduction="sum") / len(f)


def _bce_gradient(f: Tensor, y: Tensor) -> Tensor:
    return (torch.sigmoid(f) - y) / len(f)


def _bce_rows(f: Tensor, y: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(f, y, reduction="none").sum(1)


def _cross_entropy(f: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(f, y)


def _cross_entropy_gradient(f: Tensor, y: Tensor) -> Tensor:
    p = torch.softmax(f, 1)
    if y.ndim == 1:
        return p.scatter_add(1, y[:, None], p.new_full((len(f), 1), -1.0)) / len(f)
    return (p * y.sum(1, keepdim=True) - y) / len(f)


def _cross_entropy_rows(f: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(f, y, reduction="none")


LOSSES: dict[str, Loss] = {
    "mse": Loss("mse", _mse, _mse_gradient, _mse_rows, curvature=1.0),
    "bce": Loss("bce", _bce, _bce_gradient, _bce_rows, curvature=0.25),
    "cross_entropy": Loss(
        "cross_entropy", _cross_entropy, _cross_entropy_gradient, _cross_entropy_rows, curvature=0.5
    ),
}


def find_loss(name: str) -> Loss:
    """The loss of a name.

    >>> find_loss("bce").curvature
    0.25
    """
    if not isinstance(name, str) or name not in LOSSES:
        raise UnknownNameError("loss", name, LOSSES)
    return LOSSES[name]


def check_targets(y: Tensor, loss: str, *, rows: int, outputs: int | None = None) -> Tensor:
    """Targets in the shape a loss reads, or a sentence that says what is wrong with them.

    Returns (n, c) floating targets; for cross-entropy with labels (n,) they stay integers. A vector (n,) of
    "mse" or "bce" targets is one output. Probabilities are as good as 0 and 1; for cross-entropy a row of them
    sums to one. `outputs` is c, where it is known.

    >>> check_targets(torch.tensor([0, 1, 1]), "bce", rows=3).shape
    torch.Size([3, 1])
    >>> check_targets(torch.tensor([-1.0, 1.0]), "bce", rows=2)
    Traceback (most recent call last):
    tangentlab._errors.DataError: Targets `y` of the loss 'bce' must lie in [0, 1], and they reach -1.
    Write the two classes as 0 and 1.
    """
    find_loss(loss)
    try:
        y = torch.as_tensor(y).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(
            "y", expected="an array of targets", got=type(y).__name__, remedy="Pass a tensor or a NumPy array."
        ) from error
    if y.ndim not in (1, 2) or len(y) != rows or y.numel() == 0 or y.is_complex():
        shape = f"({rows}, {'c' if outputs is None else outputs})"
        raise ShapeError(
            "y",
            expected=f"real of shape {shape} or ({rows},), one row for each of the {rows} rows of the inputs",
            got=str(tuple(y.shape)),
            remedy="Give one row of targets for each row of inputs.",
        )
    expect_finite("y", y)
    if loss == "cross_entropy" and y.ndim == 1:
        return _check_labels(y, outputs)
    if y.ndim == 1:
        y = y[:, None]
    if outputs is not None and y.shape[1] != outputs:
        raise ShapeError(
            "y",
            expected=f"of shape ({rows}, {outputs}), as there are {outputs} outputs",
            got=str(tuple(y.shape)),
            remedy="Give as many columns of targets as the network has outputs.",
        )
    if not y.is_floating_point():
        y = y.to(torch.get_default_dtype())
    if loss == "cross_entropy":
        _check_distributions(y)
    elif loss == "bce":
        _check_unit_interval(y, loss, "Write the two classes as 0 and 1.")
    return y


def _check_labels(y: Tensor, outputs: int | None) -> Tensor:
    labels = y.long()
    top = int(labels.max())
    if not torch.equal(labels.to(y.dtype), y) or int(labels.min()) < 0 or (outputs and top >= outputs):
        bound = "c" if outputs is None else str(outputs)
        raise DataError(
            f"Labels `y` of the loss 'cross_entropy' must be integers 0 ≤ y < {bound}, "
            f"and they reach from {y.min().item():g} to {y.max().item():g}.",
            remedy="Number the classes from 0, one output each.",
        )
    if outputs == 1:
        raise _one_output()
    return labels


def _check_distributions(y: Tensor) -> None:
    if y.shape[1] == 1:
        raise _one_output()
    _check_unit_interval(y, "cross_entropy", "Give one-hot rows, or integer labels of shape (n,).")
    if not torch.allclose(y.sum(1), torch.ones_like(y[:, 0]), atol=1e-4, rtol=0):
        raise DataError(
            "Rows of the targets `y` of the loss 'cross_entropy' must sum to one.",
            remedy="Give one-hot rows, integer labels of shape (n,), or use the loss 'bce'.",
        )


def _one_output() -> ArgumentError:
    return ArgumentError(
        "loss",
        expected="'bce' or 'mse' for a network with one output",
        got="'cross_entropy'",
        remedy="Softmax over one output is constant: use loss='bce', or give the network one output per class.",
    )


def _check_unit_interval(y: Tensor, loss: str, remedy: str) -> None:
    low, high = y.min().item(), y.max().item()
    if low < 0 or high > 1:
        reach = low if low < 0 else high
        raise DataError(
            f"Targets `y` of the loss '{loss}' must lie in [0, 1], and they reach {reach:g}.", remedy=remedy
        )
