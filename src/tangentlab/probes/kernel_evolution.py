"""A kernel's path along training, on a fixed set of probe rows: how far, how fast, and towards what it turns.

At the steps t of a grid, with S the distance of `kernel_distance` (Fort et al. 2020)

    distance    S(K_0, K_t)                                from 0, the kernel has only grown, to 1
    velocity    S(K_s, K_t) / (t − s)                      s the reading before
    travelled   ‖θ_t − θ_0‖,  relative  / ‖θ_0‖            over the parameters of the kernel

The grid is 5 · 1.15^k, because kernels turn early and fast. A finite set of probe rows weighs each row's kernel with
itself too much; by how much that moves `distance` is the `bias` of its jackknife over rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import log
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.kernels.output_flavour import Outputs, check_outputs
from tangentlab.linalg import KernelBlocks, as_columns, eigenpairs
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows
from tangentlab.networks.network import Network
from tangentlab.probes.alignment import Alignment, alignment
from tangentlab.probes.jackknife import Jackknife
from tangentlab.probes.kernel_distance import distance_interval, kernel_distance
from tangentlab.probes.kernel_target import refuse_zero

_FIRST, _FACTOR = 5, 1.15


def on_log_grid(step: int) -> bool:
    """Whether a step is 0 or one of 5 · 1.15^k, k = 0, 1, ..., rounded.

    >>> [step for step in range(21) if on_log_grid(step)]
    [0, 5, 6, 7, 8, 9, 10, 12, 13, 15, 18, 20]
    """
    if step < _FIRST:
        return step == 0
    near = round(log(step / _FIRST) / log(_FACTOR))
    return any(round(_FIRST * _FACTOR**k) == step for k in (near - 1, near, near + 1))


@dataclass(frozen=True)
class KernelReading:
    """What was read of a kernel after so many steps (formulas above).

    >>> model = nn.Linear(2, 1, bias=False)
    >>> reading = KernelEvolution(torch.eye(2)).read(0, model)
    >>> reading.step, reading.distance.value, reading.trace, reading.eigenvalues
    (0, 0.0, 2.0, (1.0, 1.0))
    """

    step: int
    distance: Jackknife
    velocity: float
    """Per step, since the reading before; nan at the start."""
    trace: float
    eigenvalues: tuple[float, ...]
    """The largest ones."""
    alignment: Alignment | None
    """With the targets, where there are some: `unbiased` is free of the diagonal's bias, the others are plug-ins."""
    travelled: float
    relative: float


class KernelEvolution:
    """A callback that reads the kernel of a network in training; the network is copied for it, never touched.

    Called as `evolution(step, module)`: as `watch=` of `train`, or after each step of a loop of one's own. The first
    call is the start; later ones read at the steps of the grid. `read` reads at once, whatever the step.

    Parameters
    ----------
    x: the probe rows; the kernel of n of them is held three times
    y: their targets (n,) or (n, r) for the alignment; ±1 or centred
    steps: at which to read; default the grid 5 · 1.15^k and 0
    outputs, parameters, mode, dtype: of the kernel; a module that stands in train mode is read in evaluation mode
    output: which of the things a module returns is meant, as in `Network`
    top: how many eigenvalues

    A reading costs a kernel of n rows and some of its eigenvalues.

    >>> from tangentlab.training import Descent, train
    >>> evolution = KernelEvolution(torch.eye(2), [1.0, -1.0])
    >>> descent = Descent(loss="mse", epochs=12, learning_rate=0.1)
    >>> state = train(nn.Linear(2, 1), torch.eye(2), torch.tensor([1.0, -1.0]), descent, watch=evolution)
    >>> [reading.step for reading in evolution.readings], evolution.column("distance")
    ([0, 5, 6, 7, 8, 9, 10, 12], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    """

    def __init__(
        self,
        x: Inputs,
        y: Any = None,
        *,
        steps: Collection[int] | None = None,
        outputs: Outputs = "mean",
        parameters: Any = None,
        output: Any = None,
        mode: str | None = "eval",
        dtype: torch.dtype | None = None,
        top: int = 10,
        level: float = 0.95,
    ):
        self.x = check_inputs(x)
        self.y = None if y is None else as_columns("y", y, rows=count_rows(self.x))
        if self.y is not None:
            refuse_zero(self.y)
        wanted = None if steps is None else frozenset(steps)
        self.wanted: Callable[[int], bool] = on_log_grid if wanted is None else wanted.__contains__
        self.outputs = check_outputs(outputs)
        self.level, self.top = level, expect_whole_number("top", top, remedy="Try top=10.")
        self.readings: list[KernelReading] = []
        self._choice = {"parameters": parameters, "output": output, "mode": mode}
        self._dtype = dtype
        self._start: tuple[Tensor, dict[str, Tensor]] | None = None
        self._last: Tensor | None = None

    def __call__(self, step: int, module: nn.Module | Network) -> None:
        """Read if this is the first call or `step` is on the grid."""
        if self._start is None or self.wanted(step):
            self.read(step, module)

    def read(self, step: int, module: nn.Module | Network) -> KernelReading:
        """Read now, and keep the reading."""
        if self.readings and step <= self.readings[-1].step:
            raise ArgumentError(
                "step",
                expected=f"above {self.readings[-1].step}, the last one read",
                got=step,
                remedy="Use one KernelEvolution for each training.",
            )
        network = Network(module, **self._choice)
        K = NeuralTangentKernel(network, outputs=self.outputs, dtype=self._dtype)(self.x).double()
        here = {name: tensor.detach().clone() for name, tensor in network.parameters.items()}
        if self._start is None or self._last is None:
            self._start, self._last = (K, here), K
            velocity = float("nan")
        else:
            velocity = kernel_distance(self._last, K) / (step - self.readings[-1].step)
        first, there = self._start
        if here.keys() != there.keys():
            raise ArgumentError(
                "module",
                expected="the module of the first call",
                got="one of other parameters",
                remedy="Start anew.",
            )
        blocks = KernelBlocks.of(K, outputs=K.shape[2] if K.ndim > 2 else 1)
        values = torch.cat(
            [eigenpairs(one, min(self.top, len(one)), name="kernel").values for one in blocks.systems]
        )
        travelled = _length({name: here[name].double() - there[name].double() for name in here})
        start = _length(there)
        reading = KernelReading(
            step=step,
            distance=distance_interval(first, K, level=self.level),
            velocity=velocity,
            trace=float(blocks.systems.diagonal(dim1=1, dim2=2).sum()),
            eigenvalues=tuple(values.sort(descending=True).values[: self.top].tolist()),
            alignment=None if self.y is None else alignment(K, self.y),
            travelled=travelled,
            relative=travelled / start if start else float("nan"),
        )
        self._last = K
        self.readings.append(reading)
        return reading

    def column(self, name: str) -> list[float]:
        """One number of every reading: "step", "distance", "velocity", "trace", "travelled", "relative", the name of an
        alignment, or "top" for the largest eigenvalue.
        """
        found = []
        for reading in self.readings:
            if name == "top":
                value = reading.eigenvalues[0]
            elif name == "distance":
                value = reading.distance.value
            elif name in vars(reading):
                value = getattr(reading, name)
            else:
                value = getattr(reading.alignment, name, None)
            if not isinstance(value, (int, float)):
                raise ArgumentError(
                    "name",
                    expected="a number of each reading",
                    got=repr(name),
                    remedy="Try 'distance' or 'trace'.",
                )
            found.append(value)
        return found


def _length(tensors: dict[str, Tensor]) -> float:
    return float(torch.stack([tensor.double().square().sum() for tensor in tensors.values()]).sum().sqrt())
