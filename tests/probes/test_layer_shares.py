from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from oracles.modules_of_others import MODULES, jacobian_by_loops
from tangentlab._errors import ArgumentError, DataError
from tangentlab.kernels import ntk
from tangentlab.networks import build_network
from tangentlab.probes import alignment_from_gradient, layer_kernels, layer_shares
from tangentlab.training import Descent, train


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", MODULES)
def test_shares_are_those_of_kernels_computed_row_by_row(name, outputs):
    make, rows = MODULES[name]
    module, x, y = make(outputs), rows(7), draw(7, outputs)
    found = layer_shares(module, x, y, by="parameter")
    J, sizes = jacobian_by_loops(module, x)
    traces, forms, unbiased = {}, {}, {}
    for parameter, part in zip(sizes, J.split(list(sizes.values()), dim=2)):
        g = torch.einsum("nkp,nk->p", part, y)
        own = torch.einsum("nkp,nk->np", part, y).square().sum()
        traces[parameter], forms[parameter] = float(part.square().sum()), float(g @ g)
        unbiased[parameter] = float(g @ g - own) / 42
    for parameter, share in found.items():
        assert share.parameters == sizes[parameter]
        assert share.kernel.value == pytest.approx(traces[parameter] / sum(traces.values()), abs=1e-12)
        assert share.alignment.value == pytest.approx(forms[parameter] / sum(forms.values()), abs=1e-12)
        assert share.unbiased.value == pytest.approx(unbiased[parameter], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("by", ["layer", "parameter", 1, {"tables": "*table*", "rest": "*"}])
@pytest.mark.parametrize("name", MODULES)
def test_shares_sum_to_one_and_parts_to_the_whole(name, by):
    make, rows = MODULES[name]
    module, x, y = make(2), rows(9), draw(9, 2)
    found = layer_shares(module, x, y, by=by)
    assert sum(share.kernel.value for share in found.values()) == 1.0
    assert sum(share.alignment.value for share in found.values()) == 1.0
    whole = alignment_from_gradient(module, x, y)
    assert sum(share.unbiased.value for share in found.values()) == pytest.approx(whole.unbiased, rel=1e-9)
    assert sum(share.parameters for share in found.values()) == sum(p.numel() for p in module.parameters())


def test_one_group_of_everything_has_the_whole():
    make, rows = MODULES["mlp"]
    module, x, y = make(1), rows(8), draw(8)
    (share,) = layer_shares(module, x, y, by={"all": "*"}).values()
    assert (share.kernel.value, share.alignment.value) == (1.0, 1.0)
    assert share.kernel.standard_error == pytest.approx(0, abs=1e-12)
    whole = alignment_from_gradient(module, x, y).intervals["unbiased"]
    assert share.unbiased.standard_error == pytest.approx(whole.standard_error, rel=1e-9)


def test_intervals_are_the_jackknife_over_rows_left_out_one_by_one():
    make, rows = MODULES["tied"]
    module, x, y = make(1), rows(6), draw(6)
    found = layer_shares(module, x, y)
    for name in ("first", "head"):
        each = []
        for i in range(6):
            rest = [j for j in range(6) if j != i]
            share = layer_shares(module, x[rest], y[rest])[name]
            each.append([share.kernel.value, share.alignment.value, share.unbiased.value])
        errors = np.sqrt(5 / 6 * ((np.array(each) - np.mean(each, axis=0)) ** 2).sum(axis=0))
        share = found[name]
        measured = [one.standard_error for one in (share.kernel, share.alignment, share.unbiased)]
        assert measured == pytest.approx(errors, rel=1e-7)


@pytest.mark.parametrize("network", ["lenet", "resnet18:width=4,zero_init_residual=false"])
def test_networks_of_the_catalogue_are_taken_apart_by_blocks(network):
    model = build_network(network, (1, 28, 28), outputs=1, seed=0)
    x, y = draw(4, 1, 28, 28).float(), [1.0, -1.0, 1.0, 1.0]
    found = layer_shares(model.eval(), x, y, by=1)
    assert sum(share.kernel.value for share in found.values()) == 1.0
    K = layer_kernels(model.eval(), x, by=1, outputs=0)
    traces = {name: float(part.double().trace()) for name, part in K.items()}
    for name, share in found.items():
        assert share.kernel.value == pytest.approx(traces[name] / sum(traces.values()), rel=1e-4)


@pytest.mark.parametrize("outputs", ["full", "mean", 1])
def test_the_kernels_of_layers_sum_to_the_kernel(outputs):
    make, rows = MODULES["attends"]
    module, x = make(2), rows(5)
    parts = layer_kernels(module, x, outputs=outputs)
    K = ntk(module, x, outputs=outputs)
    assert torch.allclose(
        torch.stack(list(parts.values())).sum(0), K, rtol=1e-10, atol=1e-12 * float(K.abs().max())
    )


def test_random_labels_learnt_by_heart_are_seen_as_overfit_and_by_which_layers():
    layers = [nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)]
    module = nn.Sequential(*layers).double()
    seen, other = draw(100, 10, seed=1), draw(300, 10, seed=2)
    labels = torch.randint(2, (400,), generator=torch.Generator().manual_seed(3)).double()
    descent = Descent(loss="bce", epochs=300, batch_size=20, learning_rate=0.1)
    state = train(module, seen, labels[:100], descent)
    assert max(state.history.loss[-5:]) < 0.05
    y = 2 * labels - 1
    before, after = (layer_shares(one, seen, y[:100], held_out=(other, y[100:])) for one in (module, state.module))
    for shares in (before, after):
        for share in shares.values():
            assert share.held_out.low < 0 < share.held_out.high
            assert share.overfit.value == pytest.approx(share.unbiased.value - share.held_out.value)
    assert all(share.overfit.low < 0 < share.overfit.high for share in before.values())
    assert after["4"].overfit.low > 0 < after["2"].overfit.low
    assert after["0"].overfit.low < 0 < after["0"].overfit.high


def test_a_rule_of_the_inputs_is_aligned_with_beyond_the_rows():
    # the labels are a linear function: what the first layer aligns with holds on rows held out
    module = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    x = draw(300, 4)
    y = x[:, 0].sign()
    descent = Descent(loss="bce", epochs=60, batch_size=50, learning_rate=0.1)
    after = train(module, x[:150], (y[:150] + 1) / 2, descent).module
    found = layer_shares(after, x[:150], y[:150], held_out=(x[150:], y[150:]))
    assert found["0"].held_out.low > 0
    assert found["0"].overfit.value < 0.3 * found["0"].unbiased.value


def test_what_has_no_shares_is_refused():
    make, rows = MODULES["mlp"]
    with pytest.raises(DataError, match="1 row"):
        layer_shares(make(1), rows(1), [1.0])
    with pytest.raises(ArgumentError, match="`held_out` must be a pair"):
        layer_shares(make(1), rows(3), [1.0, 1.0, -1.0], held_out=rows(3))
    with pytest.raises(ArgumentError, match="`by`"):
        layer_shares(make(1), rows(3), [1.0, 1.0, -1.0], by="block")
