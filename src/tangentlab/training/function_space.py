"""Descent in function space: a linearized network trained on its Gram, without the network.

The gradient of a linearized network lies in the span of Jᵀ, so gradient descent from the anchor never leaves
θ = θ0 + Jᵀa, and its outputs are f = f0 + K a. A step costs the mini-batch's rows of K instead of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, ShapeError
from tangentlab.linalg import KernelBlocks, as_columns, floating_tensor, rounding_of, symmetric
from tangentlab.training.batches import batches
from tangentlab.training.descent import Descent
from tangentlab.training.history import History, Trace, blown_up
from tangentlab.training.loss import check_targets, find_loss

GATHER = 2**17
"""Entries of K gathered at a time on a CPU: few enough to stay in its cache."""


@dataclass(frozen=True, eq=False)
class FunctionSpaceState:
    """Where a descent in function space has come: θ = θ0 + Jᵀa.

    >>> state = train_function_space(torch.eye(2), None, torch.tensor([0.0, 1.0]), Descent(epochs=1))
    >>> state.predict(torch.eye(2)).shape
    torch.Size([2, 1])
    """

    coefficients: Tensor
    """a, (n, c), float64."""
    train_outputs: Tensor
    """f0 + K a on the training rows, (n, c)."""
    distance: float
    """‖θ − θ0‖ = √(aᵀKa); for a Gram averaged over outputs, the norm in that kernel's space."""
    history: History
    centred: bool
    """True when trained without f0."""
    form: str
    """The form of the Gram, "shared", "diagonal" or "full"; that of a test kernel too."""

    def predict(self, K_test: Any, f0_test: Any = None) -> Tensor:
        """Outputs f0_test + K_test a on m rows, (m, c) float64, from their kernel with the training rows.

        K_test is (m, n), (m, n, c) or (m, n, c, c), as the training Gram was; f0_test (m, c), needed exactly when
        the training had an f0. Errors: `ShapeError`, and `ArgumentError` for a missing f0_test.

        >>> state = train_function_space(torch.eye(2), None, torch.tensor([1.0, 1.0]), Descent(epochs=9))
        >>> bool(torch.equal(state.predict(torch.eye(2)), state.train_outputs))
        True
        """
        n, c = self.coefficients.shape
        blocks = KernelBlocks.of(K_test, outputs=c, name="K_test")
        if blocks.columns != n or (c > 1 and blocks.form != self.form):
            raise ShapeError(
                "K_test",
                expected=f"a {self.form} kernel, as the Gram was, with {n} columns, one for each training row",
                got=f"a {blocks.form} one with {blocks.columns} columns",
                remedy="Use the same outputs=, test rows first: ntk(model, x_test, x_train).",
            )
        if (f0_test is None) != self.centred:
            raise ArgumentError(
                "f0_test",
                expected="None, as the training had no f0" if self.centred else "the outputs at the anchor",
                got="outputs" if self.centred else "None",
                remedy="Give f0 both to the training and to predict, or to neither.",
            )
        a = self.coefficients.to(blocks.systems.device)
        outputs = _row_products(blocks)(torch.arange(blocks.rows, device=a.device), a)
        if f0_test is None:
            return outputs
        return outputs + as_columns("f0_test", f0_test, rows=blocks.rows).to(outputs)


def train_function_space(
    K: Any,
    f0: Any,
    y: Any,
    descent: Descent,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> FunctionSpaceState:
    """Train the linearization whose Gram is K by the descent: equal to training the module, to rounding.

    With g = ∂loss/∂f on the batch, a step of SGD is v ← μv + g (at the batch's rows) + wd·a, a ← a − η v, in
    Nesterov's form a ← a − η (g + wd·a + μv); these are the coordinates in the span of Jᵀ of the steps that
    `train` takes on `linearize(model)` with the same batches. Everything is float64.

    - `K`: Gram of the training rows, symmetric: (n, n) shared by all outputs, (n, n, c) diagonal or
      (n, n, c, c) full
    - `f0`: outputs at the anchor (n, c), or None for the centred linearization, which starts from 0
    - `y`: targets as the loss reads them, see `check_targets`
    - `descent`: with the optimizer "sgd"; Adam rescales single parameters and leaves the span
    - `progress`: called with (steps done, steps in all)

    Costs O(batch_size · n · c²) a step for a full K, O(batch_size · n · c) for the others.
    Errors: `ShapeError`, `NotFiniteError`, `NotSymmetricError`; `NotFiniteError` with its step when the descent
    blows up.

    >>> descent = Descent(loss="mse", learning_rate=1.0, momentum=0.0, epochs=1, schedule="constant")
    >>> state = train_function_space(torch.eye(2), None, torch.tensor([4.0, 8.0]), descent)
    >>> state.coefficients.flatten().tolist()
    [2.0, 4.0]
    """
    _refuse_adam(descent)
    loss = find_loss(descent.loss)
    blocks, f0_columns, y, centred = _checked(K, f0, y, descent.loss)
    n = len(f0_columns)
    a, v = torch.zeros_like(f0_columns), torch.zeros_like(f0_columns)
    rates = descent.learning_rates(descent.steps(rows=n))
    product = _row_products(blocks)
    trace = Trace.start(rates, device=a.device)
    mu, decay = descent.momentum, descent.weight_decay
    for step, batch in enumerate(batches(n, descent, device=a.device)):
        f, targets, rate = f0_columns[batch] + product(batch, a), y[batch], rates[step]
        trace.write(step, loss.value(f, targets))
        g = loss.gradient(f, targets)
        v.mul_(mu).index_add_(0, batch, g)
        if decay:
            v.add_(a, alpha=decay)
        if descent.nesterov:
            if decay:
                a.mul_(1 - rate * decay)
            a.sub_(v, alpha=rate * mu).index_add_(0, batch, g, alpha=-rate)
        else:
            a.sub_(v, alpha=rate)
        if progress is not None:
            progress(step + 1, len(rates))
    history = trace.finish()
    change = product(torch.arange(n, device=a.device), a)
    if not bool(torch.isfinite(change).all()):
        raise blown_up(f"its outputs are not finite after step {len(rates) - 1}", rates, step=len(rates) - 1)
    distance = (a * change).sum().clamp(min=0).sqrt().item()
    return FunctionSpaceState(a, f0_columns + change, distance, history, centred, blocks.form)


def _row_products(blocks: KernelBlocks) -> Callable[[Tensor, Tensor], Tensor]:
    """The function (index, a) -> K[index] a in float64, reading only those rows of K.

    On a CPU the rows pass through a small buffer that stays in cache; gathering them whole would cost three
    times the memory traffic, and page faults besides.
    """
    K, n = blocks.systems, blocks.rows
    stacked, width = K.shape[0], K.shape[2]
    per_row = K.view(stacked, n, -1)
    cost = stacked * per_row.shape[2]
    at_once = n if K.device.type != "cpu" else min(n, max(1, GATHER // cost))
    buffer = K.new_empty(at_once * cost)

    def product(index: Tensor, a: Tensor) -> Tensor:
        packed, found = blocks.pack(a), []
        for rows in index.split(at_once):
            taken = buffer[: len(rows) * cost].view(stacked, len(rows), -1)
            torch.index_select(per_row, 1, rows, out=taken)
            found.append(blocks.unpack(taken.view(stacked, -1, width).to(a.dtype) @ packed))
        return found[0] if len(found) == 1 else torch.cat(found)

    return product


def _checked(K: Any, f0: Any, y: Any, loss: str) -> tuple[KernelBlocks, Tensor, Tensor, bool]:
    """The Gram in blocks, f0 (n, c) and targets in float64 on its device, and whether f0 was None."""
    K = floating_tensor("K", K)
    if K.ndim not in (2, 3, 4) or K.shape[0] != K.shape[1] or K.numel() == 0:
        raise ShapeError(
            "K",
            expected="a Gram of shape (n, n), (n, n, c) or (n, n, c, c)",
            got=str(tuple(K.shape)),
            remedy="Use the kernel of the training rows with themselves.",
        )
    n = len(K)
    y = check_targets(y, loss, rows=n)
    if f0 is None:
        f0 = torch.zeros(n, _outputs(K, y), dtype=torch.float64)
        centred = True
    else:
        f0, centred = as_columns("f0", f0, rows=n), False
    blocks = KernelBlocks.of(K, outputs=f0.shape[1], finite=False)
    for matrix in blocks.systems:
        _refuse_asymmetry(matrix)
    y = check_targets(y, loss, rows=n, outputs=f0.shape[1])
    y = y.to(K.device, torch.float64 if y.is_floating_point() else None)
    return blocks, f0.to(K.device, torch.float64), y, centred


def _refuse_asymmetry(matrix: Tensor) -> None:
    """`symmetric` as a check alone: in strips, because a full Gram fills memory by itself."""
    size = len(matrix)
    strips = range(0, size, 256)
    largest = max(float(matrix[i : i + 256].abs().max()) for i in strips)
    allowed = 10 * size * rounding_of(matrix) * largest
    if any(float((matrix[i : i + 256, i:] - matrix[i:, i : i + 256].T).abs().max()) > allowed for i in strips):
        symmetric(matrix, name="K")


def _outputs(K: Tensor, y: Tensor) -> int:
    """c, where no f0 tells it: from the kernel if it has outputs, else from the targets."""
    if K.ndim > 2:
        return K.shape[2]
    return y.shape[1] if y.ndim == 2 else int(y.max()) + 1


def _refuse_adam(descent: Descent) -> None:
    if descent.optimizer != "sgd":
        raise ArgumentError(
            "descent",
            expected="one with optimizer='sgd' in function space",
            got=f"optimizer='{descent.optimizer}', which rescales single parameters and so leaves the span of Jᵀ",
            remedy="Use optimizer='sgd', or train the linearized network itself: train(linearize(model), ...).",
        )
