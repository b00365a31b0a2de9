from __future__ import annotations

import pytest
import torch

from oracles.modules_of_others import MODULES, jacobian_by_loops
from tangentlab._errors import ArgumentError
from tangentlab.kernels.own_kernels import own_blocks, own_kernels
from tangentlab.networks import Network
from tangentlab.tangent.factors import Outer, Rows, Tokens, Windows
from tangentlab.tangent.patches import Geometry


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("method", ["auto", "vmap", "autograd"])
def test_each_parameters_part_is_that_of_a_loop_over_rows(name, method):
    make, rows = MODULES[name]
    module, x = make(3), rows(5)
    J, sizes = jacobian_by_loops(module, x)
    found = own_kernels(Network(module), x, method=method)
    assert list(found) == list(sizes)
    for parameter, part in zip(sizes, J.split(list(sizes.values()), dim=2)):
        truth = torch.einsum("nqp,nrp->nqr", part, part)
        # a difference of rounding, over sums of at most some hundred terms
        assert torch.allclose(found[parameter], truth, rtol=1e-11, atol=1e-12 * float(J.square().sum())), parameter


@pytest.mark.parametrize("memory", ["3KiB", "40KiB", "1GiB"])
def test_memory_changes_nothing_but_the_rows_at_once(memory):
    make, rows = MODULES["convolutional"]
    steps = []
    network, x = Network(make(2)), rows(7)
    found = own_kernels(network, x, memory=memory, progress=lambda done, total: steps.append((done, total)))
    whole = own_kernels(network, x)
    assert all(torch.allclose(found[name], whole[name], rtol=1e-12) for name in whole)
    assert steps[-1] == (7, 7)
    assert (len(steps) == 7) == (memory == "3KiB")


GEOMETRY = Geometry(kernel=(2, 2), stride=(1, 1), dilation=(1, 1), padding=(0, 0), groups=2)


@pytest.mark.parametrize(
    "factor",
    [
        Rows(draw(3, 2, 70_000)),
        Outer(draw(3, 1, 1, 5), draw(3, 2, 1, 1, 4, seed=1)),
        Outer(draw(3, 2, 40, 2), draw(3, 2, 2, 40, 3, seed=1)),  # more positions than the gradient is large
        Outer(draw(3, 2, 2, 40), draw(3, 2, 2, 2, 30, seed=1)),  # fewer
        Outer(draw(3, 1, 1, 5), draw(3, 2, 1, 1, 4, seed=1), biased=True),
        Tokens(torch.randint(50, (3, 6), generator=torch.Generator().manual_seed(0)), draw(3, 2, 6, 4), 50),
        Tokens(torch.randint(3, (3, 6), generator=torch.Generator().manual_seed(0)), draw(3, 2, 6, 4), 3),
        Windows(draw(3, 4, 5, 5), draw(3, 2, 6, 4, 4, seed=1), GEOMETRY),
        Windows(draw(3, 40, 3, 3), draw(3, 2, 60, 2, 2, seed=1), GEOMETRY),
    ],
    ids=lambda factor: type(factor).__name__,
)
def test_every_form_of_a_factor_gives_the_products_of_its_rows(factor):
    rows = factor.rows().rows if not isinstance(factor, Rows) else factor.rows
    truth = torch.einsum("nqp,nrp->nqr", rows, rows)
    assert torch.allclose(own_blocks(factor), truth, rtol=1e-10)


def test_sums_of_squares_in_float32_keep_their_digits():
    # each row's gradients are 200,000 ones and a large number: single precision alone would lose them
    rows = torch.ones(1, 1, 200_000)
    rows[0, 0, 0] = 4096.0
    assert own_blocks(Rows(rows)).item() == pytest.approx(4096.0**2 + 199_999, rel=1e-7)


def test_a_parameter_without_use_has_no_part_and_one_left_out_is_not_there():
    make, rows = MODULES["tied"]
    found = own_kernels(Network(make(1), parameters=["unused.*", "head.weight"]), rows(3))
    assert set(found) == {"unused.weight", "unused.bias", "head.weight"}
    assert not found["unused.weight"].any()
    assert found["head.weight"].all()


def test_the_flavour_that_is_no_matrix_is_refused():
    with pytest.raises(ArgumentError, match="'diagonal', which is one matrix for each output"):
        own_kernels(Network(torch.nn.Linear(2, 2)), torch.eye(2), outputs="diagonal")
