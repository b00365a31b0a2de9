"""Alignment along a direction: the three laws hold, on models whose derivative is known and on a module of one's own."""

import math

import pytest
import torch
from torch import nn

import tangentlab as tl
from oracles.mixed_derivative_by_loops import mixed_derivative_by_loops
from tangentlab._errors import ArgumentError, NetworkError, UnknownNameError
from tangentlab.probes import anisotropy_by_initialization, direction_alignment, smoothed_anisotropy
from tangentlab.probes.squared_mean import squared_mean


class Own(nn.Module):
    """A module that no catalogue has."""

    def __init__(self, outputs=1):
        super().__init__()
        self.first = nn.Linear(12, 9)
        self.scale = nn.Parameter(torch.randn(9))
        self.last = nn.Linear(9, outputs, bias=False)

    def forward(self, x):
        return self.last(torch.sin(self.first(x.flatten(1))) * self.scale)


class Quadratic(nn.Module):
    """f = xᵀ diag(w) x / 2 + b·x: D(x) = (diag(x), I), so that E‖·‖ is known."""

    def __init__(self):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))

    def forward(self, x):
        return (x.square() @ self.w / 2 + x @ self.b)[:, None]


def test_the_squared_mean_is_the_double_sum_over_different_draws():
    g = torch.randn(7, 5, dtype=torch.float64)
    inner = g @ g.T
    found = squared_mean(g)
    assert found.value == pytest.approx(float(inner.sum() - inner.trace()) / 42)
    each = []
    for s in range(7):
        rest = torch.cat([g[:s], g[s + 1 :]])
        part = rest @ rest.T
        each.append(float(part.sum() - part.trace()) / 30)
    each = torch.tensor(each, dtype=torch.float64)
    assert found.standard_error == pytest.approx(float((6 / 7 * (each - each.mean()).square().sum()).sqrt()))


def test_the_squared_mean_has_no_bias_and_an_honest_error():
    draw = torch.Generator().manual_seed(0)
    mean = torch.tensor([1.0, -2.0, 0.0], dtype=torch.float64)
    found = [squared_mean(mean + torch.randn(40, 3, generator=draw, dtype=torch.float64)) for _ in range(400)]
    values = torch.tensor([one.value for one in found])
    assert float(values.mean()) == pytest.approx(5.0, abs=4 * float(values.std()) / 20)
    errors = torch.tensor([one.standard_error for one in found]).mean()
    assert float(errors) == pytest.approx(float(values.std()), rel=0.15)  # 400 repetitions: 3.5 %


@pytest.mark.parametrize("direction", [0, 2, 8])
@pytest.mark.parametrize(
    "make", [Own, lambda: tl.build_network("mlp:activation=gelu,width=12", (12,), outputs=1, seed=0)]
)
def test_the_law_of_small_signs_holds_within_a_few_percent(make, direction):
    model = make().double()
    values, vectors = tl.anisotropy_directions(model, (12,))
    sigma = 0.02
    found = direction_alignment(model, vectors[direction], sigma=sigma)
    assert found.predicted.value == pytest.approx(2 * sigma**2 / math.pi * float(values[direction]))
    # 8000 pairs: a standard error below 2 %
    assert found.measured.standard_error < 0.02 * found.predicted.value
    assert abs(found.ratio - 1) < 0.05


def test_plain_samples_and_plug_ins_are_off_where_pairs_are_not():
    model = Own().double()
    _, vectors = tl.anisotropy_directions(model, (12,))
    x = 0.02 * torch.randn(2000, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = (x @ vectors[8]).sign()
    plug_in = tl.alignment_from_gradient(model, x, y, intervals=False).rayleigh / len(x)
    found = direction_alignment(model, vectors[8], sigma=0.02, pairs=2000)
    assert plug_in > 2 * found.predicted.value and abs(found.ratio - 1) < 0.1


@pytest.mark.parametrize("law", ["linear", "separable"])
def test_the_laws_at_any_size_hold_within_their_errors(law):
    model = Own().double()
    _, vectors = tl.anisotropy_directions(model, (12,))
    found = direction_alignment(model, vectors[1], law=law, sigma=0.7, epsilon=0.5, pairs=6000, blocks=60)
    errors = math.hypot(found.measured.standard_error, found.predicted.standard_error)
    beyond = 0.05 * 0.5**2 * found.predicted.value if law == "separable" else 0  # O(ε²) of it
    assert abs(found.measured.value - found.predicted.value) < 4 * errors + beyond
    assert errors < 0.25 * found.predicted.value


def test_the_average_is_that_of_the_written_out_derivative():
    model = Own().double()
    u = torch.zeros(12, dtype=torch.float64)
    u[3] = 1
    found = direction_alignment(model, u, law="linear", sigma=0.5, pairs=900, blocks=30)
    draw = torch.Generator().manual_seed(5)
    half = 0.5 * torch.randn(60, 12, generator=draw, dtype=torch.float64)
    parts = [
        (mixed_derivative_by_loops(model, x[None])[:, 3] + mixed_derivative_by_loops(model, -x[None])[:, 3]) / 2
        for x in half
    ]
    exact = squared_mean(parts)
    gap = abs(found.predicted.value - 0.5**4 * exact.value)
    assert gap < 4 * math.hypot(found.predicted.standard_error, 0.5**4 * exact.standard_error)


def test_a_quadratic_has_the_average_that_its_formula_has():
    u = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    found = direction_alignment(Quadratic().double(), u, law="linear", sigma=2.0, pairs=1000, blocks=20)
    assert found.predicted.value == pytest.approx(16.0, rel=1e-9)  # pairs cancel diag(x): E[D]u = (0, u)
    assert abs(found.measured.value - 16.0) < 4 * found.measured.standard_error


@pytest.mark.parametrize("outputs", ["trace", "sum", "mean", 1])
def test_several_outputs_are_combined_as_kernels_combine_them(outputs):
    model = Own(3).double()
    values, vectors = tl.anisotropy_directions(model, (12,), outputs=outputs)
    found = direction_alignment(model, vectors[0], outputs=outputs)
    assert found.predicted.value == pytest.approx(2 * 0.02**2 / math.pi * float(values[0]))
    assert abs(found.ratio - 1) < 0.06


@pytest.mark.parametrize("outputs", ["trace", "mean", 0])
def test_smoothed_directions_are_those_of_the_average(outputs):
    model = Own(2).double()
    found = smoothed_anisotropy(model, (12,), 3, sigma=0.6, pairs=160, outputs=outputs)
    at = 0.6 * torch.randn(400, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = {"trace": torch.eye(2), "mean": torch.eye(2), 0: torch.eye(2)[:1]}[outputs].double()
    total = 0
    for w in weights:
        D = torch.stack(
            [mixed_derivative_by_loops(model, x[None], w) for x in torch.cat([at[:30], -at[:30]])]
        ).mean(0)
        total = total + D.T @ D
    if outputs == "mean":
        total = total / 2
    # 30 pairs here and 160 there: some percent of noise in the average, some of it in each value
    assert torch.allclose(found.plug_in, torch.linalg.eigvalsh(total).flip(0)[:3], rtol=0.25)
    for vector, energy in zip(found.vectors, found.energies):
        assert energy.value == pytest.approx(float(vector @ total @ vector), rel=0.2)
        assert 0 < energy.standard_error < 0.1 * energy.value


def test_values_on_fresh_samples_are_below_the_plug_in():
    model = Own().double()
    found = [smoothed_anisotropy(model, (12,), 1, sigma=1.5, pairs=6, blocks=3, seed=seed) for seed in range(30)]
    gaps = torch.tensor([float(one.plug_in[0] - one.values[0]) for one in found])
    assert float(gaps.mean()) > 3 * float(gaps.std()) / 30**0.5


def test_initializations_have_the_principal_directions_of_their_gradients():
    def build(generator):
        # gradient at 0 is a diag(3, 2, 1, 1) row: principal directions are the axes, values 9, 4, 1, 1 over 4
        model = nn.Linear(4, 1, bias=False)
        model.weight.data = torch.randn(1, 4, generator=generator) * torch.tensor([3.0, 2.0, 1.0, 1.0]) / 2
        return model

    found = anisotropy_by_initialization(build, (4,), 2, draws=800)
    assert torch.allclose(found.values, torch.tensor([2.25, 1.0], dtype=torch.float64), rtol=0.25)
    assert torch.allclose(found.vectors.abs(), torch.eye(4)[:2].double(), atol=0.15)
    # λ √(2 / draws) for a Gaussian
    assert torch.allclose(found.standard_errors, found.values * (2 / 800) ** 0.5, rtol=0.3)
    differences = anisotropy_by_initialization(build, (4,), 2, draws=800, step=100.0)
    assert torch.allclose(differences.values, found.values, rtol=1e-4)  # f is linear


def test_the_two_definitions_order_directions_alike():
    # a network that sees some inputs through a small gain has the same preference at every initialization
    gains = torch.tensor([2.0, 2.0, 1.0, 1.0, 0.3, 0.3])

    class Gained(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = tl.build_network("mlp:activation=gelu,width=30", (6,), outputs=1, seed=7)

        def forward(self, x):
            return self.body(x * gains)

    def build(seed):
        model = Gained()
        model.body = tl.build_network("mlp:activation=gelu,width=30", (6,), outputs=1, seed=seed)
        return model

    _, vectors = tl.anisotropy_directions(Gained(), (6,))
    over = anisotropy_by_initialization(build, (6,), draws=150)
    for part in (slice(0, 2), slice(4, 6)):
        cosines = torch.linalg.svdvals(vectors[part].double() @ over.vectors[part].T)
        assert float(cosines.min()) > 0.9


def test_a_relu_network_needs_long_steps():
    with pytest.raises(tl.TangentlabError, match="zero at 0.*step=100"):
        anisotropy_by_initialization("mlp:width=8", (5,), draws=3)
    assert bool((anisotropy_by_initialization("mlp:width=8", (5,), draws=30, step=100.0).values > 0).all())


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"law": "cosine"}, UnknownNameError, "sign, linear, separable|linear, separable, sign"),
        ({"sigma": 0.0}, ArgumentError, "`sigma`"),
        ({"pairs": 10}, ArgumentError, "`pairs`"),
        ({"blocks": 2}, ArgumentError, "`blocks`"),
        ({"direction": torch.zeros(12)}, ArgumentError, "zeros"),
        ({"direction": torch.ones(13)}, NetworkError, "forward pass"),
        ({"model": nn.Sequential(nn.Linear(12, 3, bias=False), nn.ReLU(), nn.Linear(3, 1))}, NetworkError, "kink"),
    ],
)
def test_bad_input_is_refused_in_words(change, error, match):
    given = {"model": Own(), "direction": torch.ones(12), **change}
    with pytest.raises(error, match=match):
        direction_alignment(given.pop("model"), given.pop("direction"), **given)


def test_bad_sizes_of_smoothing_and_initializations_are_refused_in_words():
    for keywords in ({"sigma": 0.0}, {"sigma": 1.0, "pairs": 2}, {"sigma": 1.0, "blocks": 1}):
        with pytest.raises(ArgumentError):
            smoothed_anisotropy(Own(), (12,), 2, **keywords)
    for keywords in ({"draws": 1}, {"draws": 3, "k": 5}, {"draws": 3, "step": -1.0}):
        with pytest.raises(ArgumentError):
            anisotropy_by_initialization("mlp:activation=gelu", (6,), **keywords)
