"""Descent in function space: a linearized network trained on its Gram, without the network.

The gradient of a linearized network lies in the span of Jᵀ, so gradient descent from the anchor never leaves
θ = θ0 + Jᵀa, and its outputs are f = f0 + K a. A step costs the mini-batch's rows of K instead of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from tangentlab.linalg import as_columns
from tangentlab.training.descent import Descent
from tangentlab.training.function_space_many import train_function_space_many
from tangentlab.training.function_space_state import FunctionSpaceState


def train_function_space(
    K: Any,
    f0: Any,
    y: Any,
    descent: Descent,
    *,
    dtype: torch.dtype = torch.float64,
    start: int = 0,
    snapshots: int | Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FunctionSpaceState:
    """Train the linearization whose Gram is K by the descent: equal to training the module, to rounding.

    With g = ∂loss/∂f on the batch, a step of SGD is v ← μv + g (at the batch's rows) + wd·a, a ← a − η v, in
    Nesterov's form a ← a − η (g + wd·a + μv); these are the coordinates in the span of Jᵀ of the steps that
    `train` takes on `linearize(model)` with the same batches.

    - `K`: Gram of the training rows, symmetric: (n, n) shared by all outputs, (n, n, c) diagonal or (n, n, c, c)
      full. An `np.memmap` is read from its file as its rows are needed and never whole; what is known by its products
      (`SymmetricTiles`, an operator) serves descents whose one batch is all rows.
    - `f0`: outputs at the anchor (n, c), or None for the centred linearization, which starts from 0
    - `y`: targets as the loss reads them, see `check_targets`
    - `descent`: with the optimizer "sgd"; Adam rescales single parameters and leaves the span
    - `dtype`: of the products K[batch] a. Everything else, and the product that gives the outputs at the end, is
      float64. torch.float32 is several times as fast for many outputs, and moves the outputs by float32's rounding.
    - `start`: epochs of the descent that are over when K and f0 are taken, whose batches and learning rates are passed
      by; momentum begins at zero. It is how a kernel frozen on the way is trained to the end.
    - `snapshots`: as in `train`, None, a number of log-spaced steps, or steps, counted from `start`: after each of them
      the coefficients are kept, and `predict(..., step=)` tells what they gave
    - `progress`: called with (steps done, steps in all)

    Costs O(batch_size · n · c²) a step for a full K, O(batch_size · n · c) for the others; for several tasks, seeds
    or settings on one Gram `train_function_space_many` reads it once for all. Errors: `ShapeError`, `NotFiniteError`,
    `NotSymmetricError`; `NotFiniteError` with its step when the descent blows up.

    >>> descent = Descent(loss="mse", learning_rate=1.0, momentum=0.0, epochs=1, schedule="constant")
    >>> state = train_function_space(torch.eye(2), None, torch.tensor([4.0, 8.0]), descent)
    >>> state.coefficients.flatten().tolist()
    [2.0, 4.0]
    """
    f0 = None if f0 is None else as_columns("f0", f0)
    return train_function_space_many(
        K, f0, [y], [descent], dtype=dtype, start=start, snapshots=snapshots, progress=progress
    )[0]
