"""Accuracy: the share of targets that outputs get right, under the reading that goes with their loss."""

from __future__ import annotations

from torch import Tensor

from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab.training.loss import check_targets


def accuracy(f: Tensor, y: Tensor, *, loss: str, codes: tuple[float, float] | None = None) -> float:
    """Share of right decisions of outputs f (n, c) on targets y, in [0, 1].

    - "bce": each output decides for itself, f > 0 for the class 1; averaged over outputs.
    - "cross_entropy": the largest output against the label or the largest target.
    - "mse", c > 1: the largest output against the largest target, where each row has one largest target.
    - "mse", c = 1: the nearer of the two `codes`, 0 and 1 or −1 and 1 where the targets say which; targets that are
      all 1 may be either, and then `codes` must. Other targets are a regression and have no accuracy: `DataError`.

    A tie of largest outputs goes to the first; an output on the border between two codes, to the lower.

    >>> import torch
    >>> accuracy(torch.tensor([[2.0], [-1.0]]), torch.tensor([[1.0], [1.0]]), loss="bce")
    0.5
    >>> accuracy(torch.tensor([[0.2, 0.7], [0.4, 0.1]]), torch.tensor([1, 0]), loss="cross_entropy")
    1.0
    >>> accuracy(torch.tensor([[0.4], [0.6]]), torch.tensor([0.0, 1.0]), loss="mse")
    1.0
    >>> accuracy(torch.tensor([[0.4], [0.6]]), torch.tensor([1.0, 1.0]), loss="mse", codes=(-1, 1))
    1.0
    """
    if f.ndim != 2 or f.numel() == 0:
        raise ShapeError(
            "f", expected="outputs of shape (n, c)", got=str(tuple(f.shape)), remedy="Put rows first."
        )
    f = f.detach()
    y = check_targets(y, loss, rows=len(f), outputs=f.shape[1]).to(f.device)
    if loss == "bce":
        right = (f > 0) == (y > 0.5)
    elif y.ndim == 1:
        right = f.argmax(1) == y
    elif f.shape[1] > 1:
        if loss == "mse":
            _check_one_largest(y)
        right = f.argmax(1) == y.argmax(1)
    else:
        low, high = _codes(y) if codes is None else _given_codes(y, codes)
        right = (f > (low + high) / 2) == (y == high)
    return right.double().mean().item()


def balanced_accuracy(f: Tensor, y: Tensor) -> float:
    """Accuracy of one output f (n, 1) on targets 0 and 1 (n, 1), averaged over the two classes, f > 0 for 1.

    A constant has 0.5 however few rows one class has; of one class alone it is the accuracy.

    >>> import torch
    >>> balanced_accuracy(torch.ones(4, 1), torch.tensor([[1.0], [1.0], [1.0], [0.0]]))
    0.5
    """
    y = check_targets(y, "bce", rows=len(f), outputs=1).to(f.device) > 0.5
    right = (f.detach() > 0) == y
    shares = [right[rows].double().mean().item() for rows in (y, ~y) if bool(rows.any())]
    return sum(shares) / len(shares)


def _codes(y: Tensor) -> tuple[float, float]:
    """The two codes of a binary target, the lower first."""
    if bool((y == 1).all()):
        raise DataError(
            "Targets `y` of the loss 'mse' are all 1, which may be one of the codes 0 and 1 or of −1 and 1.",
            remedy="Say which: codes=(0, 1) or codes=(-1, 1).",
        )
    for low in (0.0, -1.0):
        if bool(((y == low) | (y == 1)).all()):
            return low, 1.0
    raise _not_classes("they are neither 0 and 1 nor −1 and 1")


def _given_codes(y: Tensor, codes: tuple[float, float]) -> tuple[float, float]:
    low, high = codes
    if not low < high:
        raise ArgumentError("codes", expected="two, the lower first", got=repr(codes), remedy="Try codes=(-1, 1).")
    if not bool(((y == low) | (y == high)).all()):
        raise _not_classes(f"they are not all {low:g} or {high:g}")
    return low, high


def _check_one_largest(y: Tensor) -> None:
    if bool(((y == y.amax(1, keepdim=True)).sum(1) != 1).any()):
        raise _not_classes("a row has no single largest entry")


def _not_classes(why: str) -> DataError:
    return DataError(
        f"Targets `y` of the loss 'mse' do not name classes, as {why}.",
        remedy="Read the loss instead, or code the classes one-hot, as 0 and 1, or as −1 and 1.",
    )
