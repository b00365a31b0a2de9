"""Tiles of a kernel are the dense kernel: every flavour, in memory and on disk, checked and refused alike."""

import pytest
import torch
from torch import nn

import tangentlab as tl
from oracles.ntk_by_loops import ntk_by_loops
from tangentlab._errors import ArgumentError, NotFiniteError, NumericalError, StoreError
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.kernels.memory_budget import MemoryBudgetWarning
from tangentlab.kernels.tiles import TileMaker
from tangentlab.linalg import LinearMap


def rows(n=11):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(n), dtype=torch.float64)


def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


@pytest.mark.parametrize("outputs", [1, "trace", "mean", "sum", "full"])
@pytest.mark.parametrize("tile", [1, 3, 4, 11, 50, None])
@pytest.mark.parametrize("stored", [False, True])
def test_they_are_the_kernel_in_every_flavour(tmp_path, outputs, tile, stored):
    exact = ntk_by_loops(model(), rows(), outputs=outputs)
    if outputs == "full":
        exact = exact.transpose(1, 2).reshape(33, 33)
    gram = NeuralTangentKernel(model(), outputs=outputs).tiles(
        rows(), tile=tile, store=tmp_path / "K" if stored else None
    )
    assert torch.allclose(gram.dense(), exact) and gram.matrix.shape == exact.shape
    assert gram.trace == pytest.approx(float(exact.trace())) and gram.difference < 1e-12
    V = torch.randn(len(exact), 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.allclose(gram.matrix.matmat(V), exact @ V)


@pytest.mark.parametrize("stored", [False, True])
def test_the_full_kernel_of_one_output_is_a_kernel_too(tmp_path, stored):
    single = nn.Sequential(*list(model())[:2], nn.Linear(5, 1)).double()
    gram = NeuralTangentKernel(single).tiles(rows(), tile=4, store=tmp_path / "K" if stored else None)
    assert torch.allclose(gram.dense(), ntk_by_loops(single, rows(), outputs=0)) and gram.difference < 1e-12


@pytest.mark.parametrize("outputs", [0, "mean", "full"])
def test_tiles_of_one_size_give_the_bits_of_the_dense_kernel(outputs):
    kernel = NeuralTangentKernel(model().float(), outputs=outputs)
    x = rows(700 if outputs != "full" else 60).float()
    dense, packed = kernel.gram(x), kernel.tiles(x)
    assert torch.equal(packed.dense(), dense.matrix)
    assert (packed.fingerprint, packed.description) == (dense.fingerprint, dense.description)
    # "mean" is scaled before it is checked in tiles and after it in the whole: a rounding of 1.2e-7 apart
    assert abs(packed.difference - dense.difference) < 3e-7


def test_eigenpairs_of_tiles_are_those_of_the_dense_kernel(tmp_path):
    kernel = NeuralTangentKernel(model(), outputs="mean")
    expected = tl.eigenpairs(kernel(rows(60)), 5)
    for gram in (kernel.tiles(rows(60), tile=17), kernel.tiles(rows(60), tile=17, store=tmp_path / "K")):
        found = tl.eigenpairs(gram.matrix, 5)
        assert torch.allclose(found.values, expected.values) and found.residuals.max() < 1e-10


def test_what_other_functions_take_apart_too(tmp_path):
    x = {"input": rows()}
    kernel = NeuralTangentKernel(model(), outputs=0)
    kernel.tiles(x, store=tmp_path / "K")
    with pytest.raises(StoreError, match="other rows"):
        kernel.tiles({"input": rows() + 1e-9}, store=tmp_path / "K")
    with pytest.raises(StoreError, match="another kernel"):
        NeuralTangentKernel(model(), outputs=1).tiles(x, store=tmp_path / "K")
    with pytest.raises(StoreError, match="another method"):
        NeuralTangentKernel(model(), outputs=0, method="autograd").tiles(x, store=tmp_path / "K")
    with pytest.raises(StoreError, match="tiles of another size"):
        kernel.tiles(x, store=tmp_path / "K", tile=2)


@pytest.mark.parametrize("tile", [0, -1, 1.5, True, "ten"])
def test_a_tile_is_a_number_of_rows(tile):
    with pytest.raises(ArgumentError, match="tile"):
        NeuralTangentKernel(model(), outputs=0).tiles(rows(), tile=tile)


def test_what_is_not_one_matrix_is_refused_before_work(tmp_path):
    kernel = NeuralTangentKernel(model(), outputs="diagonal")
    for store in (None, tmp_path / "K"):
        with pytest.raises(ArgumentError, match="one matrix"):
            kernel.tiles(rows(), store=store)
    assert not (tmp_path / "K").exists()


@pytest.mark.filterwarnings("ignore::tangentlab.kernels.MemoryBudgetWarning")
def test_what_does_not_fit_is_refused_and_fits_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tangentlab.kernels.memory_budget.resident_bytes", lambda device: 0)
    kernel = NeuralTangentKernel(model(), outputs=0, memory="600KiB")
    with pytest.raises(NumericalError, match="takes"):
        kernel.tiles(rows(400))
    assert kernel.tiles(rows(400), store=tmp_path / "K", tile=100).matrix.shape == (400, 400)


def test_a_budget_that_the_process_has_used_up_gives_the_tiles_and_tells_the_one_that_would_do(tmp_path):
    for store in (None, tmp_path / "K"):
        with pytest.warns(MemoryBudgetWarning, match="holds .* already.*Give memory='"):
            found = NeuralTangentKernel(model(), outputs=0, memory="1MiB").tiles(rows(), store=store)
        torch.testing.assert_close(found.dense(), NeuralTangentKernel(model(), outputs=0)(rows()))


def test_overflow_is_refused_and_not_kept(tmp_path):
    x = rows(6).float()
    x[5] = 3e38
    kernel = NeuralTangentKernel(nn.Linear(4, 1), outputs=0)
    for store in (None, tmp_path / "K"):
        with pytest.raises(NotFiniteError):
            kernel.tiles(x, store=store, tile=2)
    assert (2, 2) in kernel.tile_work(x, store=tmp_path / "K").missing()


def test_a_wrong_tile_is_found_by_the_check_on_autograd(tmp_path, monkeypatch):
    made = TileMaker.matrix
    monkeypatch.setattr(TileMaker, "matrix", lambda self, pair, *, out=None: made(self, pair, out=out).mul_(1.5))
    for store in (None, tmp_path / "K"):
        with pytest.raises(NumericalError, match="differs from plain autograd"):
            NeuralTangentKernel(model(), outputs=0).tiles(rows(), store=store, tile=3)


def test_the_global_generator_and_the_model_are_untouched():
    before, net = torch.random.get_rng_state(), model()
    kept = [tensor.clone() for tensor in net.parameters()]
    NeuralTangentKernel(net, outputs=0).tiles(rows(), tile=4)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(kept, net.parameters()))


def test_a_tiled_gram_goes_where_a_kernel_is_known_by_its_products():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(20, 4, generator=draw, dtype=torch.float64)
    gram = NeuralTangentKernel(torch.nn.Linear(4, 2).double()).tiles(x, tile=7)
    dense = gram.dense()
    assert gram.shape == (40, 40) and gram.dtype == torch.float64 and gram.device == dense.device
    assert torch.equal(gram.diagonal(), dense.diagonal())
    found = LinearMap.of(gram)
    vectors = torch.randn(40, 3, generator=draw, dtype=torch.float64)
    torch.testing.assert_close(
        found(vectors), dense @ vectors, rtol=0, atol=1e-12
    )  # sums of 40 numbers of size 10
    assert torch.equal(found.diagonal(), dense.diagonal())


class Recurrent(nn.Module):
    """On CPUs a fused kernel in float32, and products that the graph shows in float64, in which it is inspected."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTM(4, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])


@pytest.mark.parametrize("stored", [False, True])
def test_what_float32_computes_otherwise_than_float64_takes_the_general_route(tmp_path, stored):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Recurrent()
    x = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    exact = ntk_by_loops(model.double(), x.double(), outputs=0)
    kernel = NeuralTangentKernel(model.float(), outputs=0)
    for _ in range(2 if stored else 1):  # and a store is found again
        gram = kernel.tiles(x, tile=2, store=tmp_path / "K" if stored else None)
        # float32 rounds sums of a few hundred terms
        assert float((gram.dense() - exact).abs().max()) < 2e-6 * float(exact.max())
