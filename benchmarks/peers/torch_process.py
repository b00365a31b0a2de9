"""A method that runs in this Python, ours included, behind `serve`.

python benchmarks/peers/torch_process.py METHOD WORKLOAD ROWS THREADS
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.metadata import version

import functional_transforms
import physical_limit
import torch
import torch_packages
import workloads
from serve import Clock, serve
from torch import Tensor, nn

import tangentlab as tl

Method = Callable[[nn.Module, Tensor, int | str, Clock], Tensor]


def own(module: nn.Module, x: Tensor, flavour: int | str, clock: Clock) -> Tensor:
    return tl.ntk(module, x, outputs=flavour)


class Tuned:
    """A tutorial algorithm at its best: of a few chunk sizes and both of torch's routes, the quickest at first try."""

    def __init__(self, algorithm: Callable[..., Tensor], chunks: tuple[int | None, ...]):
        self.algorithm = algorithm
        self.choices = [(chunk, fast) for chunk in chunks for fast in _routes()]
        self.best: tuple[int | None, str] | None = None

    def __call__(self, module: nn.Module, x: Tensor, flavour: int | str, clock: Clock) -> Tensor:
        if self.best is None:
            self.best = self._try(module, x, flavour)
            clock.lap(0)
        chunk, precision = self.best
        with _precision(precision):
            return self.algorithm(module, x, flavour, chunk=chunk, lap=clock.lap)

    def _try(self, module: nn.Module, x: Tensor, flavour: int | str) -> tuple[int | None, str]:
        seconds, spent = {}, 0.0
        for chunk, precision in self.choices:
            if spent > 12 or (chunk or 0) > len(x):
                continue
            start = time.perf_counter()
            with _precision(precision):
                self.algorithm(module, x, flavour, chunk=chunk)
            seconds[chunk, precision] = time.perf_counter() - start
            spent += seconds[chunk, precision]
        return min(seconds, key=seconds.__getitem__)


class _precision:
    """torch's process-wide switch of the product's route, for as long as the block lasts."""

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None:
        self.before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision(self.name)

    def __exit__(self, *_: object) -> None:
        torch.set_float32_matmul_precision(self.before)


def _routes() -> list[str]:
    """ "medium" too where this processor keeps float32 under it; the quicker one first."""
    A, B = torch.randn(2, 512, 512, generator=torch.Generator().manual_seed(0))
    exact = A.double() @ B.double()
    with _precision("medium"):
        error = float(((A @ B).double() - exact).abs().max() / exact.abs().max())
    return ["medium", "highest"] if error < 3e-6 else ["highest"]


def product(module: nn.Module, x: Tensor, flavour: int | str, clock: Clock) -> Tensor:
    """The machine's own speed, in operations a second."""
    return torch.tensor([[physical_limit.product_rate()[0]]])


METHODS: dict[str, Callable[[], Method]] = {
    "tangentlab": lambda: own,
    "product": lambda: product,
    "torch.func Jacobians": lambda: Tuned(functional_transforms.jacobian_contraction, (None, 32)),
    "torch.func products": lambda: Tuned(functional_transforms.vector_products, (4, 1)),
    "nngeometry Gram": lambda: _plain(torch_packages.nngeometry_gram),
    "nngeometry Jacobian": lambda: _plain(torch_packages.nngeometry_jacobian),
    "asdfghjkl Hadamard": lambda: _plain(torch_packages.asdfghjkl_hadamard),
    "asdfghjkl direct": lambda: _plain(torch_packages.asdfghjkl_direct),
}
"""Name to what makes the method; a fresh one in each process."""


def _plain(kernel: Callable[[nn.Module, Tensor, int | str], Tensor]) -> Method:
    return lambda module, x, flavour, clock: kernel(module, x, flavour)


_PACKAGES = ("nngeometry", "asdfghjkl")


def main() -> None:
    name, workload_name, rows, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    workload = workloads.find(workload_name)
    module, x = workloads.network(workload), workloads.inputs(workload, int(rows))
    method = METHODS[name]()

    def versions() -> dict[str, str]:
        package = name.split()[0]
        return {"torch": torch.__version__} | ({package: version(package)} if package in _PACKAGES else {})

    def pick(values: Tensor, rows: list[int]) -> Tensor:
        return values.detach()[rows][:, rows].double()

    serve(lambda clock: method(module, x, workload.flavour, clock), pick, versions=versions)


if __name__ == "__main__":
    main()
