"""Network: a module bound to a parameter point."""

import copy
import pickle

import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import ArgumentError, NetworkError, ShapeError, UnknownNameError
from tangentlab.networks import Network

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def mlp():
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 2)).eval()


def test_it_evaluates_the_module_and_moves_with_nothing():
    user = mlp()
    network = Network(user)
    expected = user(X).detach()
    assert torch.equal(network(X), expected)
    assert not network(X).requires_grad
    with torch.no_grad():
        for parameter in user.parameters():
            parameter.add_(1)
    user[1].running_mean.add_(1)
    assert torch.equal(network(X), expected)


def test_sharing_takes_the_modules_own_memory():
    user = mlp()
    network = Network(user, share=True)
    assert network.parameters["0.weight"].data_ptr() == user[0].weight.data_ptr()
    assert user[0].weight.requires_grad


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (None, ("0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias")),
        ("3.bias", ("3.bias",)),
        (["3.bias", "0.*"], ("0.weight", "0.bias", "3.bias")),
        ("*.weight", ("0.weight", "1.weight", "3.weight")),
        (lambda name, tensor: tensor.ndim == 2, ("0.weight", "3.weight")),
        ({"1.bias": torch.zeros(5)}, ("1.bias",)),
        (iter(["1.bias"]), ("1.bias",)),
    ],
)
def test_parameters_are_chosen_in_the_modules_order(choice, names):
    assert Network(mlp(), parameters=choice).names == names


def test_frozen_parameters_are_left_out_unless_named():
    user = mlp()
    user[0].requires_grad_(False)
    assert Network(user).names == ("1.weight", "1.bias", "3.weight", "3.bias")
    assert Network(user, parameters="0.weight").names == ("0.weight",)


def test_apply_is_a_function_of_the_parameters_given():
    user = mlp()
    network = Network(user, parameters="3.*")
    at = {"3.weight": torch.zeros(2, 5, requires_grad=True), "3.bias": torch.ones(2)}
    f = network.apply(at, X)
    assert torch.equal(f, torch.ones(3, 2))
    assert torch.autograd.grad(f.sum(), at["3.weight"])[0].shape == (2, 5)
    assert torch.equal(network(X), user(X))


def test_apply_leaves_its_input_alone_whatever_the_module_does():
    class Doubles(nn.Linear):
        def forward(self, x):
            return super().forward(x.mul_(2))

    x = X.clone()
    network = Network(Doubles(4, 2))
    assert torch.equal(network.apply({}, x), network.apply({}, x))
    assert torch.equal(x, X)


def test_tied_parameters_are_one_and_move_together():
    user = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    user[1].weight = user[0].weight
    network = Network(user)
    assert network.names == ("0.weight",)
    assert torch.equal(network.apply({"0.weight": 2 * torch.eye(3)}, torch.eye(3)), 4 * torch.eye(3))


def test_tuples_dictionaries_and_constants():
    class Scaled(nn.Bilinear):
        def forward(self, input1, input2, scale=1.0):
            return super().forward(input1, input2) * scale

    user = Scaled(2, 3, 1)
    a, b = torch.ones(4, 2), torch.ones(4, 3)
    network = Network(user)
    assert torch.equal(network((a, b)), user(a, b))
    assert torch.equal(network({"input2": b, "input1": a, "scale": 2.0}), 2 * user(a, b))


def test_differentiable_parameters_are_the_modules_own_and_only_inside():
    network = Network(mlp())
    with network.differentiable(["0.weight"]) as (weight,):
        assert weight is network.module[0].weight and weight.requires_grad
        assert not network.module[0].bias.requires_grad
    assert not weight.requires_grad
    with pytest.raises(ZeroDivisionError), network.differentiable(["0.weight"]):
        raise ZeroDivisionError
    assert not weight.requires_grad


def test_another_dtype_and_another_anchor_are_other_networks():
    network = Network(mlp())
    double = network.to(dtype=torch.float64)
    assert (network.dtype, double.dtype) == (torch.float32, torch.float64)
    assert network.to(dtype=torch.float32) is network
    moved = network.at({name: tensor + 1 for name, tensor in network.parameters.items()})
    assert torch.equal(moved.parameters["3.bias"], network.parameters["3.bias"] + 1)
    assert moved.fingerprint != network.fingerprint
    with pytest.raises(ShapeError, match=r"0\.weight"):
        network.at({})


@pytest.mark.parametrize("dtype", [torch.int64, torch.bfloat16, "float64"])
@pytest.mark.parametrize(
    "call", [tl.ntk, tl.jacobian, lambda *args, **kw: tl.alignment_from_gradient(*args, X, **kw)]
)
def test_what_is_no_precision_is_refused_wherever_one_is_asked_for(call, dtype):
    with pytest.raises(ArgumentError, match=r"`dtype` must be torch.float32 or torch.float64, got .*model's"):
        call(mlp(), X, dtype=dtype)


def test_half_precision_is_raised():
    for user in (mlp().half(), mlp().bfloat16()):
        network = Network(user)
        assert network.dtype == torch.float32
        assert {t.dtype for t in user.parameters()} != {torch.float32}
    assert Network(lambda p, x: x @ p["w"], parameters={"w": torch.ones(4, 1).half()}).dtype == torch.float32


def test_a_network_of_a_network_keeps_what_is_not_said_again():
    first = Network(nn.LSTM(4, 3, batch_first=True), parameters="weight*", output=0)
    again = Network(first)
    assert again.names == first.names and again.output == 0
    assert Network(first, parameters="bias*").names == ("bias_ih_l0", "bias_hh_l0")
    assert Network(Network(mlp().train()), mode="eval").training_parts == ()


def test_callables_are_bound_to_their_dictionary():
    def f(p, x):
        return torch.tanh(x @ p["w.0"]) @ p["w.1"]

    given = {"w.0": torch.ones(4, 2), "w.1": torch.ones(2, 1)}
    network = Network(f, parameters=given)
    expected = f(given, X)
    given["w.0"].zero_()
    assert torch.equal(network(X), expected)
    assert network.names == ("w.0", "w.1")
    assert network.apply({"w.1": torch.zeros(2, 1)}, X).abs().max() == 0
    assert Network(network, parameters="w.1").names == ("w.1",)
    assert "function, 10 of 10 parameters" in network.describe()


def test_modules_that_return_nothing_from_eval_are_taken():
    class Freezes(nn.Sequential):
        def train(self, mode=True):
            super().train(mode)

    assert Network(Freezes(nn.Linear(4, 2)))(X).shape == (3, 2)


def test_description_and_fingerprint_tell_anchors_apart():
    user = mlp()
    network = Network(user, parameters="3.*")
    assert "12 of 47 parameters in 2 tensors" in network.describe() and "float32 on cpu" in network.describe()
    assert Network(user, parameters="3.*").fingerprint == network.fingerprint
    others = [
        Network(user),
        Network(user, parameters="3.*", output=lambda out: out),
        network.to(dtype=torch.float64),
    ]
    user[1].running_mean.add_(1)
    others.append(Network(user, parameters="3.*"))
    assert len({network.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_pickles_and_deep_copies():
    network = Network(mlp(), output=None, parameters="3.*")
    for again in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert torch.equal(again(X), network(X))
        assert again.names == network.names and again.fingerprint == network.fingerprint


@pytest.mark.parametrize(
    ("model", "options", "error", "words"),
    [
        (nn.ReLU(), {}, NetworkError, "no selected parameter.*parameters="),
        (nn.Linear(4, 2).requires_grad_(False), {}, NetworkError, "no selected parameter.*requires_grad"),
        (nn.Linear(4, 2), {"parameters": []}, NetworkError, "Name at least one"),
        (nn.Linear(4, 2), {"parameters": lambda n, t: False}, NetworkError, "The predicate chose none"),
        (nn.Linear(4, 2), {"parameters": "wieght"}, UnknownNameError, "Did you mean 'weight'"),
        (nn.Linear(4, 2), {"parameters": 3}, ArgumentError, "`parameters`.*names or patterns"),
        (nn.Linear(4, 2), {"parameters": [None]}, ArgumentError, "`parameters`.*names or patterns"),
        (nn.Linear(4, 2), {"mode": "train"}, UnknownNameError, "`mode`"),
        (nn.Linear(4, 2, device="meta"), {}, NetworkError, "meta device.*to_empty"),
        (nn.Linear(4, 2, dtype=torch.complex64), {}, NetworkError, "complex64.*not real"),
        (nn.ParameterList([torch.ones(1), torch.ones(1).double()]), {}, NetworkError, "float32, torch.float64"),
        (
            nn.ParameterList([torch.tensor([float("nan")])]),
            {},
            NetworkError,
            "'0' has entries that are not finite",
        ),
        (nn.DataParallel(nn.Linear(4, 2)), {}, NetworkError, r"DataParallel.*model\.module"),
        (None, {}, ArgumentError, "an nn.Module, a Network or a callable"),
        (nn.Linear, {}, ArgumentError, r"its class Linear. Make one: Linear\(\.\.\.\)"),
        (abs, {}, ArgumentError, "dictionary of named tensors"),
        (abs, {"parameters": {"a": 1.0}}, ArgumentError, "dictionary of named tensors"),
        (abs, {"parameters": {"a": {"b": torch.ones(1)}}}, ArgumentError, "joined by dots"),
        (abs, {"parameters": {"": torch.ones(1)}}, ArgumentError, "named tensors"),
        (abs, {"parameters": {0: torch.ones(1)}}, ArgumentError, "named tensors"),
        (abs, {"parameters": {"a": torch.ones(1, dtype=torch.long)}}, NetworkError, "int64"),
        (abs, {"parameters": {"a": torch.ones(1), "a.b": torch.ones(1)}}, NetworkError, "cannot keep its name"),
    ],
)
def test_what_cannot_be_bound_is_refused_in_words(model, options, error, words):
    with pytest.raises(error, match=words):
        Network(model, **options)


@pytest.mark.parametrize("compiled", [torch.jit.script, lambda m: torch.jit.trace(m, X)])
def test_torchscript_is_refused_wherever_it_stands(compiled):
    scripted = compiled(nn.Sequential(nn.Linear(4, 2)))
    with pytest.raises(NetworkError, match="The model is compiled to TorchScript"):
        Network(scripted)
    with pytest.raises(NetworkError, match="Layer '1' is compiled to TorchScript"):
        Network(nn.Sequential(nn.Linear(4, 4), scripted))
