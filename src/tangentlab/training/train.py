"""Descent of a module: the loop that trains a network, or its linearization, in parameter space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import ArgumentError, NetworkError, TangentlabError
from tangentlab._seeds import derive, seeded_randomness
from tangentlab.networks import Network
from tangentlab.networks.autograd_graph import leaves
from tangentlab.networks.binding import refuse_compiled, refuse_without_values
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows, map_tensors, take_rows, tensors_of
from tangentlab.networks.output_selection import Selector, select_output
from tangentlab.networks.private_copy import private_copy
from tangentlab.networks.safety import refuse_borrowed
from tangentlab.training.batches import batches
from tangentlab.training.descent import Descent
from tangentlab.training.history import History, Trace
from tangentlab.training.loss import check_targets, find_loss
from tangentlab.training.parameter_descent import ParameterDescent, anchor_of, distance_from
from tangentlab.training.snapshots import snapshot_steps


@dataclass(frozen=True, eq=False)
class TrainingState:
    """A trained copy of a module and how it came there.

    >>> module = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    >>> with torch.no_grad():
    ...     _ = module.weight.zero_()
    >>> state = train(module, torch.ones(2, 1), torch.ones(2), Descent(loss="mse", epochs=1, learning_rate=0.5))
    >>> state.module.weight.item(), module.weight.item(), state.distance
    (0.5, 0.0, 0.5)
    """

    module: nn.Module
    """The trained copy, with the flags (train or eval, requires_grad) the given module has."""
    history: History
    snapshots: dict[int, dict[str, Tensor]] = field(repr=False)
    """State dictionaries by the number of steps taken."""
    distance: float
    """‖θ − θ0‖ over the trained parameters, from the anchor of the weight decay."""


def train(
    module: nn.Module | Network,
    x: Inputs,
    y: Any,
    descent: Descent,
    *,
    snapshots: int | Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
    watch: Callable[[int, nn.Module], None] | None = None,
) -> TrainingState:
    """Train a copy of a module by the descent; the module, its gradients and all global state stay as they are.

    Parameters that require gradients move, or a Network's selected ones. Steps run in train mode; a module whose
    own flag is train keeps the flags of its parts, so that a normalization put in evaluation mode stays so.
    Weight decay pulls towards `module.anchor` where there is one (`linearize` gives it), else towards the start.
    What the module draws at random (dropout) comes from the descent's seed.

    - `module`: any module whose output is (n, c) or (n,), or a Network that says how to read it
    - `x`: inputs, rows first: a tensor, or a tuple or dict of them
    - `y`: targets as the loss reads them, see `check_targets`
    - `snapshots`: None; a number of log-spaced steps; or the steps after which to keep the state dictionary
    - `progress`: called with (steps done, steps in all)
    - `watch`: called with (steps done, the module being trained) at the start and after every step, to look at it and
      not to change it: a `KernelEvolution`, say

    Costs one forward and backward pass of a batch a step, and one copy of the parameters for the anchor.
    Errors: `NetworkError` for a module that cannot be trained on x, `NotFiniteError` naming step and learning
    rate when the loss leaves the finite numbers.

    >>> with torch.random.fork_rng():
    ...     module = nn.Linear(2, 1)
    >>> x, y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0.0, 1.0])
    >>> state = train(module, x, y, Descent(loss="bce", learning_rate=1.0, epochs=50))
    >>> (state.module(x) > 0).flatten().tolist()
    [False, True]
    """
    x = check_inputs(x)
    rows, home = count_rows(x), tensors_of(x)[0][1].device
    y = check_targets(y, descent.loss, rows=rows).to(home)
    kept = snapshot_steps(snapshots, steps=descent.steps(rows=rows))
    with torch.inference_mode(False), torch.enable_grad():
        copy, moving, output = trainable_copy(module)
        anchor = anchor_of(copy, moving)
        flags = {name: part.training for name, part in copy.named_modules()}
        if not copy.training:
            copy.train()
        given = module.module if isinstance(module, Network) else module
        originals = {id(tensor): name for name, tensor in given.named_parameters()}
        loop = _Loop(copy, moving, anchor, output, descent, kept, progress, watch, originals)
        with seeded_randomness(derive(descent.seed, "module")):
            history, states = loop.run(x, y, home=home)
    for name, part in copy.named_modules():
        part.training = flags[name]
    return TrainingState(copy, history, states, distance_from(moving, anchor, history=history))


@dataclass(frozen=True, eq=False)
class _Loop:
    """The parts of one descent in parameter space."""

    module: nn.Module
    moving: dict[str, nn.Parameter]
    anchor: dict[str, Tensor]
    output: Selector
    descent: Descent
    kept: tuple[int, ...]
    progress: Callable[[int, int], None] | None
    watch: Callable[[int, nn.Module], None] | None
    originals: Mapping[int, str]

    def run(self, x: Inputs, y: Tensor, *, home: torch.device) -> tuple[History, dict[int, dict[str, Tensor]]]:
        """Every step; the history and the snapshots."""
        rows, like, loss = count_rows(x), next(iter(self.moving.values())), find_loss(self.descent.loss)
        device, dtype = like.device, like.dtype
        steps = ParameterDescent.of(self.moving, self.anchor, descent=self.descent, rows=rows)
        trace = Trace.start(steps.rates, runs=1, device=device)
        states = {0: self.state()} if 0 in self.kept else {}
        if self.watch is not None:
            self.watch(0, self.module)
        for step, batch in enumerate(batches(rows, self.descent, device=home)):
            f = self.evaluate(placed(take_rows(x, batch), device=device, dtype=dtype))
            if step == 0:
                refuse_borrowed(leaves(f), self.originals)
                y = check_targets(y, self.descent.loss, rows=rows, outputs=f.shape[1])
                y = y.to(f.dtype) if y.is_floating_point() else y
            value = loss.value(f, y[batch].to(device))
            trace.write(step, value.detach())
            steps.take(step, value)
            if step + 1 in self.kept:
                states[step + 1] = self.state()
            if self.watch is not None:
                self.watch(step + 1, self.module)
            if self.progress is not None:
                self.progress(step + 1, len(steps.rates))
        steps.optimizer.zero_grad()
        [history] = trace.finish()
        return history, states

    def evaluate(self, x: Inputs) -> Tensor:
        """Outputs on one batch, with a graph; foreseeable failures in words."""
        rows = count_rows(x)
        try:
            if isinstance(x, Mapping):
                returned = self.module(**x)
            else:
                returned = self.module(x) if isinstance(x, Tensor) else self.module(*x)
        except (TangentlabError, torch.OutOfMemoryError):
            raise
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise _failed_forward(error, x) from error
        f = select_output(returned, self.output, rows=rows)
        if not f.requires_grad:
            raise NetworkError(
                "The outputs do not depend on any parameter that may move.",
                remedy="Check requires_grad, and that the forward pass does not detach its result.",
            )
        return f

    def state(self) -> dict[str, Tensor]:
        """A copy of the state dictionary, tensors only."""
        return {k: v.detach().clone() for k, v in self.module.state_dict().items() if isinstance(v, Tensor)}


def trainable_copy(
    module: nn.Module | Network,
) -> tuple[nn.Module, dict[str, nn.Parameter], Selector]:
    """A copy, its parameters that move, and the output of a Network."""
    if isinstance(module, Network):
        source, output = module.module, module.output
        moves = {module.prefix + name for name in module.names}
    elif isinstance(module, nn.Module):
        refuse_compiled(module)
        refuse_without_values(dict(module.named_parameters()))
        source, output = module, None
        moves = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    else:
        raise ArgumentError(
            "module",
            expected="an nn.Module or a Network",
            got=type(module).__name__,
            remedy="Wrap a function in Network(function, parameters=...).",
        )
    copy = private_copy(source)
    for own, given in zip(copy.modules(), source.modules()):
        if hasattr(given, "inplace"):
            own.inplace = given.inplace  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
    moving = {}
    for name, parameter in copy.named_parameters():
        if name in moves:
            moving[name] = parameter.requires_grad_(True)
    if not moving:
        raise NetworkError(
            "The module has no parameter that requires a gradient, so nothing can move.",
            remedy="Set requires_grad on the parameters to train.",
        )
    return copy, moving, output


def placed(x: Inputs, *, device: torch.device, dtype: torch.dtype) -> Inputs:
    """Inputs on a device, floating ones in a dtype.

    >>> placed(torch.zeros(1), device=torch.device("cpu"), dtype=torch.float64).dtype
    torch.float64
    """
    return map_tensors(lambda t: t.to(device, dtype if t.is_floating_point() else None), x)


def _failed_forward(error: Exception, x: Inputs) -> NetworkError:
    """What the module said about a batch, as one sentence."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors_of(x))
    if "more than 1 value per channel" in said:
        remedy = "A batch normalization in train mode needs two values a channel: raise batch_size, or put it in "
        return NetworkError(
            f"The network cannot be trained on batches of {count_rows(x)} row(s) ({said}).",
            remedy=remedy + "evaluation mode inside a module in train mode.",
        )
    return NetworkError(
        f"The network fails on a batch of {shapes} ({said}).",
        remedy="Call it on a few rows of x first; rows are the first axis.",
    )
