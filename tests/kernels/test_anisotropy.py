"""Neural anisotropy directions, against the mixed derivative written out and the closed form of an MLP."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from oracles.mixed_derivative_by_loops import mixed_derivative_by_loops
from tangentlab._errors import ArgumentError, NetworkError, NumericalError, ShapeError
from tangentlab.linalg import NumericalWarning
from tangentlab.tangent.smoothness import KinkWarning


class Own(nn.Module):
    """A module that no catalogue has."""

    def __init__(self, outputs=1):
        super().__init__()
        self.convolution = nn.Conv2d(2, 5, 3, padding=1, stride=2)
        self.gate = nn.Parameter(torch.randn(5, 1, 1))
        self.readout = nn.Linear(20, outputs)

    def forward(self, x):
        h = self.convolution(x)
        return self.readout(torch.flatten(torch.tanh(h) * torch.sigmoid(self.gate * h), 1))


def gelu_mlp(width=10, size=(1, 6, 6), depth=2):
    return tl.build_network(f"mlp:width={width},depth={depth},activation=gelu", size, outputs=1, seed=0)


def exact(model, shape, weights):
    D = torch.cat(
        [mixed_derivative_by_loops(model, torch.zeros(1, *shape, dtype=torch.float64), w) for w in weights]
    )
    values, vectors = torch.linalg.eigh(D.T @ D)
    return values.flip(0), vectors.flip(1)


def spans_agree(found, vectors, tolerance=1e-6):
    """Whether rows and columns span one space: all cosines of principal angles are 1."""
    cosines = torch.linalg.svdvals(found.flatten(1).double() @ vectors)
    return bool((1 - cosines).abs().max() < tolerance)


@pytest.mark.parametrize("k", [None, 3])
@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (Own(), (2, 4, 4)),
        (nn.Sequential(nn.Linear(7, 5), nn.Softplus(), nn.Linear(5, 1)), (7,)),
        (tl.build_network("lenet:activation=gelu", (1, 12, 12), outputs=1, seed=0), (1, 12, 12)),
    ],
    ids=["own", "sequential", "lenet"],
)
def test_they_are_the_singular_vectors_of_the_mixed_derivative(model, shape, k):
    model = model.double()
    values, vectors = exact(model, shape, torch.ones(1, 1, dtype=torch.float64))
    found, directions = tl.anisotropy_directions(model, shape, k)
    count = len(values) if k is None else k
    assert found.shape == (count,) and directions.shape == (count, *shape)
    # the written-out derivative is right to about 1e-10
    assert torch.allclose(found, values[:count], atol=1e-9 * float(values[0]), rtol=1e-8)
    assert bool((found[:-1] >= found[1:]).all())
    flat = directions.flatten(1)
    assert torch.allclose(flat @ flat.T, torch.eye(count, dtype=torch.float64), atol=1e-10)
    assert spans_agree(directions[:3], vectors[:, :3])
    largest = flat.gather(1, flat.abs().argmax(1, keepdim=True))
    assert bool((largest > 0).all())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 5e-6)])
def test_an_mlp_has_as_many_directions_as_hidden_units_and_then_a_flat_floor(dtype, tolerance):
    model, d, width = gelu_mlp().to(dtype), 36, 10
    values, _ = tl.anisotropy_directions(model, (1, 6, 6))
    h = model.hidden1(torch.zeros(1, d, dtype=dtype)).detach().requires_grad_()
    f = model.readout(model.activation2(model.hidden2(model.activation1(h))))
    floor = float(torch.autograd.grad(f, h)[0].double().square().sum())
    assert values.dtype == dtype
    # the rounding of the largest value is what the floor is known to
    assert torch.allclose(
        values[width:].double(), torch.full((d - width,), floor, dtype=torch.float64), rtol=tolerance, atol=0
    )
    assert float(values[width - 1]) > 1.01 * floor


def test_a_few_directions_of_a_flat_spectrum_are_found_too():
    model = gelu_mlp(width=8, size=(1, 20, 20), depth=1)
    whole, _ = tl.anisotropy_directions(model, (1, 20, 20))
    values, vectors = tl.anisotropy_directions(model, (1, 20, 20), 40)
    assert torch.allclose(values, whole[:40], rtol=1e-5)
    assert torch.allclose(vectors.flatten(1) @ vectors.flatten(1).T, torch.eye(40), atol=1e-5)


def test_a_single_hidden_layer_has_its_closed_form():
    # f = aᵀσ(Wx), D(0)ᵀD(0) = σ'(0)² (WᵀW + ‖a‖² I) for σ with σ(0) = 0 and zero biases
    W, a = torch.randn(3, 5, dtype=torch.float64), torch.randn(1, 3, dtype=torch.float64)
    model = nn.Sequential(nn.Linear(5, 3, bias=False), nn.Tanh(), nn.Linear(3, 1, bias=False)).double()
    model[0].weight.data.copy_(W)
    model[2].weight.data.copy_(a)
    values, vectors = tl.anisotropy_directions(model, 5)
    gram = W.T @ W + a.square().sum() * torch.eye(5, dtype=torch.float64)
    assert torch.allclose(values, torch.linalg.eigvalsh(gram).flip(0))
    assert torch.allclose(vectors @ gram, values[:, None] * vectors, atol=1e-10)


@pytest.mark.parametrize(
    ("outputs", "weights", "scale"),
    [
        ("trace", torch.eye(3), 1),
        ("mean", torch.eye(3), 1 / 3),
        ("sum", torch.ones(1, 3), 1),
        (1, torch.eye(3)[1:2], 1),
        (-1, torch.eye(3)[2:], 1),
    ],
)
def test_several_outputs_are_combined_as_kernels_combine_them(outputs, weights, scale):
    model = Own(3).double()
    values, _ = exact(model, (2, 4, 4), weights.double())
    found, _ = tl.anisotropy_directions(model, (2, 4, 4), outputs=outputs)
    assert torch.allclose(found, scale * values, atol=1e-8 * float(values[0]))


def test_a_subset_of_the_parameters_has_directions_of_its_own():
    model = gelu_mlp().double()
    every, _ = tl.anisotropy_directions(model, (1, 6, 6))
    parts = [
        tl.anisotropy_directions(model, (1, 6, 6), parameters=f"{name}*")[0] for name in ("hidden1", "hidden2")
    ]
    last, _ = tl.anisotropy_directions(model, (1, 6, 6), parameters="readout*")
    assert sum(float(part.sum()) for part in [*parts, last]) == pytest.approx(float(every.sum()))  # traces add


def test_the_module_is_untouched_and_the_same_call_gives_the_same_directions():
    model = gelu_mlp()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    first, again = (tl.anisotropy_directions(model, (1, 6, 6), 4) for _ in range(2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert model.training and all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert all(t.grad is None for t in model.parameters())


def test_float32_models_can_be_taken_in_float64():
    model = gelu_mlp()
    values, vectors = tl.anisotropy_directions(model, (1, 6, 6), dtype=torch.float64)
    assert values.dtype == vectors.dtype == torch.float64
    assert torch.allclose(values, tl.anisotropy_directions(model.double(), (1, 6, 6))[0])


def test_progress_counts_products():
    seen = []
    tl.anisotropy_directions(gelu_mlp(), (1, 6, 6), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (36, 36) and [done for done, _ in seen] == list(range(1, 37))


def test_kinks_at_zero_are_refused_and_kinks_elsewhere_warned_about():
    with pytest.raises(NetworkError, match="kink.*GELU"):
        tl.anisotropy_directions(tl.build_network("mlp:width=8", (9,), outputs=1, seed=0), (9,))
    with pytest.warns(KinkWarning) as told:
        tl.anisotropy_directions(
            tl.build_network("mlp:width=8,initialization=torch", (9,), outputs=1, seed=0), (9,)
        )
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"shape": ()}, ShapeError, "`shape` must be"),
        ({"shape": (0, 3)}, ShapeError, "`shape` must be"),
        ({"shape": (1, 6, 7)}, NetworkError, "forward pass"),
        ({"k": 0}, ArgumentError, "`k` must be an integer from 1"),
        ({"k": 37}, ArgumentError, "36"),
        ({"k": True}, ArgumentError, "`k`"),
        ({"outputs": "full"}, ArgumentError, "`outputs` must be one of"),
        ({"outputs": 1}, ArgumentError, "index below"),
        ({"dtype": torch.float16}, ArgumentError, "`dtype`"),
        ({"parameters": "no-such-*"}, ArgumentError, "parameters"),
        ({"model": nn.Sequential(nn.Flatten(), nn.Linear(36, 2), nn.Dropout())}, NetworkError, "train mode"),
        ({"model": "mlp"}, ArgumentError, "model"),
    ],
)
def test_bad_input_is_refused_in_words(change, error, match):
    given = {"model": gelu_mlp(), "shape": (1, 6, 6), "k": 3, **change}
    with pytest.raises(error, match=match):
        tl.anisotropy_directions(given.pop("model"), given.pop("shape"), **given)


def test_numbers_of_directions_may_be_numpys():
    values, vectors = tl.anisotropy_directions(gelu_mlp(), (1, 6, 6), np.int64(2))
    assert vectors.shape == (2, 1, 6, 6)
    assert torch.equal(values, tl.anisotropy_directions(gelu_mlp(), (1, 6, 6), 2)[0])


def test_a_network_that_ignores_its_inputs_is_refused():
    class Deaf(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(1, 1))

        def forward(self, x):
            return (self.w + 0 * x.sum()).expand(len(x), 1) if x.ndim < 2 else self.w.expand(len(x), 1)

    with pytest.raises(NumericalError, match="no direction differs"):
        tl.anisotropy_directions(Deaf(), (4,))


def test_a_search_that_does_not_settle_says_so():
    model = tl.build_network("mlp:width=4,depth=1,activation=gelu", (1, 65, 64), outputs=1, seed=0)
    with pytest.warns(NumericalWarning, match="Ask for fewer pairs"):
        tl.anisotropy_directions(model, (1, 65, 64), 12, tolerance=1e-15)
