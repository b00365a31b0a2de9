"""Inspection: what has to be known of a network, from a few rows, before its kernel is computed on many."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ShapeError
from tangentlab.kernels.block_plan import held_bytes, plan_blocks
from tangentlab.kernels.footprint import Footprint
from tangentlab.kernels.layer_terms import TermMaker
from tangentlab.kernels.memory_budget import Room
from tangentlab.kernels.output_flavour import OutputFlavour, Outputs, output_flavour
from tangentlab.kernels.process_memory import AMPLE, keep_freed, settle
from tangentlab.kernels.structure_memory import StructureMemory, StructureVerdict
from tangentlab.kernels.tiles import TileMaker
from tangentlab.networks.data_dependence import reads_its_data
from tangentlab.networks.inputs import Inputs, concatenate_rows, count_rows, take_rows, tensors_of
from tangentlab.networks.network import Network
from tangentlab.networks.safety import FEW, in_double, inspect_network, some_rows
from tangentlab.networks.structure import structure
from tangentlab.tangent.routes import Routes, find_routes, refuse_uncovered


@dataclass(frozen=True, eq=False)
class Inspection:
    """The flavour for this network's outputs and a route for each parameter, compared with autograd on `samples`.

    >>> import torch
    >>> found = Inspection.of(Network(torch.nn.Linear(2, 3)), torch.eye(2), None, outputs="mean", method="auto")
    >>> found.flavour.count, found.flavour.contraction, found.wary
    (3, 'trace', False)
    """

    network: Network
    samples: list[Inputs]
    """A few placed rows: of both batches, together where they have one structure."""
    flavour: OutputFlavour
    routes: Routes
    wary: bool
    """Whether the network reads its data, so that a few rows do not speak for the others."""
    method: str
    key: Hashable | None
    """All that this depends on; None if that cannot be seen from outside."""
    precision: str = "float32"
    """In which kernels are contracted, see `reduced_precision`."""

    @staticmethod
    def of(
        network: Network,
        x1: Inputs,
        x2: Inputs | None,
        *,
        outputs: Outputs,
        method: str,
        precision: str = "float32",
    ) -> Inspection:
        """That of a network for a kernel between `x1` and `x2`, or on `x1` alone; refuses a network that has none."""
        samples = [network.place(few) for few in _samples(x1, x2)]
        key = _all_that_matters(network, x1, x2, method)
        verdict = _VERDICTS.recall(key)
        if verdict is None or not _still_stands(verdict, network, samples):
            exact, exact_samples = _exact(network, samples)
            found = _outputs(exact, exact_samples)
            flavour = output_flavour(outputs, outputs=found)
            routes = find_routes(exact, exact_samples, method=method)
            verdict = StructureVerdict(found, routes, any(reads_its_data(exact, few) for few in exact_samples))
            _VERDICTS.remember(key, verdict)
            settle(
                network.device
            )  # what the checks have freed, in double precision, is more than a kernel may need
        flavour = output_flavour(outputs, outputs=verdict.outputs)
        return Inspection(network, samples, flavour, verdict.routes, verdict.wary, method, key, precision)

    def without(self, names: Collection[str]) -> Inspection:
        """The same with the general route, right for any path, for the parameters `names`."""
        if self.method == "layer_rules":
            refuse_uncovered(tuple(names))
        exact, samples = _exact(self.network, self.samples)
        routes = self.routes.without(names, network=exact, samples=samples)
        return replace(self, routes=routes, key=None)

    def maker(self, *, columns: int) -> tuple[TermMaker, int]:
        """What makes the terms of any block of rows, for a kernel of so many columns; and the bytes of a row's."""
        return TermMaker.plan(
            self.network,
            routes=self.routes,
            cotangents=self.flavour.cotangents(like=next(iter(self.network.parameters.values()))),
            contraction=self.flavour.contraction,
            samples=self.samples,
            columns=columns,
            wary=self.wary,
        )

    def footprint(self, *, columns: int) -> Footprint:
        """The same maker with the bytes and operations of a row and of a tile, counted on one row."""
        key = None if self.key is None else (self.key, self.flavour, columns)
        found = _FOOTPRINTS.recall(key)
        if found is None:
            found = Footprint.of(self.maker(columns=columns)[0], self.samples, self.flavour)
            _FOOTPRINTS.remember(key, found)
            settle(self.network.device)
        return found.of_network(self.network)

    def tiles(
        self,
        x1: Inputs,
        x2: Inputs | None,
        *,
        memory: int | str | None,
        storage: str = "dense",
        block: int | None = None,
        step: int | None = None,
    ) -> TileMaker:
        """What computes the kernel's tiles within `memory`; `storage` says what stays there, see `held_bytes`.

        `block` rows a tile, and terms made `step` rows at a time, where these are given; else as the memory allows.
        """
        rows, columns, flavour = count_rows(x1), count_rows(x1 if x2 is None else x2), self.flavour
        footprint = self.footprint(columns=columns)
        side = flavour.count if flavour.contraction == "full" else 1
        result = held_bytes(
            rows, columns, numbers=flavour.numbers, item=self.network.dtype.itemsize, storage=storage, block=block
        )
        room = Room.on(self.network.device, memory)
        if room.stated is None and room.bytes >= AMPLE:
            keep_freed(self.network.device, room=room.bytes)
        plan = plan_blocks(
            rows=rows,
            columns=columns,
            side=side,
            symmetric=x2 is None,
            term_bytes=footprint.term_bytes,
            most_bytes=footprint.most_bytes,
            room=room.beside(result),
            block=block,
        )
        room.tell_of(plan.bytes, result=result)
        maker = replace(footprint.maker, precision=self.precision)
        return TileMaker(maker, x1, x2, flavour, plan if step is None else replace(plan, step=step))


_VERDICTS = StructureMemory[StructureVerdict]()
_FOOTPRINTS = StructureMemory[Footprint]()


def _all_that_matters(network: Network, x1: Inputs, x2: Inputs | None, method: str) -> Hashable | None:
    """What a verdict depends on; None if that cannot be seen from outside."""
    built = structure(network)
    rows = tuple(min(count_rows(x), FEW) for x in (x1, x2) if x is not None)
    inputs = tuple(tuple(_structure(x)) for x in (x1, x2) if x is not None)
    autocast = torch.is_autocast_enabled(network.device.type)
    return None if built is None else (built, rows, inputs, method, autocast, network.dtype)


def _still_stands(verdict: StructureVerdict, network: Network, samples: list[Inputs]) -> bool:
    """Whether the outputs on these rows are finite and as many as they were."""
    found = [network(few) for few in samples]
    return all(f.shape[1] == verdict.outputs and bool(torch.isfinite(f).all()) for f in found)


def _exact(network: Network, samples: list[Inputs]) -> tuple[Network, list[Inputs]]:
    """Network and rows in float64, where rounding hides nothing."""
    exact, first = in_double(network, samples[0])
    return exact, [first, *(exact.place(few) for few in samples[1:])]


def _outputs(network: Network, samples: list[Inputs]) -> int:
    found = [inspect_network(network, few).outputs for few in samples]
    if len(set(found)) > 1:
        raise ShapeError(
            "x2",
            expected=f"rows that give {found[0]} outputs, as those of x1 do",
            got=f"rows that give {found[1]}",
            remedy="Compare rows of one shape, or select outputs with Network(model, output=...).",
        )
    return found[0]


def _samples(x1: Inputs, x2: Inputs | None) -> list[Inputs]:
    """A few rows to judge the network on: of both batches, together where they have one structure."""
    if x2 is None:
        return [take_rows(x1, some_rows(count_rows(x1)))]
    some = take_rows(x1, some_rows(count_rows(x1), count=2)), take_rows(x2, some_rows(count_rows(x2), count=2))
    return [concatenate_rows(*some)] if _structure(x1) == _structure(x2) else list(some)


def _structure(x: Inputs) -> list[Any]:
    tensors = [(name, tensor.shape[1:], tensor.dtype, tensor.device) for name, tensor in tensors_of(x)]
    others = [] if isinstance(x, Tensor) else [repr(v) for v in _values(x) if not isinstance(v, Tensor)]
    return [type(x).__name__, *tensors, *others]


def _values(x: Inputs) -> list[Any]:
    return list(x.values() if isinstance(x, Mapping) else x)
