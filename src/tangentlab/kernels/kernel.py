"""NeuralTangentKernel: the tangent kernel of a network at its anchor, as a function of two batches.

Formula   Θ(x, x') = J(x) J(x')ᵀ          Jacot, Gabriel & Hongler 2018; empirical: at finite width, at one θ0
Cost      one forward and q backward passes for each row, then the contraction of `contraction.cheapest`
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tangentlab._cluster import connected
from tangentlab._errors import ArgumentError, TangentlabError, UnknownNameError
from tangentlab._fingerprint import fingerprint
from tangentlab._shapes import expect_path
from tangentlab.kernels.block_plan import STORAGES, held_bytes
from tangentlab.kernels.cluster_tiles import run_on_cluster
from tangentlab.kernels.dense_kernel import DenseKernel, dense_kernel
from tangentlab.kernels.device_tiles import Devices, check_devices
from tangentlab.kernels.forecast import forecast
from tangentlab.kernels.gram import Gram
from tangentlab.kernels.inspection import Inspection
from tangentlab.kernels.memory_budget import Room
from tangentlab.kernels.operator import KernelOperator
from tangentlab.kernels.output_flavour import Outputs, check_outputs, output_flavour, refuse_no_matrix
from tangentlab.kernels.plan import Plan
from tangentlab.kernels.reduced_precision import check_precision
from tangentlab.kernels.tile_store import refuse_full_disk
from tangentlab.kernels.tile_work import TileWork
from tangentlab.kernels.tiled_gram import TiledGram, gram_in_memory, gram_of_store
from tangentlab.kernels.tiles import Progress
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent.routes import check_method


class NeuralTangentKernel:
    """The empirical neural tangent kernel of a network at its present parameters, frozen.

    `kernel(x1, x2)` is a tensor, `.gram(x)` that of one set of rows with what it is; `.tiles(x)` holds one triangle in
    memory or on disk, `.operator(x)` multiplies without the kernel, `.plan(x)` tells beforehand what either takes.

    Parameters
    ----------
    model: module, Network or callable (see `Network`); copied, so that later training does not move the kernel
    outputs: "full", "trace", "mean", "diagonal", "sum" or the index of one output, as in `ntk`
    parameters: which of them count; default those that require gradients
    mode: "eval" to take a network that stands in train mode in its evaluation mode
    method: "auto" compares layer rules with autograd and uses each where it is right; "layer_rules", "vmap" or
        "autograd" insist on one
    memory: of the whole process: bytes, or words such as "4GiB", of which an eighth is used, with a warning, where the
        process holds that already; default a share of what is free
    dtype: float64 or float32 to compute in another precision than the parameters'
    precision: "float32", nothing rounded; "tf32" (CUDA) or "bf16" for products of rounded factors: see
        `reduced_precision`. What that costs is measured on a sub-block, kept in `Gram.rounding`, refused above 2e-3
        or 1e-2 of the largest number, and part of the kernel's identity
    devices: several of one kind, such as ["cuda:0", "cuda:1"], that take tiles in turn, a replica of the network on
        each; `memory` is then that of one of them. Default: the module's own. The kernel lies where the module does

    >>> kernel = NeuralTangentKernel(torch.nn.Linear(3, 2, bias=False), outputs="trace")
    >>> kernel(torch.eye(3)).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]]
    """

    def __init__(
        self,
        model: Any,
        *,
        outputs: Outputs = "full",
        parameters: Any = None,
        mode: str | None = None,
        method: str = "auto",
        memory: int | str | None = None,
        dtype: torch.dtype | None = None,
        devices: Devices | None = None,
        precision: str = "float32",
    ):
        self.outputs = check_outputs(outputs)
        check_method(method)
        self.network = Network(model, parameters=parameters, mode=mode).to(dtype=dtype)
        self.method = method
        self.memory = memory
        self.devices = check_devices(devices)
        on = self.devices[0] if self.devices else self.network.device
        self.precision = check_precision(precision, dtype=self.network.dtype, device=on)

    def __call__(self, x1: Inputs, x2: Inputs | None = None, *, progress: Progress | None = None) -> Tensor:
        """Θ(x1, x2) in the network's dtype; symmetric, and half the work, when `x2` is None."""
        return self._evaluate(x1, x2, progress).values

    def gram(self, x: Inputs, *, progress: Progress | None = None) -> Gram:
        """Θ(x, x) with its identity and its check."""
        found = self._evaluate(x, None, progress)
        description = f"{self.describe()}; {found.routes}"
        if self.precision != "float32":
            description += f"; {found.rounding:.1e} from float32 on a sub-block"
        return Gram(
            values=found.values,
            outputs=self.outputs,
            description=description,
            fingerprint=self.fingerprint,
            difference=found.difference,
            precision=self.precision,
            rounding=found.rounding,
        )

    @outside_inference_mode()
    def plan(self, x1: Inputs, x2: Inputs | None = None, *, storage: str = "dense") -> Plan:
        """What Θ(x1, x2) will take, before anything long runs: forms, operations, peak bytes and seconds.

        Makes the checks on a few rows and measures the machine for a second or a few; see `Plan` for what is counted.
        `storage` is "dense" for the kernel as a tensor, "packed" or "disk" for `tiles` in memory or in a store.

        >>> print(NeuralTangentKernel(torch.nn.Linear(2, 1), outputs=0).plan(torch.eye(2)).describe())
        empirical NTK (output 0) of Linear, 3 of 3 parameters in 2 tensors...
        """
        if storage not in STORAGES:
            raise UnknownNameError("storage", storage, STORAGES)
        x1, x2 = self._checked(x1, x2, storage=storage)
        with preserved_random_state(self.network.device):
            return forecast(
                lambda: self._inspect(self.network, x1, x2),
                x1,
                x2,
                kernel=self.describe(),
                memory=self.memory,
                storage=storage,
            )

    @outside_inference_mode()
    def tiles(
        self,
        x: Inputs,
        *,
        store: Path | str | None = None,
        tile: int | None = None,
        scheduler: Any = None,
        progress: Progress | None = None,
    ) -> TiledGram:
        """Θ(x, x) as the tiles of its upper triangle: packed in memory, or in the folder `store` for n beyond it.

        A store is carried on where a kill has left it, and gives the same numbers, bit for bit, on the same machine
        with the same number of threads; of another kernel or other rows it is refused, and tiles that do not match
        their checksums are computed again. `tile` rows make a tile, by default as many as suit the memory. The
        numbers are those of `gram(x).matrix` to rounding, and the same where the tiles are.

        scheduler: of a Dask cluster whose workers compute the tiles: an address, a scheduler file, a `Client` or a
            cluster object. The store is then a folder that all of them share, `memory` that of one worker

        >>> kernel = NeuralTangentKernel(torch.nn.Linear(3, 1, bias=False), outputs=0)
        >>> kernel.tiles(torch.eye(3)).matrix.matmat(torch.ones(3, 1)).flatten().tolist()
        [1.0, 1.0, 1.0]
        """
        store = None if store is None else expect_path("store", store)
        if scheduler is not None:
            if store is None:
                raise ArgumentError(
                    "store",
                    expected="a folder that all workers share",
                    got="none",
                    remedy="Give store='kernel' on a shared file system.",
                )
            with connected(scheduler) as cluster:
                memory = self.memory if self.memory is not None else cluster.memory_of_one()
                work = self.tile_work(x, store=store.resolve(), tile=tile, memory=memory)
                return gram_of_store(run_on_cluster(work, cluster=cluster, progress=progress))
        if store is not None:
            x = check_inputs(x)
            self._refuse(x, None, result=0)
            work = self.tile_work(x, store=store, tile=tile)
            with preserved_random_state(self.network.device):
                return gram_of_store(work.run(devices=self.devices, progress=progress))
        refuse_no_matrix(self.outputs)
        tile = _check_tile(tile)
        x, _ = self._checked(x, None, storage="packed", block=tile)
        with preserved_random_state(self.network.device):
            return gram_in_memory(
                self._inspect(self._first, x, None),
                x,
                kernel=self.fingerprint,
                description=self.describe(),
                tile=tile,
                memory=self.memory,
                devices=self.devices,
                home=self.network.device,
                progress=progress,
            )

    @outside_inference_mode()
    def tile_work(
        self, x: Inputs, *, store: Path | str, tile: int | None = None, memory: int | str | None = None
    ) -> TileWork:
        """The tiles of Θ(x, x) that the folder `store` still lacks, to be computed here or by other processes.

        See `TileWork`; `tiles(x, store=...)` is all of it in one call.
        """
        refuse_no_matrix(self.outputs)
        x, tile, store = check_inputs(x), _check_tile(tile), expect_path("store", store)
        refuse_full_disk(store, need=self._result_bytes(x, None, storage="packed", block=tile))
        with preserved_random_state(self.network.device):
            return TileWork.begin(
                self._inspect(self._first, x, None),
                x,
                kernel=self.fingerprint,
                description=self.describe(),
                path=store,
                tile=tile,
                memory=self.memory if memory is None else memory,
            )

    def operator(self, x: Inputs, *, memory: int | str | None = None, way: str = "auto") -> KernelOperator:
        """Θ(x, x) by its products alone, Θ V = J (Jᵀ V): for n beyond memory and disk, or for a few products.

        A torch callable on vectors and blocks of vectors, a SciPy operator by `.scipy()`, and taken wherever a kernel
        is known by its products. A product costs about what a training step on all rows does, so that a kernel that
        fits is quicker to compute once. `memory` bounds what a product takes beside V itself, by default the kernel's
        or "1GiB"; `way` insists on "products" or "rows".

        >>> kernel = NeuralTangentKernel(torch.nn.Linear(2, 3, bias=False), outputs="trace")
        >>> kernel.operator(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))(torch.eye(2)).tolist()
        [[15.0, 33.0], [33.0, 75.0]]
        """
        if self.precision != "float32":
            raise ArgumentError(
                "precision",
                expected="'float32' for products without the kernel, which have no factors to round",
                got=self.precision,
                remedy="Leave precision out.",
            )
        memory = memory if memory is not None else self.memory if self.memory is not None else "1GiB"
        return KernelOperator.of(self.network, x, outputs=self.outputs, memory=memory, way=way)

    def __repr__(self) -> str:
        return f"NeuralTangentKernel({self.describe()})"

    def describe(self) -> str:
        """What this kernel is, in words."""
        flavour = f"output {self.outputs}" if isinstance(self.outputs, int) else f"'{self.outputs}'"
        words = f"empirical NTK ({flavour}) of {self.network.describe()}"
        return words if self.precision == "float32" else f"{words}, products of factors in {self.precision}"

    @property
    def fingerprint(self) -> str:
        """Identity of the kernel: its anchor by content, and its flavour."""
        identity = {"kernel": "empirical-ntk", "network": self.network.fingerprint, "outputs": self.outputs}
        return fingerprint(identity if self.precision == "float32" else identity | {"precision": self.precision})

    @outside_inference_mode()
    def _evaluate(self, x1: Inputs, x2: Inputs | None, progress: Progress | None) -> DenseKernel:
        x1, x2 = self._checked(x1, x2)
        with preserved_random_state(self.network.device):
            return dense_kernel(
                self._inspect(self._first, x1, x2),
                x1,
                x2,
                network=self.network,
                memory=self.memory,
                devices=self.devices,
                progress=progress,
            )

    def _inspect(self, network: Network, x1: Inputs, x2: Inputs | None) -> Inspection:
        return Inspection.of(network, x1, x2, outputs=self.outputs, method=self.method, precision=self.precision)

    def _checked(
        self, x1: Inputs, x2: Inputs | None, *, storage: str = "dense", block: int | None = None
    ) -> tuple[Inputs, Inputs | None]:
        """Inputs as they must be, for a kernel that can be held: both refused before anything takes time."""
        x1 = check_inputs(x1, name="x1")
        x2 = None if x2 is None else check_inputs(x2, name="x2")
        result = self._result_bytes(x1, x2, storage=storage, block=block)
        self._refuse(x1, x2, result=result)
        return x1, x2

    def _refuse(self, x1: Inputs, x2: Inputs | None, *, result: int) -> None:
        """Refuse or tell what this process cannot hold; the budget of devices apart from it says nothing of that."""
        home = self.network.device
        apart = bool(self.devices) and self.devices[0].type != home.type
        room = Room.on(home, None if apart else self.memory)
        room.refuse(count_rows(x1), count_rows(x1 if x2 is None else x2), result=result)

    def _result_bytes(self, x1: Inputs, x2: Inputs | None, *, storage: str, block: int | None) -> int:
        rows, columns = count_rows(x1), count_rows(x1 if x2 is None else x2)
        numbers, item = self._numbers(x1), self.network.dtype.itemsize
        return held_bytes(rows, columns, numbers=numbers, item=item, storage=storage, block=block)

    def _numbers(self, x: Inputs) -> int:
        """Numbers for each pair of rows, by a look at the outputs of one row where the flavour depends on them."""
        if self.outputs not in ("full", "diagonal"):
            return 1
        with suppress(TangentlabError):  # what fails here is looked into, and told, by the inspection
            outputs = self._first(take_rows(x, slice(0, 1))).shape[1]
            return output_flavour(self.outputs, outputs=outputs).numbers
        return 1

    @property
    def _first(self) -> Network:
        """The network where its tiles are computed, on the first of several devices."""
        return self.network.on(self.devices[0]) if self.devices else self.network


def _check_tile(tile: int | None) -> int | None:
    if tile is not None and (isinstance(tile, bool) or not isinstance(tile, int) or tile < 1):
        raise ArgumentError("tile", expected="a number of rows", got=tile, remedy="Leave it out, or try 1000.")
    return tile
