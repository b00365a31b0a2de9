"""Modules of one architecture as one: their tensors stacked, their forward passes one pass under `vmap`.

A stack stands for its modules only where it has been seen to: on one batch, outputs and gradients of every run are
compared with those of its own module, and whatever a pass leaves behind (buffers, random draws, attributes) makes the
modules unfit to be stacked, because under `vmap` it would happen once instead of once for each.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab.networks.evaluation import random_states
from tangentlab.networks.inputs import Inputs, map_tensors, take_rows
from tangentlab.networks.output_selection import Selector, select_output
from tangentlab.networks.precision import ROUNDING, agree
from tangentlab.training.loss import Loss

PLAIN = (bool, int, float, complex, str, bytes, type(None))


@dataclass(frozen=True, eq=False)
class StackedModules:
    """R modules on R batches at once.

    >>> modules = [nn.Linear(2, 1, bias=False) for _ in range(3)]
    >>> stack = StackedModules.of(modules, ["weight"], None)
    >>> stack(torch.ones(3, 5, 2)).shape
    torch.Size([3, 5, 1])
    """

    modules: Sequence[nn.Module]
    output: Selector
    moving: dict[str, Tensor]
    """The parameters that move, (R, ...), leaves that require gradients."""
    fixed: dict[str, Tensor]
    """All other parameters and buffers, (R, ...)."""

    @staticmethod
    def of(modules: Sequence[nn.Module], names: Sequence[str], output: Selector) -> StackedModules:
        """Stack modules whose tensors have the same names and shapes; `ValueError` where they do not."""
        states = [{**dict(m.named_parameters()), **dict(m.named_buffers())} for m in modules]
        first = {name: (t.shape, t.dtype, t.device) for name, t in states[0].items()}
        if any({name: (t.shape, t.dtype, t.device) for name, t in s.items()} != first for s in states):
            raise ValueError("the modules have different tensors")
        if any(_traces(m)[1] != _traces(modules[0])[1] for m in modules):
            raise ValueError("the modules have different settings")
        stacked = {name: torch.stack([s[name].detach() for s in states]) for name in first}
        moving = {name: stacked.pop(name).requires_grad_() for name in names}
        return StackedModules(modules, output, moving, stacked)

    def __call__(self, x: Inputs) -> Tensor:
        """Outputs (R, b, c) on R batches, each tensor of `x` (R, b, ...)."""

        def one(moving: dict[str, Tensor], fixed: dict[str, Tensor], x: Inputs) -> Tensor:
            args, kwargs = _arguments(x)
            returned = torch.func.functional_call(self.modules[0], {**moving, **fixed}, args, kwargs)
            return select_output(returned, self.output, rows=_rows(x))

        return torch.vmap(one)(self.moving, self.fixed, x)

    def losses(self, loss: Loss, x: Inputs, y: Tensor) -> Tensor:
        """The loss of each run (R,), whose sum has each run's own gradient in its own parameters."""
        return torch.vmap(loss.value)(self(x), y)

    def stands_for_its_modules(self, loss: Loss, x: Inputs, y: Tensor) -> bool:
        """Whether every run's loss and gradients are, to rounding, those of its own module, which keeps no traces."""
        before = random_states()
        losses = self.losses(loss, x, y)
        gradients = torch.autograd.grad(losses.sum(), list(self.moving.values()), allow_unused=True)
        for run, module in enumerate(self.modules):
            traces = _traces(module)
            own = dict(module.named_parameters())
            value = loss.value(self._alone(run, x), y[run])
            truth = torch.autograd.grad(value, [own[name] for name in self.moving], allow_unused=True)
            if not _equal(traces, _traces(module)) or not _close(losses[run], value):
                return False
            for whole, part in zip(gradients, truth):
                if (whole is None) != (part is None) or (part is not None and not _close(whole[run], part)):
                    return False
        return random_states() == before

    def is_quicker(self, loss: Loss, x: Inputs, y: Tensor) -> bool:
        """Whether one step of the stack takes clearly less time than the steps of its modules, on this machine now."""
        clock = time.perf_counter

        def stacked() -> None:
            torch.autograd.grad(self.losses(loss, x, y).sum(), list(self.moving.values()), allow_unused=True)

        def alone() -> None:
            for run, module in enumerate(self.modules):
                value = loss.value(self._alone(run, x), y[run])
                own = dict(module.named_parameters())
                torch.autograd.grad(value, [own[name] for name in self.moving], allow_unused=True)

        times = []
        for work in (stacked, alone, stacked, alone):
            start = clock()
            work()
            times.append(clock() - start)
        return min(times[0], times[2]) < 0.9 * min(times[1], times[3])

    def agrees_with_its_modules(self, x: Inputs) -> bool:
        """Whether the outputs are those of the modules, once `unstack` has given them their parameters."""
        with torch.no_grad():
            f = self(x)
            return all(_close(f[run], self._alone(run, x)) for run in range(len(self.modules)))

    def unstack(self) -> None:
        """Give every module its own parameters."""
        with torch.no_grad():
            for run, module in enumerate(self.modules):
                own = dict(module.named_parameters())
                for name, tensor in self.moving.items():
                    own[name].copy_(tensor[run])

    def _alone(self, run: int, x: Inputs) -> Tensor:
        mine = map_tensors(lambda t: t[run], x)
        args, kwargs = _arguments(mine)
        return select_output(self.modules[run](*args, **kwargs), self.output, rows=_rows(mine))


def batches_of_all(x: Inputs, index: Tensor) -> Inputs:
    """Rows `index` (R, b) of inputs, each tensor (R, b, ...).

    >>> batches_of_all(torch.arange(4), torch.tensor([[0, 1], [3, 2]])).tolist()
    [[0, 1], [3, 2]]
    """
    taken = take_rows(x, index.flatten())
    return map_tensors(lambda t: t.view(*index.shape, *t.shape[1:]), taken)


def _arguments(x: Inputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(x, Mapping):
        return (), dict(x)
    return ((x,) if isinstance(x, Tensor) else tuple(x)), {}


def _rows(x: Inputs) -> int:
    return len(x if isinstance(x, Tensor) else next(iter(x.values() if isinstance(x, Mapping) else x)))


def _close(a: Tensor, b: Tensor) -> bool:
    return agree(a.detach(), b.detach(), tolerance=ROUNDING.get(a.dtype, ROUNDING[torch.float32]))


def _traces(module: nn.Module) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """What a forward pass could leave behind: buffers, and attributes of plain values or lists of them."""
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    attributes = []
    for part in module.modules():
        kept = {k: v for k, v in vars(part).items() if isinstance(v, PLAIN)}
        kept |= {k: repr(v) for k, v in vars(part).items() if isinstance(v, (list, dict, set)) and k[:1] != "_"}
        attributes.append(kept)
    return buffers, attributes


def _equal(a: tuple[dict[str, Tensor], list[Any]], b: tuple[dict[str, Tensor], list[Any]]) -> bool:
    return a[1] == b[1] and all(torch.equal(tensor, b[0][name]) for name, tensor in a[0].items())
