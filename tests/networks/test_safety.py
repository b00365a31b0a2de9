"""A network that is no function of one row is refused in words; one that is passes, however odd it looks."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from oracles.given_model import GivenModel
from tangentlab._errors import NetworkError, NotFiniteError
from tangentlab.networks import Network, inspect_network
from tangentlab.networks.safety import refuse_borrowed, some_rows, verify_rows


def plain(m, x):
    return m.b(torch.tanh(m.a(x)))


def rows(n=20):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(3))


def inspect(model, x=None):
    network = Network(model.eval())
    return inspect_network(network, network.place(rows() if x is None else x))


def counting(m, x):
    m.calls = getattr(m, "calls", 0) + 1
    return plain(m, x) * m.calls


def cached(m, x):
    if getattr(m, "cache", None) is None:
        m.cache = torch.tanh(m.a(x))
    return m.b(m.cache)


def alone_only(m, x):
    assert len(x) > 1, "needs a batch"
    return plain(m, x)


def clipped(m, x):
    with torch.no_grad():
        m.a.weight.clamp_(-0.1, 0.1)
    return plain(m, x)


MIXING = {
    "the mean of the batch": lambda m, x: plain(m, x - x.mean(0)),
    "a millionth of the mean": lambda m, x: plain(m, x + 1e-6 * x.mean(0)),
    "a softmax over rows": lambda m, x: plain(m, x).softmax(0),
    "a cumulative sum": lambda m, x: plain(m, x).cumsum(0),
    "neighbours": lambda m, x: plain(m, x.roll(1, 0)),
    "the order of rows": lambda m, x: plain(m, x.sort(0).values),
    "batch statistics": lambda m, x: m.b(F.batch_norm(m.a(x), None, None, training=True)),
    "the number of rows": lambda m, x: plain(m, x * len(x)),
    "a first batch that is kept": cached,
    "a batch that must have two rows": alone_only,
    "squeezed outputs": lambda m, x: plain(m, x)[:, 0].squeeze(),
    "transposed outputs": lambda m, x: plain(m, x)[:, :1].expand(-1, len(x)).T,
}
CHANCE = {
    "dropout in evaluation": lambda m, x: plain(m, F.dropout(x, 0.5, training=True)),
    "noise": lambda m, x: plain(m, x + 1e-9 * torch.randn_like(x)),
    "noise now and then": lambda m, x: plain(m, x) + float(torch.rand(1) < 0.3),
    "shuffled rows": lambda m, x: plain(m, x[torch.randperm(len(x))]),
    "noise of NumPy": lambda m, x: plain(m, x) + float(np.random.rand()),
    "noise of Python": lambda m, x: plain(m, x) * random.random(),
    "a counter": counting,
}
HARMLESS = {
    "plain": plain,
    "writing into the input": lambda m, x: plain(m, x.mul_(2)),
    "dropout of nothing": lambda m, x: plain(m, F.dropout(x, 0.0, training=True)),
    "draws without effect": lambda m, x: plain(m, x) + 0 * torch.rand(1),
    "a sort undone": lambda m, x: plain(m, x[x[:, 0].argsort()])[x[:, 0].argsort().argsort()],
    "a mean that is subtracted again": lambda m, x: plain(m, x) + (x.mean() - x.mean()),
    "a cast to float32": lambda m, x: m.b(torch.tanh(m.a(x)).float().to(x.dtype)),
    "a product in float32": lambda m, x: m.b((torch.tanh(m.a(x)).float() @ torch.ones(3, 3)).to(x.dtype)),
    "experts on their own rows": lambda m, x: torch.where(x[:, :1] > 0, plain(m, x), plain(m, -x)),
}


@pytest.mark.parametrize("n", [2, 3, 20])
@pytest.mark.parametrize("name", MIXING)
def test_mixed_rows_are_refused(name, n):
    with pytest.raises(NetworkError, match=r"(rows beside it.*mixes the rows)|(The model returned)"):
        inspect(GivenModel(MIXING[name]).double(), rows(n).double())


@pytest.mark.parametrize("n", [2, 3, 20])
@pytest.mark.parametrize("name", CHANCE)
def test_chance_and_state_are_refused(name, n):
    with pytest.raises(NetworkError, match=r"Two evaluations of the same rows differ.*Turn the noise off"):
        inspect(GivenModel(CHANCE[name]).double(), rows(n).double())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_odd_passes(name, dtype):
    assert inspect(GivenModel(HARMLESS[name]).to(dtype), rows().to(dtype)).outputs == 2


def test_sequences_that_mix_across_rows_are_refused_by_layer():
    class Encoder(nn.Module):
        def __init__(self, batch_first):
            super().__init__()
            self.attention = nn.TransformerEncoderLayer(4, 2, 8, batch_first=batch_first)

        def forward(self, x):
            return self.attention(x)[:, 0]

    x = torch.randn(5, 5, 4)
    with pytest.raises(NetworkError, match="layer 'attention.*batch_first"):
        inspect(Encoder(False), x)
    assert "fast path" in inspect(Encoder(True), x).notes[0]


def test_random_projections_drawn_at_each_call_are_named_by_layer():
    class Noisy(nn.Module):
        def forward(self, x):
            return x @ torch.randn(4, 4)

    with pytest.raises(NetworkError, match=r"layer '1' \(Noisy\) draws random numbers"):
        inspect(nn.Sequential(nn.Linear(4, 4), Noisy()))


def test_writing_into_parameters_is_refused():
    for model in (GivenModel(clipped), nn.Sequential(nn.Embedding(5, 4, max_norm=0.1), nn.Flatten())):
        x = rows() if isinstance(model, GivenModel) else torch.randint(5, (4, 2))
        with pytest.raises(NetworkError, match="writes into the parameter '(a|0).weight'.*max_norm"):
            inspect(model, x)


def test_gradients_that_are_no_derivatives_are_refused_where_they_are_asked_for():
    model = nn.Sequential(nn.Embedding(5, 4, scale_grad_by_freq=True), nn.Flatten(), nn.Linear(8, 1))
    x = torch.randint(5, (4, 2))
    with pytest.raises(NetworkError, match="'0'.*scale_grad_by_freq"):
        inspect_network(Network(model), x)
    assert inspect_network(Network(model, parameters="2.*"), x).outputs == 1


def test_a_forward_pass_that_fails_says_on_what():
    with pytest.raises(NetworkError, match=r"Model failed on x \(3, 5\) torch.float32: RuntimeError: mat1"):
        inspect(GivenModel(plain), torch.ones(4, 5))


def test_outputs_must_be_finite():
    with pytest.raises(NotFiniteError, match=r"model\(x\)"):
        inspect(GivenModel(lambda m, x: plain(m, x) / 0))


class HoldsItself(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(4, 2))
        self.project = lambda x: x @ self.w

    def forward(self, x):
        return self.project(x)


def hooked():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    model.register_parameter("w", nn.Parameter(torch.ones(1)))
    model[0].register_forward_hook(lambda part, args, out: out * model.w)
    return model


@pytest.mark.parametrize("make", [HoldsItself, hooked])
def test_a_copy_that_reads_the_original_is_refused(make):
    with pytest.raises(NetworkError, match="reads 'w' through a function that holds the original module.*`self`"):
        inspect(make())


def test_trainable_tensors_that_belong_to_no_module_are_constants():
    w = torch.ones(2, requires_grad=True)
    assert inspect(GivenModel(lambda m, x: plain(m, x) * w)).outputs == 2
    refuse_borrowed([w], {})


def test_a_batch_is_compared_with_its_last_row():
    network, x = Network(GivenModel(plain)), rows(50)
    f = network(x)
    verify_rows(network, x, f, count=1)
    f[49, 1] += 1
    with pytest.raises(NetworkError, match="row 49"):
        verify_rows(network, x, f, count=1)


def test_rows_looked_at_are_spread_and_in_no_order():
    looked_at = [some_rows(n, count=8) for n in range(100, 120)]
    assert all(len(set(index.tolist())) == 8 for index in looked_at)
    assert torch.cat(looked_at).max() > 90 and torch.cat(looked_at).min() < 10
    assert not any(torch.equal(index, index.sort().values) for index in looked_at)
    assert torch.equal(some_rows(7), some_rows(7))


def test_a_function_that_reads_the_tensors_it_holds_and_not_its_argument_is_refused():
    held = nn.Linear(4, 1)
    given = {name: tensor.detach() for name, tensor in held.named_parameters()}
    network = Network(lambda parameters, x: held(x), parameters=given)
    with pytest.raises(
        NetworkError, match="none of the parameters that were given, but on others.*functional_call"
    ):
        inspect_network(network, rows())


def test_outputs_cut_off_from_all_parameters_are_refused():
    network = Network(GivenModel(lambda m, x: plain(m, x).detach()))
    with pytest.raises(
        NetworkError, match=r"none of the parameters, so that their kernel would be zero.*detach\(\)"
    ):
        inspect_network(network, rows())


def test_a_held_trunk_and_parameters_out_of_reach_are_no_mistake():
    trunk = nn.Linear(4, 3)
    head = Network(lambda parameters, x: trunk(x) @ parameters["w"], parameters={"w": torch.ones(3, 1)})
    assert inspect_network(head, rows()).outputs == 1
    unused = GivenModel(lambda m, x: m.a(x))
    assert inspect_network(Network(unused, parameters=["b.*"]), rows()).outputs == 3


def test_tensors_of_a_copy_that_stand_where_the_originals_stood_are_its_own():
    # of a module that nobody keeps, memory and `id` are free for the next tensors of the same size
    for seed in range(20):
        torch.manual_seed(seed)
        network = Network(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)).eval())
        assert inspect_network(network, rows()).outputs == 2
