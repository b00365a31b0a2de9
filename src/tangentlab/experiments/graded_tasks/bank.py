"""A bank of tasks of graded difficulty: eigenfunctions of a kernel, sets along a network's anisotropy directions.

Each task comes with what its kernel says of it before anything is learned, on its leading train rows with labels ±1
(one-hot labels without their mean), so that any learner can be held against the same scale:

    alignment         yᵀKy / (‖y‖² tr K), how fast the linearization starts (higher is easier)
    unbiased          the U-statistic of E[y Θ y'] (see `alignment`)
    norm_difficulty   yᵀK⁻¹y · tr K / n², the kernel's own complexity of the labels (higher is harder)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab.experiments.learning.targets import codes
from tangentlab.kernels import NeuralTangentKernel, anisotropy_directions
from tangentlab.networks.inputs import check_inputs
from tangentlab.networks.network import Network
from tangentlab.networks.sizes import expect_input_shape
from tangentlab.probes import alignment, complexity
from tangentlab.tasks import Eigenfunctions, Task, anisotropy
from tangentlab.tasks.kernel_on_rows import KernelOnRows, expect_rows
from tangentlab.tasks.train_rows import train_rows

ROWS = 1000
"""Leading train rows that scores are taken on."""


@dataclass(frozen=True, eq=False)
class ScoredTask:
    """A `task`, its `scores` by name (index, eigenvalue, class balance, difficulty), and `arrays` to go with it.

    >>> from tangentlab.tasks import parity
    >>> one = ScoredTask(parity(2, dimension=4, samples=8, test_samples=4), {"degree": 2})
    >>> one.task.name, one.scores
    ('parity:2,4', {'degree': 2})
    """

    task: Task
    scores: dict[str, Any]
    arrays: dict[str, Tensor] = field(default_factory=dict)
    """The `direction` of a separable set, of the shape of one row."""


def eigenfunction_bank(
    kernel: Any,
    x: Any,
    indices: Iterable[int],
    *,
    train: Any,
    inductive: bool = False,
    rows: int = ROWS,
    tolerance: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[ScoredTask]:
    """Eigenfunction tasks of several indices from one decomposition, with scores; arguments as `eigenfunction_task`.

    `rows` is how many train rows the scores are taken on, O(rows³) a task. A kernel known by its products alone has
    no norm difficulty.

    >>> import torch
    >>> x = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0]])
    >>> K = (x * torch.tensor([2.0, 1.0])) @ x.T + 0.1 * torch.eye(4)
    >>> bank = eigenfunction_bank(K, x, [0, 1], train=3)
    >>> [round(one.scores["eigenvalue"], 4) for one in bank], bank[0].scores["norm_difficulty"] < bank[1].scores[
    ...     "norm_difficulty"]
    ([8.1, 4.1], True)
    """
    x, wanted = expect_rows(check_inputs(x)), _indices(indices)
    on_rows = KernelOnRows.of(kernel, x, progress=progress)
    size = on_rows.outputs * (len(train_rows(train, rows=len(x))[0]) if inductive else len(x))
    if max(wanted) >= size:
        raise ArgumentError(
            "indices",
            expected=f"below {size}, the eigenfunctions of the kernel that is decomposed",
            got=str(max(wanted)),
            remedy="Ask for lower ones, or give more rows.",
        )
    found = Eigenfunctions.of(on_rows, x, max(wanted) + 1, train=train, inductive=inductive, tolerance=tolerance)
    leading = found.train[:rows]
    K = on_rows.on(leading) if isinstance(on_rows.matrix, Tensor) else None
    if K is not None and on_rows.outputs > 1:
        c, n = on_rows.outputs, len(leading)
        K = K.reshape(n, c, n, c).transpose(1, 2)
    bank = []
    for index in wanted:
        task, read = found.task(index), found.readings(index)
        scores = {name: read[name] for name in ("index", "eigenvalue", "difficulty", "gap", "mixing", "energy")}
        bank.append(ScoredTask(task, {**scores, **_balance(task), **_scores(K, task, len(leading))}))
    return bank


def anisotropy_bank(
    model: Any,
    shape: tuple[int, ...] | int,
    indices: Iterable[int],
    *,
    epsilon: float = 1.0,
    sigma: float = 1.0,
    samples: int = 1000,
    test_samples: int = 1000,
    seed: int = 0,
    rows: int = ROWS,
    mode: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[ScoredTask]:
    """Separable sets along several anisotropy directions of a network of one output, scored by its kernel on them.

    `eigenvalue` is s_k². Arguments as `anisotropy_directions` and `tasks.anisotropy`.

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    >>> bank = anisotropy_bank(net, 5, [0, 4], samples=40, test_samples=10)
    >>> [one.task.name for one in bank], bank[0].scores["eigenvalue"] > bank[1].scores["eigenvalue"]
    (['anisotropy:0', 'anisotropy:4'], True)
    """
    wanted, size = _indices(indices), math.prod(expect_input_shape(shape, name="shape"))  # type: ignore[arg-type]
    if max(wanted) >= size:
        raise ArgumentError(
            "indices",
            expected=f"below {size}, the size of an input",
            got=str(max(wanted)),
            remedy="Ask for lower ones.",
        )
    network = Network(model, mode=mode)
    values, vectors = anisotropy_directions(network, shape, max(wanted) + 1, progress=progress)
    kernel = NeuralTangentKernel(network, outputs="mean")
    bank = []
    for index in wanted:
        task = anisotropy(
            vectors[index],
            epsilon=epsilon,
            sigma=sigma,
            samples=samples,
            test_samples=test_samples,
            seed=seed,
            index=index,
        )
        leading = min(rows, len(task.x_train))
        scores = {"index": index, "eigenvalue": float(values[index])}
        K = kernel(task.x_train[:leading])
        scores |= _balance(task) | _scores(K, task, leading)
        bank.append(ScoredTask(task, scores, {"direction": vectors[index]}))
    return bank


def _indices(indices: Iterable[int]) -> Sequence[int]:
    wanted = list(indices) if isinstance(indices, Iterable) else []
    if not wanted or any(isinstance(i, bool) or not isinstance(i, Integral) or i < 0 for i in wanted):
        raise ArgumentError(
            "indices", expected="whole numbers, counted from 0", got=repr(indices), remedy="Try [1, 3, 10, 30]."
        )
    return list(dict.fromkeys(map(int, wanted)))


def _balance(task: Task) -> dict[str, Any]:
    """Share of the second class of two, or of the largest of several, among train and test rows."""
    parts = {"balance_train": task.y_train, "balance_test": task.y_test}
    return {name: float(y.double().mean(0).max()) for name, y in parts.items()}


def _scores(K: Tensor | None, task: Task, rows: int) -> dict[str, float | None]:
    if K is None:
        return {"alignment": None, "unbiased": None, "norm_difficulty": None}
    y = codes(task.y_train[:rows])
    aligned = alignment(K, y)
    return {
        "alignment": aligned.trace_normalized,
        "unbiased": aligned.unbiased,
        "norm_difficulty": complexity(K, y).normalized,
    }
