"""The steps of descents in function space, many at once: runs that see the same batches are columns of one product.

Runs differ in targets and in every setting but the order of their batches; that order fixes which rows of K a step
reads, and reading them is what a step costs. Orders of few rows go in lockstep too, so that one call serves all.

Bytes and FLOPs an epoch   n² numbers of K for each order, 2 n² c multiplications for each run (n² c² if K is full)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from tangentlab.training.batches import batches
from tangentlab.training.descent import Descent
from tangentlab.training.gram_rows import GramRows
from tangentlab.training.history import blown_up
from tangentlab.training.loss import find_loss


@dataclass(frozen=True, eq=False)
class SpanDescent:
    """Descents in s orders of batches and r runs of each: one loss, one number of steps, one batch size.

    - `descents`: s rows of r descents, those of a row with one seed
    - `f0`, `y`: outputs at the anchor and floating targets, (s, n, c, r)
    - `start`: epochs of the descents that are over: their batches are drawn and passed by
    """

    gram: GramRows
    f0: Tensor
    y: Tensor
    descents: Sequence[Sequence[Descent]]
    start: int = 0

    def run(
        self,
        *,
        dtype: torch.dtype,
        kept: Collection[int] = (),
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Tensor, Tensor, list[list[list[float]]], dict[int, Tensor]]:
        """Coefficients a and K a, both (s, n, c, r), the loss of every step taken, by order and run, and a after each
        of the `kept` numbers of steps.

        `progress` is called with the number of steps done. Products of the steps are made in `dtype`, the last one
        in float64, and all the rest of the arithmetic is float64.
        """
        s, n, c, r = self.y.shape
        a, v = torch.zeros_like(self.y), torch.zeros_like(self.y)
        loss, example = find_loss(self.descents[0][0].loss), self.descents[0][0]
        b, per_epoch, steps = min(n, example.batch_size), example.steps_per_epoch(rows=n), example.steps(rows=n)
        rates = torch.tensor(
            [[d.learning_rates(steps) for d in row] for row in self.descents], dtype=torch.float64
        )
        rules = _Rules.of(self.descents, rates.permute(2, 0, 1)[:, :, None, None].to(a.device))
        first = self.start * per_epoch
        losses = torch.zeros(steps, s, r, dtype=torch.float64, device=a.device)
        orders = [islice(batches(n, row[0], device=a.device), first, None) for row in self.descents]
        offsets = n * torch.arange(s, device=a.device)[:, None]
        snapshots = {0: a.clone()} if 0 in kept else {}
        for epoch in range(self.start, example.epochs):
            index = torch.stack([torch.stack(list(islice(order, per_epoch))) for order in orders], 1)
            flat = (index + offsets).view(per_epoch, s * b)
            f = self.f0.reshape(s * n, c, r)[flat]
            y = self.y.reshape(s * n, c, r)[flat]
            for i, (batch, places) in enumerate(zip(index, flat)):
                f[i] += self.gram.product(batch, a, dtype=dtype).view(s * b, c, r)
                if i + 1 < per_epoch:
                    self.gram.expect(index[i + 1])
                g = loss.gradient(f[i], y[i])
                rules.step(epoch * per_epoch + i, a, v, places=places, g=g if s == 1 else s * g)
                done = epoch * per_epoch + i + 1 - first
                if done in kept:
                    snapshots[done] = a.clone()
                if progress is not None:
                    progress(done)
            seen = loss.rows(f.view(-1, c, r), y.view(-1, c, r)).view(per_epoch, s, b, r).mean(2)
            losses[epoch * per_epoch : (epoch + 1) * per_epoch] = seen
            self._refuse_infinite(losses, rates)
        change = torch.stack([self.gram.whole(of_order) for of_order in a])
        if not bool(torch.isfinite(change).all()):
            order, _, _, run = (~torch.isfinite(change)).nonzero()[0].tolist()
            rate = rates[order, run].tolist()
            raise blown_up(f"its outputs are not finite after step {steps - 1}", rate, step=steps - 1)
        return a, change, losses[first:].permute(1, 2, 0).tolist(), snapshots

    def _refuse_infinite(self, losses: Tensor, rates: Tensor) -> None:
        bad = ~torch.isfinite(losses)
        if bool(bad.any()):
            step, order, run = bad.nonzero()[0].tolist()
            value = losses[step, order, run].item()
            raise blown_up(f"its loss is {value} at step {step}", rates[order, run].tolist(), step=step)


@dataclass(frozen=True, eq=False)
class _Rules:
    """What a step does with the gradient g at its rows, each run by its own settings: tensors (s, 1, 1, r).

    v ← μv + g + wd·a; plain: a ← a − η v; Nesterov: a ← a − η (g + wd·a + μv).
    """

    momentum: Tensor | None
    """None where no run has one: then v is not needed."""
    decay: Tensor | None
    shrink: Tensor | None
    """1 − η wd where a run is Nesterov's with a decay, of every step; None if none is."""
    along: Tensor
    """−η, or −ημ where a run is Nesterov's, of every step."""
    ahead: Tensor | None
    """−η where a run is Nesterov's, of every step; None if none is."""
    rates: Tensor

    @staticmethod
    def of(descents: Sequence[Sequence[Descent]], rates: Tensor) -> _Rules:
        def each(name: str) -> Tensor:
            values = [[float(getattr(d, name)) for d in row] for row in descents]
            return torch.tensor(values, dtype=torch.float64, device=rates.device)[:, None, None]

        momentum, decay, nesterov = each("momentum"), each("weight_decay"), each("nesterov")
        decays, looks = bool(decay.any()), bool(nesterov.any())
        return _Rules(
            momentum if bool(momentum.any()) else None,
            decay if decays else None,
            1 - rates * decay * nesterov if decays and looks else None,
            -rates * (momentum * nesterov + (1 - nesterov)),
            -rates * nesterov if looks else None,
            rates,
        )

    def step(self, step: int, a: Tensor, v: Tensor, *, places: Tensor, g: Tensor) -> None:
        """One step of a and v (s, n, c, r) in place, with g (s·b, c, r) at the places (s·b,) among all s·n rows."""
        at_rows = a.view(-1, *a.shape[2:])
        if self.momentum is None:
            self._step_without_momentum(step, a, at_rows, places, g)
            return
        v.mul_(self.momentum)
        v.view(at_rows.shape).index_put_((places,), g, accumulate=True)
        if self.decay is not None:
            v.addcmul_(a, self.decay)
        if self.shrink is not None:
            a.mul_(self.shrink[step])
        a.addcmul_(v, self.along[step])
        if self.ahead is not None:
            at_rows.index_put_((places,), g * self._at(places, self.ahead[step], a), accumulate=True)

    def _step_without_momentum(self, step: int, a: Tensor, at_rows: Tensor, places: Tensor, g: Tensor) -> None:
        if self.decay is not None:
            a.mul_(1 - self.rates[step] * self.decay)
        at_rows.index_put_((places,), g * self._at(places, self.along[step], a), accumulate=True)

    def _at(self, places: Tensor, setting: Tensor, a: Tensor) -> Tensor:
        """A setting (s, 1, 1, r) at each place, (s·b, 1, r)."""
        return setting[:, 0] if len(setting) == 1 else setting[places // a.shape[1], 0]
