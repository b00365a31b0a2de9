"""Many small runs of networks: stacked into one where that is quicker, one after the other where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab._seeds import seeded_randomness
from tangentlab.networks import Network
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows, tensors_of
from tangentlab.training.batches import batches
from tangentlab.training.descent import Descent
from tangentlab.training.history import History, Trace
from tangentlab.training.loss import check_targets, find_loss
from tangentlab.training.parameter_descent import ParameterDescent, anchor_of, distance_from
from tangentlab.training.stacked_modules import StackedModules, batches_of_all
from tangentlab.training.train import TrainingState, placed, train, trainable_copy

METHODS = ("auto", "stacked", "loop")
MOST = 64
"""Runs stacked at most: more of them have no call left to share, and their tensors leave the cache."""


def train_many(
    modules: nn.Module | Network | Sequence[nn.Module | Network],
    x: Inputs,
    y: Any,
    descents: Descent | Sequence[Descent],
    *,
    method: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> list[TrainingState]:
    """Train each module by its descent on the same data; each state is that of `train`, to rounding.

    Runs that share everything but the seed and the weights can be stacked: one pass under `vmap` serves all of them.
    That is quicker for small networks of linear layers, whose steps are mostly calls, and slower for convolutions on
    a CPU, which become grouped ones. A stack is used only after outputs and gradients of every run agreed with its own
    module's on its first batch, and its last outputs are checked again; modules that draw random numbers, keep
    statistics or change themselves in a forward pass, have hooks, or that `vmap` cannot run, are trained one by one.

    - `modules`: one for each run (of any architecture), or one that every run starts from
    - `x`, `y`: as in `train`, the same for all runs
    - `descents`: one for each run, or one for all
    - `method`: "auto" times a step of both on the first batch and takes the quicker, so that the last digits may
      differ from one call to the next; "stacked" stacks whatever can be; "loop" never does
    - `progress`: called with (steps done, steps in all), where runs that are stacked count once

    Errors: those of `train`, and `ArgumentError` for lists that do not match.

    >>> modules = [nn.Linear(2, 1, bias=False) for _ in range(2)]
    >>> with torch.no_grad():
    ...     for value, module in enumerate(modules):
    ...         _ = module.weight.fill_(value)
    >>> descent = Descent(loss="mse", learning_rate=1.0, momentum=0.0, epochs=1, schedule="constant")
    >>> states = train_many(modules, torch.eye(2), torch.tensor([3.0, 5.0]), descent, method="stacked")
    >>> [state.module.weight.tolist() for state in states]
    [[[1.5, 2.5]], [[2.0, 3.0]]]
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    starts, settings = _paired(modules, descents)
    x = check_inputs(x)
    rows = count_rows(x)
    y = (
        check_targets(y, settings[0].loss, rows=rows)
        if len({d.loss for d in settings}) == 1
        else torch.as_tensor(y)
    )
    kinds: dict[Any, list[int]] = {}
    for i, (start, descent) in enumerate(zip(starts, settings)):
        inner = start.module if isinstance(start, Network) else start
        kinds.setdefault((replace(descent, seed=0), repr(inner), type(start)), []).append(i)
    groups = [kind[i : i + MOST] for kind in kinds.values() for i in range(0, len(kind), MOST)]
    total = sum(settings[group[0]].steps(rows=rows) for group in groups)
    states: dict[int, TrainingState] = {}
    done = 0
    for group in groups:
        steps = settings[group[0]].steps(rows=rows)
        hear = None if progress is None else lambda step, before=done: progress(before + step, total)
        found = None
        if len(group) > 1 and method != "loop":
            found = _stacked([starts[i] for i in group], x, y, [settings[i] for i in group], method, hear)
        if found is None:
            found = [
                train(starts[i], x, y, settings[i], progress=hear and _share(hear, at, len(group), steps))
                for at, i in enumerate(group)
            ]
        states.update(zip(group, found))
        done += steps
    return [states[i] for i in range(len(starts))]


def _share(hear: Callable[[int], None], at: int, group: int, steps: int) -> Callable[[int, int], None]:
    """Progress of one of the runs of a group that counts once."""
    return lambda step, _: hear((at * steps + step) // group)


def _stacked(
    starts: list[nn.Module | Network],
    x: Inputs,
    y: Tensor,
    descents: list[Descent],
    method: str,
    hear: Callable[[int], None] | None,
) -> list[TrainingState] | None:
    """The states of a stack, or None where the runs are not to be stacked; nothing given is changed."""
    with torch.inference_mode(False), torch.enable_grad(), seeded_randomness(0):
        prepared = _prepare(starts, x, y, descents, method)
        if prepared is None:
            return None
        stack, flags = prepared
        anchors = [
            anchor_of(m, {n: p for n, p in m.named_parameters() if n in stack.moving}) for m in stack.modules
        ]
        histories = _descend(stack, _stack_anchors(anchors), x, y, descents, hear)
        stack.unstack()
        index = torch.stack([next(batches(count_rows(x), descent)) for descent in descents])
        if not stack.agrees_with_its_modules(_batch(stack, x, index)):
            return None
    states = []
    for module, anchor, flag, history in zip(stack.modules, anchors, flags, histories):
        for name, part in module.named_modules():
            part.training = flag[name]
        moved = {name: p for name, p in module.named_parameters() if name in stack.moving}
        distance = distance_from(moved, anchor, history=history)
        for parameter in module.parameters():
            parameter.grad = None
        states.append(TrainingState(module, history, {}, distance))
    return states


def _prepare(
    starts: list[nn.Module | Network], x: Inputs, y: Tensor, descents: list[Descent], method: str
) -> tuple[StackedModules, list[dict[str, bool]]] | None:
    """The stack of private copies in train mode and their flags, if it stands for them and is wanted."""
    try:
        copies = [trainable_copy(start) for start in starts]
        _, names, output = copies[0]
        if any(tuple(moving) != tuple(names) or selected != output for _, moving, selected in copies):
            return None
        modules = [module for module, _, _ in copies]
        if any(_has_hooks(module) for module in modules):
            return None
        flags = [{name: part.training for name, part in module.named_modules()} for module in modules]
        for module in modules:
            if not module.training:
                module.train()
        stack = StackedModules.of(modules, list(names), output)
        loss = find_loss(descents[0].loss)
        index = torch.stack([next(batches(count_rows(x), descent)) for descent in descents])
        inputs = _batch(stack, x, index)
        f = stack(inputs)
        targets = _targets(y, descents[0].loss, f)[index].to(f.device)
        if not stack.stands_for_its_modules(loss, inputs, targets):
            return None
        if method == "auto" and not stack.is_quicker(loss, inputs, targets):
            return None
    except Exception:  # whatever a stack cannot do, one module can or says why not
        return None
    return stack, flags


def _descend(
    stack: StackedModules,
    anchor: Mapping[str, Tensor],
    x: Inputs,
    y: Tensor,
    descents: list[Descent],
    hear: Callable[[int], None] | None,
) -> list[History]:
    """Every step of all runs."""
    n, descent, loss = count_rows(x), descents[0], find_loss(descents[0].loss)
    device = next(iter(stack.moving.values())).device
    steps = ParameterDescent.of(stack.moving, anchor, descent=descent, rows=n)
    trace = Trace.start(steps.rates, runs=len(descents), device=device)
    home = tensors_of(x)[0][1].device
    for step, indices in enumerate(zip(*(batches(n, d, device=home) for d in descents), strict=True)):
        index = torch.stack(indices)
        inputs = _batch(stack, x, index)
        if step == 0:
            y = _targets(y.to(home), descent.loss, stack(inputs))
        losses = stack.losses(loss, inputs, y[index].to(device))
        trace.write(step, losses.detach())
        steps.take(step, losses.sum())
        if hear is not None:
            hear(step + 1)
    return trace.finish()


def _targets(y: Tensor, loss: str, f: Tensor) -> Tensor:
    """Targets for outputs f (R, b, c), checked, in their dtype."""
    y = check_targets(y, loss, rows=len(y), outputs=f.shape[2])
    return y.to(f.dtype) if y.is_floating_point() else y


def _batch(stack: StackedModules, x: Inputs, index: Tensor) -> Inputs:
    like = next(iter(stack.moving.values()))
    home = tensors_of(x)[0][1].device
    return placed(batches_of_all(x, index.to(home)), device=like.device, dtype=like.dtype)


def _stack_anchors(anchors: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([anchor[name] for anchor in anchors]) for name in anchors[0]}


def _has_hooks(module: nn.Module) -> bool:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(part, kind, None) for part in module.modules() for kind in kinds)


def _paired(modules: Any, descents: Any) -> tuple[list[Any], list[Descent]]:
    """As many modules as descents."""
    modules, descents = _listed(modules, (nn.Module, Network)), _listed(descents, (Descent,))
    runs = max(len(modules), len(descents))
    fits = all(len(part) in (1, runs) and part for part in (modules, descents))
    if not fits or not all(isinstance(d, Descent) for d in descents):
        raise ArgumentError(
            "descents",
            expected=f"Descents, one for each of the {len(modules)} modules or one for all",
            got=f"{len(descents)} of them",
            remedy="Repeat a module to train it by several descents.",
        )
    return modules * (runs // len(modules)), descents * (runs // len(descents))


def _listed(given: Any, kinds: tuple[type, ...]) -> list[Any]:
    """One of these kinds, or what is not even several, as a list of one."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, kinds) else [given]
