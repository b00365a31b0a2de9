"""The task that one eigenfunction of a kernel defines: as hard for that kernel as its index says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.tiles import Progress
from tangentlab.networks.inputs import check_inputs
from tangentlab.tasks.eigenfunctions import Eigenfunctions
from tangentlab.tasks.kernel_on_rows import KernelOnRows, expect_rows
from tangentlab.tasks.task import Task
from tangentlab.tasks.train_rows import train_rows


def eigenfunction_task(
    kernel: Any,
    x: Any,
    index: int,
    *,
    train: Any,
    inductive: bool = False,
    tolerance: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Task:
    """Labels 1[v_j > 0] from eigenvector `index` of a kernel on train and test rows together, or on the train rows.

    Formula   K v_j = ℓ_j v_j, j counted from 0, the largest entry of v_j positive      Ortiz-Jimenez et al., 2021

    `train` is a number of leading rows of x or an index of rows; the others are test rows. By default K is the kernel
    on all rows (transductive, as published); `inductive=True` decomposes it on the train rows and extends by Nyström,
    φ_j(x) = Θ(x, X) v_j / ℓ_j. `kernel` is a kernel, a model, a Gram or a matrix, or products: see
    `Eigenfunctions.of`, which takes the same arguments and gives many tasks from one decomposition. For the full
    kernel of c > 1 outputs the (n·c) eigenvector is a function of c values, and the label is the largest of them.

    The task's `identity` holds eigenvalue, difficulty, distance to the next eigenvalue and class balance. Refused where
    the train rows are of one class, as those of index 0 often are, and where the eigenvalue is rounding; few rows in a
    class and degenerate eigenvalues are warned about.

    On the corners of a square with the kernel of 2 x_0 x_0' + x_1 x_1', eigenfunction 1 is the second coordinate:

    >>> import torch
    >>> x = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0]])
    >>> task = eigenfunction_task((x * torch.tensor([2.0, 1.0])) @ x.T, x, 1, train=3)
    >>> task.y_train.flatten().tolist(), task.identity["eigenvalue"], task.identity["difficulty"]
    ([1.0, 0.0, 1.0], 4.0, 0.75)
    """
    options = {"inductive": inductive, "tolerance": tolerance, "seed": seed, "progress": progress}
    return eigenfunction_tasks(kernel, x, [index], train=train, **options)[0]


def eigenfunction_tasks(
    kernel: Any,
    x: Any,
    indices: Sequence[int],
    *,
    train: Any,
    inductive: bool = False,
    tolerance: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Task]:
    """The task of each of some indices, from one decomposition; arguments as those of `eigenfunction_task`.

    >>> import torch
    >>> x = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0]])
    >>> both = eigenfunction_tasks((x * torch.tensor([2.0, 1.0])) @ x.T, x, [1, 0], train=3)
    >>> [task.y_train.flatten().tolist() for task in both]
    [[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    remedy = "Try index=10."
    expected = "a whole number, counted from 0"
    asked = [expect_whole_number("index", each, least=0, expected=expected, remedy=remedy) for each in indices]
    x = expect_rows(check_inputs(x))
    kept, _ = train_rows(train, rows=len(x))
    on_rows = KernelOnRows.of(kernel, x, progress=progress)
    most = on_rows.outputs * (len(kept) if inductive else len(x))
    if max(asked) >= most:
        raise ArgumentError(
            "index",
            expected=f"from 0 to {most - 1}, as the kernel that is decomposed has {most} eigenfunctions",
            got=repr(max(asked)),
            remedy="Ask for a lower one, or give more rows.",
        )
    found = Eigenfunctions.of(
        on_rows,
        x,
        max(asked) + 1,
        train=train,
        inductive=inductive,
        tolerance=tolerance,
        seed=seed,
    )
    return found.tasks(asked)


eigenfunction = eigenfunction_task
"""The same, as `tl.tasks.eigenfunction`."""
