"""A descent in parameter space: what each step does to the parameters of a module, or to those of many, stacked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tangentlab.training.descent import Descent
from tangentlab.training.history import History, blown_up


@dataclass(frozen=True, eq=False)
class ParameterDescent:
    """Parameters that move, the optimizer and the rates that move them, and the anchor that weight decay pulls to.

    Optimizers work entry by entry, so that one on stacked parameters is one on each.

    >>> w = nn.Parameter(torch.tensor([4.0]))
    >>> descent = Descent(learning_rate=0.5, momentum=0.0, weight_decay=0.25, epochs=1)
    >>> steps = ParameterDescent.of({"w": w}, {"w": torch.zeros(1)}, descent=descent, rows=1)
    >>> steps.take(0, (w - 1).square().sum() / 2)  # the gradient is 3, that of the penalty 1
    >>> w.item(), steps.rates
    (2.0, [0.5])
    """

    moving: Mapping[str, Tensor]
    anchor: Mapping[str, Tensor]
    weight_decay: float
    optimizer: torch.optim.Optimizer
    rates: list[float]
    """The learning rate of every step."""

    @staticmethod
    def of(
        moving: Mapping[str, Tensor], anchor: Mapping[str, Tensor], *, descent: Descent, rows: int
    ) -> ParameterDescent:
        """The steps of a descent on so many rows; `anchor` has the names of `moving`."""
        rates = descent.learning_rates(descent.steps(rows=rows))
        return ParameterDescent(
            moving, anchor, descent.weight_decay, optimizer_of(list(moving.values()), descent), rates
        )

    def take(self, step: int, loss: Tensor) -> None:
        """Take a step down the gradient of a loss and of weight_decay · ½‖θ − θ0‖²."""
        self.optimizer.zero_grad()
        loss.backward()
        if self.weight_decay:
            for name, parameter in self.moving.items():
                if parameter.grad is not None:
                    parameter.grad.add_(parameter.detach() - self.anchor[name], alpha=self.weight_decay)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rates[step]
        self.optimizer.step()


def optimizer_of(parameters: list[Tensor], descent: Descent) -> torch.optim.Optimizer:
    """The optimizer of a descent, without its penalty and its schedule.

    >>> type(optimizer_of([nn.Parameter(torch.zeros(1))], Descent(optimizer="adam"))).__name__
    'Adam'
    """
    rate, momentum = descent.learning_rate, descent.momentum
    if descent.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=rate, betas=(momentum, 0.999))
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum, nesterov=descent.nesterov)


def anchor_of(module: nn.Module, moving: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Where weight decay pulls to, one tensor for each parameter that moves: `module.anchor`, else where it is now."""
    given = getattr(module, "anchor", None)
    given = given if isinstance(given, Mapping) else {}
    return {name: given.get(name, parameter).detach().clone() for name, parameter in moving.items()}


def distance_from(moving: Mapping[str, Tensor], anchor: Mapping[str, Tensor], *, history: History) -> float:
    """‖θ − θ0‖ over the parameters that moved; a descent after which it is not finite is refused.

    >>> distance_from({"w": torch.tensor([3.0, 4.0])}, {"w": torch.zeros(2)}, history=History((0.1,), (0.5,)))
    5.0
    """
    squares = [(p.detach().double() - anchor[name].double()).square().sum() for name, p in moving.items()]
    distance = torch.stack(squares).sum().sqrt()
    if not bool(torch.isfinite(distance)):
        last = len(history.learning_rate) - 1
        raise blown_up(f"its parameters are not finite after step {last}", list(history.learning_rate), step=last)
    return distance.item()
