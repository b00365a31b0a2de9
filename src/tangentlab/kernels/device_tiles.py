"""Tiles on several devices of one process: a replica of the network on each, a thread for each, tiles in turn.

A device owns strips of block rows (see `tile_strips`), so that the terms it has made serve many tiles. A tile depends
on nothing but its rows, the network and the plan: on equal devices the numbers are those of one device.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab.kernels.tile_strips import Strips
from tangentlab.kernels.tiles import Pair, Progress, TileMaker
from tangentlab.networks.evaluation import differentiable_arithmetic, preserved_random_state

Devices = Sequence[str | torch.device]


def check_devices(devices: Devices | None) -> tuple[torch.device, ...]:
    """The devices named, of one kind and all there.

    >>> check_devices(["cpu", "cpu"]), check_devices(None)
    ((device(type='cpu'), device(type='cpu')), ())
    """
    if devices is None:
        return ()
    if isinstance(devices, (str, torch.device)):
        devices = [devices]
    try:
        found = tuple(torch.device(device) for device in devices)
    except (RuntimeError, TypeError) as error:
        raise _refusal(devices) from error
    count = {"cpu": None, "cuda": torch.cuda.device_count()}
    if not found or len({device.type for device in found}) > 1 or found[0].type not in count:
        raise _refusal(devices)
    there = count[found[0].type]
    if there is not None:
        found = tuple(torch.device("cuda", device.index or 0) for device in found)
        if any(device.index >= there for device in found):
            raise _refusal(devices)
    return found


def _refusal(devices: Any) -> ArgumentError:
    have = torch.cuda.device_count()
    return ArgumentError(
        "devices",
        expected="devices of one kind that are there",
        got=devices,
        remedy=f"Here are the CPU and {have} CUDA devices: try "
        + (f"{[f'cuda:{i}' for i in range(have)]}." if have else "leaving it out."),
    )


@dataclass(frozen=True, eq=False)
class DeviceTiles:
    """The same tiles from several makers, one a device.

    >>> from tangentlab.kernels.inspection import Inspection
    >>> from tangentlab.networks import Network
    >>> found = Inspection.of(Network(torch.nn.Linear(2, 1)), torch.eye(2), None, outputs=0, method="auto")
    >>> on_two = DeviceTiles.of(found.tiles(torch.eye(2), None, memory=None, block=1), check_devices(["cpu", "cpu"]))
    >>> K = torch.zeros(2, 2)
    >>> on_two.each([(0, 0), (0, 1), (1, 1)], lambda maker, pair: K[pair].copy_(maker.tile(pair)[0, 0]))
    >>> K.tolist()
    [[2.0, 1.0], [0.0, 2.0]]
    """

    makers: tuple[TileMaker, ...]

    @staticmethod
    def of(tiles: TileMaker, devices: Collection[torch.device]) -> DeviceTiles:
        """The makers of `tiles` with a replica of its network on each device; `tiles` itself for no devices."""
        return DeviceTiles(tuple(_replica(tiles, device) for device in devices) or (tiles,))

    def each(
        self,
        pairs: Collection[Pair],
        put: Callable[[TileMaker, Pair], Any],
        *,
        done: Callable[[Pair], Any] = lambda pair: None,
    ) -> None:
        """`put(maker, pair)` for every tile, on the thread of the maker's device; `done(pair)` afterwards, here.

        A single maker works here, in the order of `pairs`. What `put` raises ends the work of all and is raised.
        """
        if len(self.makers) == 1:
            for pair in pairs:
                put(self.makers[0], pair)
                done(pair)
            return
        kept = max(1, self.makers[0].plan.kept_blocks)
        strips = Strips.of(pairs, kept=kept, takers=len(self.makers))
        news: queue.SimpleQueue[Pair | BaseException | None] = queue.SimpleQueue()
        threads = [
            threading.Thread(
                target=_work, args=(number, maker, strips, put, news, torch.get_num_threads()), daemon=True
            )
            for number, maker in enumerate(self.makers)
        ]
        # switches of the whole process: on for all threads, so that none finds them off when another leaves
        with differentiable_arithmetic(), preserved_random_state(self.makers[0].maker.network.device):
            for thread in threads:
                thread.start()
            failures: list[BaseException] = []
            try:
                left = len(threads)
                while left:
                    told = news.get()
                    if told is None:
                        left -= 1
                    elif isinstance(told, BaseException):
                        failures.append(told)
                        strips.clear()
                    elif not failures:
                        done(told)
            finally:
                strips.clear()
                for thread in threads:
                    thread.join()
        if failures:
            raise failures[0]


def fill_on_devices(
    kernel: Tensor, tiles: TileMaker, *, devices: Collection[torch.device], progress: Progress | None = None
) -> None:
    """Write Θ(x1, x2) into `kernel`, wherever it lies, before scaling: `fill_tiles` on several devices."""
    pairs = list(tiles.pairs())
    done, total = [0], tiles.cost(pairs)

    def put(maker: TileMaker, pair: Pair) -> None:
        rows, columns = tiles.span(pair[0]), tiles.span(pair[1], right=True)
        kernel[rows, columns] = maker.tile(pair)
        if tiles.symmetric and pair[0] != pair[1]:
            kernel[columns, rows] = tiles.flavour.transpose(kernel[rows, columns])

    def told(pair: Pair) -> None:
        done[0] += tiles.cost([pair])
        if progress is not None:
            progress(done[0], total)

    DeviceTiles.of(tiles, devices).each(pairs, put, done=told)


def _work(
    number: int,
    maker: TileMaker,
    strips: Strips,
    put: Callable[[TileMaker, Pair], Any],
    news: queue.SimpleQueue[Pair | BaseException | None],
    cores: int,
) -> None:
    torch.set_num_threads(cores)  # a new thread begins with its own number, and sums round by how they are split
    device = maker.maker.network.device
    try:
        with _current(device):
            while True:
                try:
                    pair = strips.take(number)
                except IndexError:
                    break
                put(maker, pair)
                news.put(pair)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
    except BaseException as error:
        news.put(error)
    finally:
        news.put(None)


def _current(device: torch.device) -> AbstractContextManager[Any]:
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def _replica(tiles: TileMaker, device: torch.device) -> TileMaker:
    maker = tiles.maker
    network = maker.network.on(device)
    moved = replace(maker, network=network, cotangents=maker.cotangents.to(device))
    return TileMaker(moved, tiles.x1, tiles.x2, tiles.flavour, tiles.plan)
