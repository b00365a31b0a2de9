"""The study of directions: against a mixed derivative formed by automatic differentiation, and on networks of one's own."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab.experiments import STUDIES

TINY = {
    "samples": 120,
    "test_samples": 50,
    "pairs": 200,
    "epochs": 4,
    "batch_size": 32,
    "seeds": 1,
    "indices": [0, 10, 40],
    "aligned": [0, 10, 40],
    "pictured": [0, 5, 99],
}
WIDTH = 12


@pytest.fixture(scope="module")
def digits():
    (record,) = tl.study("directions", f"mlp:width={WIDTH},activation=gelu", data="digits", **TINY).records
    return record.readings


def network():
    return tl.build_network(f"mlp:width={WIDTH},activation=gelu", (1, 8, 8), outputs=1, seed=0)


def formed():
    """D = ∂²f/∂θ∂x at 0, (p, d), as a dense matrix."""
    model = network().double()
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def gradient(x):
        def output(p):
            return torch.func.functional_call(model, p, (x.reshape(1, 1, 8, 8),)).sum()

        return torch.cat([part.flatten() for part in torch.func.grad(output)(parameters).values()])

    return torch.func.jacfwd(gradient)(torch.zeros(64, dtype=torch.float64)).numpy()


def test_the_spectrum_is_that_of_the_mixed_derivative_formed(digits):
    squares = np.linalg.svd(formed(), compute_uv=False) ** 2
    # to the rounding of float32 weights' products in float64
    np.testing.assert_allclose(digits["eigenvalues"], squares, rtol=1e-8)


def test_the_floor_begins_at_the_width_and_is_the_squared_derivative_in_the_first_layer(digits):
    floor = digits["floor"]
    assert (floor["width"], floor["index"]) == (WIDTH, WIDTH)
    assert floor["value"] == pytest.approx(digits["eigenvalues"][-1], rel=1e-9)


def test_learners_are_those_of_the_set_along_the_direction(digits):
    """Trained here again, the network from its own rows and the linearization in parameter space."""
    _, vectors = tl.anisotropy_directions(network(), (1, 8, 8), dtype=torch.float64)
    descent = tl.Descent(epochs=4, batch_size=32, seed=0)
    for told in digits["sets"][:2]:  # the last lies on the floor, where the direction itself is free
        task = tl.tasks.anisotropy(vectors[told["index"]].float(), samples=120, test_samples=50, seed=0)
        for name, model in (("network", network()), ("linear-init", tl.linearize(network()))):
            state = tl.train(model, task.x_train, task.y_train, descent)
            with torch.no_grad():
                right = (state.module(task.x_test) > 0) == (task.y_test > 0.5)
            # one row of fifty may stand at the border to rounding
            assert told["learners"][name]["test_accuracy"] == pytest.approx(
                right.double().mean().item(), abs=0.021
            )
            assert told["learners"][name]["distance"] == pytest.approx(state.distance, rel=1e-3)


def test_the_alignment_is_near_what_the_derivative_foretells(digits):
    assert [found["index"] for found in digits["alignments"]] == [0, 10, 40]
    for found in digits["alignments"]:
        # 4 standard errors, and a tenth for terms of higher order in ε
        assert abs(found["measured"] - found["foretold"]) < 4 * found["error"] + 0.1 * found["foretold"]


def test_pictures_are_directions_in_whole_numbers(digits):
    told = digits["pictures"]
    assert told["indices"] == [0, 5]
    _, vectors = tl.anisotropy_directions(network(), (1, 8, 8), dtype=torch.float64)
    drawn = np.array(told["shades"], dtype=float)
    exact = vectors[[0, 5]].numpy()
    exact = 999 * exact / np.abs(exact).max(axis=(1, 2, 3), keepdims=True)
    assert np.abs(drawn - exact).max() < 0.51  # rounded to the nearest


def test_a_shape_of_ones_own_takes_the_place_of_that_of_the_data():
    given = TINY | {"shape": [1, 6, 5], "indices": [0, 20, 50], "epochs": 1}
    found = tl.study("directions", "lenet:activation=gelu", data="digits", **given)
    told = found.records[0].readings
    assert len(told["eigenvalues"]) == 30
    assert told["floor"] is None
    assert [one["index"] for one in told["sets"]] == [0, 20]
    assert any("no directions of index" in each for each in told["warnings"])


def test_a_module_and_arrays_of_ones_own():
    rows = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 2), nn.Tanh(), nn.Linear(2, 1))
    labels = (rows[:, 0] > 0).astype(int)
    found = tl.study(
        "directions", {"mine": module}, data=(rows, labels), **(TINY | {"indices": [0, 1, 4], "aligned": 0})
    )
    assert not found.failed
    told = found.records[0].readings
    assert told["floor"]["index"] == 2
    assert np.shape(told["pictures"]["shades"]) == (1, 5)


def test_no_direction_at_all_and_networks_with_kinks_are_refused_in_words():
    given = TINY | {"epochs": 1}
    none = tl.study("directions", "mlp:width=8,activation=gelu", data="digits", **(given | {"indices": [64]}))
    assert "from 0 to 63" in none.failed[0].error["message"]
    bent = tl.study("directions", "mlp:width=8", data="digits", **given)
    assert "kink" in bent.failed[0].error["message"]


def test_the_full_scale_is_the_papers_protocol():
    full = STUDIES["directions"].settings("full")
    assert (full["shape"], full["samples"], full["test_samples"]) == ([1, 32, 32], 10_000, 10_000)
    assert (full["epsilon"], full["sigma"]) == (1.0, 1.0)
