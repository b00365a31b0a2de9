"""Many descents in function space on one Gram: tasks, seeds and settings, each as if it ran alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_shape, expect_whole_number
from tangentlab.linalg import as_columns
from tangentlab.training.descent import Descent
from tangentlab.training.function_space_state import FunctionSpaceState
from tangentlab.training.gram_rows import GATHER, GramRows, StoredRows
from tangentlab.training.history import History
from tangentlab.training.kernel_rows import checked_gram
from tangentlab.training.loss import check_targets
from tangentlab.training.snapshots import snapshot_steps
from tangentlab.training.span_descent import SpanDescent


def train_function_space_many(
    K: Any,
    f0: Any,
    targets: Sequence[Any],
    descents: Descent | Sequence[Descent],
    *,
    dtype: torch.dtype = torch.float64,
    start: int = 0,
    snapshots: int | Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[FunctionSpaceState]:
    """Train on one Gram for every pair of targets and descent; each state is that of `train_function_space`.

    Runs whose batches come in one order (equal `seed`, `batch_size`, `epochs`, loss and number of outputs) stand side
    by side: each step reads its rows of K once and multiplies them with the coefficients of all of them, so that tasks
    and settings (learning rate, momentum, decay, schedule) are nearly free beside the first. Other orders read K
    again, as they need its rows at other times; where those rows are few, orders still step together. Descents whose
    batch is all rows have one order whatever their seed.

    - `K`, `dtype`, `start`, `snapshots`: as in `train_function_space`
    - `f0`: outputs at the anchor (n, c) for all runs, a list of them (or of None) with one for each, or None
    - `targets`: one y for each run, or a single one for all descents
    - `descents`: one for each run, or one for all targets
    - `progress`: called with (steps done, steps in all), where runs that step together count once

    Costs, an epoch: n² numbers of K read for each order, and 2 n² c multiplications for each run, of which the reading
    binds for few runs and the multiplications for many. Memory: five times the numbers of all targets.
    Errors: those of `train_function_space`, and `ArgumentError` for lists that do not match.

    >>> fast = Descent(loss="mse", learning_rate=1.0, momentum=0.0, epochs=1, schedule="constant")
    >>> slow = Descent(loss="mse", learning_rate=0.5, momentum=0.0, epochs=1, schedule="constant")
    >>> states = train_function_space_many(torch.eye(2), None, [torch.tensor([4.0, 8.0])], [fast, slow])
    >>> [state.coefficients.flatten().tolist() for state in states]
    [[2.0, 4.0], [1.0, 2.0]]
    """
    targets, descents = _paired(targets, descents)
    if dtype not in (torch.float32, torch.float64):
        raise ArgumentError(
            "dtype", expected="torch.float32 or torch.float64", got=dtype, remedy="Try torch.float64."
        )
    for descent in descents:
        _refuse_adam(descent)
        _expect_start(start, descent)
    anchors = list(f0) if isinstance(f0, (list, tuple)) else [f0] * len(targets)
    if len(anchors) != len(targets):
        raise _unmatched("f0", f"{len(targets)}, one for each run, or a single tensor", len(anchors))
    gram = checked_gram(K)
    runs = [_Run.of(gram, K, *parts) for parts in zip(anchors, targets, descents)]
    bundles = list(_bundles(runs, gram))
    total = sum(_steps(runs[bundle[0][0]].descent, start, gram) for bundle in bundles)
    states: dict[int, FunctionSpaceState] = {}
    done = 0
    for bundle in bundles:
        hear = None if progress is None else lambda step, before=done: progress(before + step, total)
        descent = SpanDescent(
            gram,
            torch.stack([torch.stack([runs[i].f0 for i in order], -1) for order in bundle]),
            torch.stack([torch.stack([runs[i].y for i in order], -1) for order in bundle]),
            [[runs[i].descent for i in order] for order in bundle],
            start,
        )
        kept = snapshot_steps(snapshots, steps=_steps(runs[bundle[0][0]].descent, start, gram))
        a, change, losses, on_the_way = descent.run(dtype=dtype, kept=kept, progress=hear)
        distances = (a * change).sum((1, 2)).clamp(min=0).sqrt().tolist()
        for s, order in enumerate(bundle):
            for r, i in enumerate(order):
                run = runs[i]
                rates = run.descent.learning_rates(run.descent.steps(rows=gram.rows))
                history = History(tuple(losses[s][r]), tuple(rates[len(rates) - len(losses[s][r]) :]))
                outputs = run.f0 + change[s, :, :, r]
                mine = a[s, :, :, r].contiguous()
                mid = {step: each[s, :, :, r].contiguous() for step, each in on_the_way.items()}
                states[i] = FunctionSpaceState(
                    mine, outputs, distances[s][r], history, run.centred, gram.form, mid
                )
        done += _steps(runs[bundle[0][0]].descent, start, gram)
    return [states[i] for i in range(len(runs))]


@dataclass(frozen=True, eq=False)
class _Run:
    f0: Tensor
    """(n, c), zeros for a centred run."""
    y: Tensor
    """Floating targets (n, c)."""
    centred: bool
    descent: Descent

    @staticmethod
    def of(gram: GramRows, K: Any, f0: Any, y: Any, descent: Descent) -> _Run:
        """The checked parts of one run in float64, on the device of the Gram."""
        n = gram.rows
        y, centred = check_targets(y, descent.loss, rows=n), f0 is None
        if f0 is None:
            f0 = torch.zeros(n, _outputs(gram, y), dtype=torch.float64)
        f0 = as_columns("f0", f0, rows=n)
        c = f0.shape[1]
        if gram.form != "shared":
            expect_shape("K", K, "n n c c"[: 2 * len(K.shape) - 1], c=c)
        y = check_targets(y, descent.loss, rows=n, outputs=c)
        y = F.one_hot(y, c) if y.ndim == 1 else y
        return _Run(f0.to(gram.device, torch.float64), y.to(gram.device, torch.float64), centred, descent)


def _bundles(runs: list[_Run], gram: GramRows) -> list[list[list[int]]]:
    """Runs in orders in bundles: orders of one seed, bundles of as many orders as have few rows to read."""
    n, kinds = gram.rows, {}
    for i, run in enumerate(runs):
        d, c = run.descent, run.y.shape[1]
        b = min(n, d.batch_size)
        orders = kinds.setdefault((d.loss, c, b, d.epochs), {})
        orders.setdefault(None if b == n else d.seed, []).append(i)
    bundles = []
    for (_, c, b, _), orders in kinds.items():
        numbers = b * n * {"shared": 1, "diagonal": c, "full": c * c}[gram.form]
        together = max(1, GATHER // numbers) if isinstance(gram, StoredRows) else 1
        of_one_width: dict[int, list[list[int]]] = {}
        for order in orders.values():
            of_one_width.setdefault(len(order), []).append(order)
        for alike in of_one_width.values():
            bundles += [alike[i : i + together] for i in range(0, len(alike), together)]
    return bundles


def _paired(targets: Any, descents: Any) -> tuple[list[Any], list[Descent]]:
    """As many targets as descents."""
    targets = list(targets)
    descents = [descents] if isinstance(descents, Descent) else list(descents)
    if not targets or not descents:
        raise _unmatched("descents" if targets else "targets", "one or more", 0)
    if not all(isinstance(descent, Descent) for descent in descents):
        raise ArgumentError(
            "descents", expected="a Descent or a list of them", got=descents, remedy="Try Descent(epochs=30)."
        )
    runs = max(len(targets), len(descents))
    if len(targets) not in (1, runs) or len(descents) not in (1, runs):
        raise _unmatched("descents", f"{len(targets)}, one for each of the targets, or one", len(descents))
    return targets * (runs // len(targets)), descents * (runs // len(descents))


def _outputs(gram: GramRows, y: Tensor) -> int:
    """c, where no f0 tells it: from the kernel if it has outputs, else from the targets."""
    if gram.form != "shared":
        return gram.outputs
    return y.shape[1] if y.ndim == 2 else int(y.max()) + 1


def _refuse_adam(descent: Descent) -> None:
    if descent.optimizer != "sgd":
        raise ArgumentError(
            "descent",
            expected="one with optimizer='sgd' in function space",
            got=f"optimizer='{descent.optimizer}', which rescales single parameters and so leaves the span of Jᵀ",
            remedy="Use optimizer='sgd', or train the linearized network itself: train(linearize(model), ...).",
        )


def _expect_start(start: object, descent: Descent) -> None:
    expect_whole_number(
        "start",
        start,
        least=0,
        most=descent.epochs - 1,
        expected=f"a whole number of epochs from 0 to {descent.epochs - 1}, so that one is left",
        remedy="Leave it out for the whole descent.",
    )


def _steps(descent: Descent, start: int, gram: GramRows) -> int:
    """Steps that are left after `start` epochs."""
    return descent.steps(rows=gram.rows) - start * descent.steps_per_epoch(rows=gram.rows)


def _unmatched(name: str, expected: str, got: int) -> ArgumentError:
    return ArgumentError(
        name, expected=expected, got=str(got), remedy="Give one for each run; itertools.product makes a grid."
    )
