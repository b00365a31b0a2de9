"""Sets that one direction separates: noise in all others, so that a network learns them as fast as it sees that one.

Formula   x = y ε v / 2 + w,  y = ±1,  w ~ N(0, σ² (I − v vᵀ))        Ortiz-Jimenez et al., 2020 and 2021
          α(y) = (ε²/4) ‖E_w[D(w)] v‖² + O(ε⁴) under the tangent kernel, D = ∂²f/∂θ∂x (see `anisotropy_directions`)
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, ShapeError
from tangentlab._fingerprint import fingerprint
from tangentlab._seeds import generator, numpy_generator
from tangentlab._shapes import expect_whole_number
from tangentlab.linalg import floating_tensor
from tangentlab.tasks.random_labels import balanced_labels
from tangentlab.tasks.task import Task


def anisotropy(
    direction: Any,
    *,
    epsilon: float = 1.0,
    sigma: float = 1.0,
    samples: int = 1000,
    test_samples: int = 1000,
    seed: int = 0,
    index: int | None = None,
) -> Task:
    """Rows x = ± ε v / 2 + w with w orthogonal to v; the target is 1 on the side of v, two classes a margin ε apart.

    `direction` is v in the shape of one row, of any length but 0: it is scaled to 1. One hyperplane separates the
    classes, and noise of size `sigma` in every other direction hides it. Labels are balanced; the noise depends on the
    seed alone, so that tasks of two directions differ by nothing else; rows of smaller sizes are the first of larger
    ones. `index` is a number to name the task with. Rows have the dtype of the direction.

    >>> task = anisotropy(torch.tensor([0.0, 2.0]), epsilon=0.5, samples=4, test_samples=2)
    >>> task.x_train[:, 1].abs().tolist(), torch.equal(task.x_train[:, 1:] > 0, task.y_train > 0)
    ([0.25, 0.25, 0.25, 0.25], True)
    """
    v = floating_tensor("direction", direction)
    if v.ndim == 0 or v.numel() < 2:
        raise ShapeError(
            "direction",
            expected="of the shape of one row, of two numbers or more",
            got=str(tuple(v.shape)),
            remedy="Pass one of the vectors that anisotropy_directions returns.",
        )
    length = float(v.double().norm())
    if length == 0:
        raise ArgumentError("direction", expected="of some length", got="zeros", remedy="Pass a unit vector.")
    sizes = {"epsilon": _positive("epsilon", epsilon), "sigma": _positive("sigma", sigma)}
    unit = v.double() / length
    (x_train, train), (x_test, test) = (
        _rows(unit, expect_whole_number(name, rows), seed=seed, part=part, **sizes)
        for name, rows, part in (("samples", samples, "train"), ("test_samples", test_samples, "test"))
    )
    name = "anisotropy" if index is None else f"anisotropy:{index}"
    return Task.from_labels(
        name=name,
        x_train=x_train.to(v),
        labels_train=train.to(v.device),
        x_test=x_test.to(v),
        labels_test=test.to(v.device),
        classes=("-", "+"),
        identity={
            "task": name,
            "data": None,
            "direction": fingerprint(v),
            **sizes,
            "samples": int(samples),
            "test_samples": int(test_samples),
            "seed": seed,
        },
    )


def _rows(v: Tensor, rows: int, *, epsilon: float, sigma: float, seed: int, part: str) -> tuple[Tensor, Tensor]:
    labels = balanced_labels(rows, 2, generator=generator(seed, "anisotropy labels", part))
    flat = v.cpu().flatten()
    noise = numpy_generator(seed, "anisotropy noise", part).standard_normal((rows, len(flat)))
    w = sigma * torch.from_numpy(noise)
    along = (2 * labels - 1).double() * epsilon / 2
    # row by row and by no product of matrices, so that a row does not depend on how many there are
    x = w + (along - (w * flat).sum(1))[:, None] * flat
    return x.reshape(rows, *v.shape), labels


def _positive(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < float("inf"):
        raise ArgumentError(name, expected="a finite number above 0", got=repr(value), remedy=f"Try {name}=1.0.")
    return float(value)
