"""TF32 and bfloat16 by request: what is rounded, what it costs, and that nothing else changes."""

import threading

import pytest
import torch
from torch import nn

from oracles.ntk_by_loops import ntk_by_loops
from tangentlab._errors import ArgumentError, NumericalError, UnknownNameError
from tangentlab.kernels import NeuralTangentKernel, ntk
from tangentlab.kernels import reduced_precision as reduced
from tangentlab.kernels.reduced_precision import check_precision, contracting

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3),
        nn.BatchNorm2d(6),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(216, 20),
        nn.Tanh(),
        nn.Linear(20, 3),
    ).eval()


def rows(n=9, shape=(1, 8, 8)):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("outputs", ["full", "trace", "diagonal", "sum", 1])
@pytest.mark.parametrize("two", [False, True])
def test_a_kernel_in_bfloat16_is_the_kernel_to_bfloat16_and_not_better(outputs, two):
    x1, x2 = rows(), rows(4) if two else None
    exact = ntk(network(), x1, x2, outputs=outputs, dtype=torch.float64)
    found = ntk(network(), x1, x2, outputs=outputs, precision="bf16")
    error = float((found - exact).abs().max() / exact.abs().max())
    assert found.dtype == torch.float32
    assert 1e-5 < error < 1e-2  # half a unit of 8 bits is 2e-3 for each factor; sums average it


def test_what_was_lost_is_measured_and_recorded():
    x = rows(8)
    exact = ntk_by_loops(network().double(), x.double(), outputs="trace")
    gram = NeuralTangentKernel(network(), outputs="trace", precision="bf16").gram(x)
    error = float((gram.values - exact).abs().max() / exact.abs().max())
    assert gram.precision == "bf16"
    assert gram.rounding == pytest.approx(error, abs=2e-6)  # all 8 rows are in the sub-block
    assert "in bf16" in gram.description and f"{gram.rounding:.1e} from float32" in gram.description
    plain = NeuralTangentKernel(network(), outputs="trace").gram(x)
    assert (plain.precision, plain.rounding) == (
        "float32",
        0.0,
    ) and "float32 on a sub-block" not in plain.description


def test_precision_is_part_of_the_identity_and_the_default_leaves_it_alone():
    kernels = [NeuralTangentKernel(network(), outputs=0, **options) for options in (
        {}, {"precision": "float32"}, {"precision": "bf16"},
    )]  # fmt: skip
    plain, same, rounded = (kernel.fingerprint for kernel in kernels)
    assert plain == same != rounded


def test_tiles_in_memory_and_in_a_store_are_rounded_alike(tmp_path):
    x = rows(24)
    kernel = NeuralTangentKernel(network(), outputs="trace", precision="bf16")
    dense = kernel.gram(x)
    packed = kernel.tiles(x, tile=8)
    stored = kernel.tiles(x, tile=8, store=tmp_path / "kernel")
    again = kernel.tiles(x, tile=8, store=tmp_path / "kernel")
    for tiled in (packed, stored, again):
        torch.testing.assert_close(torch.as_tensor(tiled.dense()), dense.values, rtol=1e-5, atol=1e-5)
        assert 0 < tiled.rounding < 1e-2 and tiled.fingerprint == kernel.fingerprint
    assert again.rounding == stored.rounding


def test_a_kernel_that_rounding_has_moved_too_far_is_refused(monkeypatch):
    monkeypatch.setitem(reduced.TOLERANCES, "bf16", 1e-7)
    with pytest.raises(NumericalError, match=r"off by .* of its largest number.*precision='float32'"):
        NeuralTangentKernel(network(), outputs=0, precision="bf16").gram(rows())
    ntk(network(), rows(), outputs=0)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"precision": "fp8"}, UnknownNameError),
        ({"precision": "tf32"}, ArgumentError),  # of which a CPU has none
        ({"precision": "bf16", "dtype": torch.float64}, ArgumentError),
    ],
)
def test_precisions_that_mean_nothing_are_refused_before_any_work(options, error):
    with pytest.raises(error, match="precision"):
        NeuralTangentKernel(network(), outputs=0, **options)


def test_products_without_a_kernel_have_nothing_to_round():
    with pytest.raises(ArgumentError, match="no factors to round"):
        NeuralTangentKernel(network(), outputs=0, precision="bf16").operator(rows())


def test_a_plan_is_made_for_the_precision():
    plan = NeuralTangentKernel(network(), outputs=0, precision="bf16").plan(rows())
    assert "bf16" in plan.kernel


@pytest.fixture
def switch():
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    yield matmul
    matmul.allow_tf32 = before


@pytest.mark.parametrize("before", [False, True])
def test_the_switch_of_tf32_is_put_back_whatever_happens(switch, before):
    switch.allow_tf32 = before
    with contracting("tf32", CUDA):
        assert switch.allow_tf32
    assert switch.allow_tf32 == before
    with pytest.raises(ZeroDivisionError), contracting("tf32", CUDA):
        raise ZeroDivisionError
    assert switch.allow_tf32 == before


def test_threads_share_the_switch_and_the_last_puts_it_back(switch):
    switch.allow_tf32 = False
    inside, leave = threading.Event(), threading.Event()

    def first():
        with contracting("tf32", CUDA):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with contracting("tf32", CUDA):
        leave.set()
        thread.join(10)
        assert switch.allow_tf32  # the first is gone, the second still multiplies
    assert not switch.allow_tf32


@pytest.mark.parametrize(("precision", "device"), [("float32", CUDA), ("bf16", CPU), ("float32", CPU)])
def test_the_switch_is_left_alone_where_it_has_no_part(switch, precision, device):
    switch.allow_tf32 = False
    with contracting(precision, device):
        assert not switch.allow_tf32


def test_tf32_is_taken_on_a_gpu_in_float32():
    assert check_precision("tf32", dtype=torch.float32, device=CUDA) == "tf32"
