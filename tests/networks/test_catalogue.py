"""What every network of the catalogue must be, and how it is named."""

import inspect

import pytest
import torch
from torch.func import functional_call, jvp, vmap

from tangentlab._errors import ArgumentError, ShapeError, UnknownNameError
from tangentlab.networks.catalogue import NETWORKS, build_network, split_network_names

# every member of the table, small where its default is large
SMALL = {
    "mlp": "mlp",
    "lenet": "lenet",
    "myrtle": "myrtle:width=4",
    "resnet18": "resnet18:width=4",
    "vgg": "vgg:width=4",
    "vit": "vit:width=16,depth=2",
}
VARIANTS = [*SMALL.values(), "resnet18:width=4,zero_init_residual=false", "vgg:width=4,batch_norm=true"]


def test_every_network_is_tested_small():
    assert SMALL.keys() == NETWORKS.keys()


def images(n, shape=(1, 8, 8), dtype=torch.float64):
    return torch.randn(n, *shape, dtype=dtype, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32)])
def test_outputs_are_rows_by_classes(name, shape):
    model = build_network(name, shape, outputs=3, seed=0).eval()
    found = model(images(2, shape, torch.float32))
    assert found.shape == (2, 3)
    assert found.isfinite().all()
    assert found.dtype == torch.float32


@pytest.mark.parametrize("initialization", ["lecun", "torch"])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_seed_decides_every_bit_and_another_seed_another_network(name, initialization):
    first, again, other = (
        build_network(name, (1, 8, 8), outputs=2, seed=seed, initialization=initialization).state_dict()
        for seed in (5, 5, 6)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["readout.weight"], other["readout.weight"])


@pytest.mark.parametrize("name", VARIANTS)
def test_building_leaves_the_global_random_state(name):
    before = torch.random.get_rng_state()
    build_network(name, (1, 8, 8), outputs=2, seed=0, initialization="torch")
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", VARIANTS)
def test_rows_are_independent_in_eval(name):
    model = build_network(name, (1, 8, 8), outputs=2, seed=0).double().eval()
    x = images(5).requires_grad_()
    together = model(x)
    one_by_one = torch.cat([model(x[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(together, one_by_one, rtol=1e-12, atol=1e-12)  # rounding of other block sizes
    (gradient,) = torch.autograd.grad(together[2].sum(), x)
    assert not gradient[[0, 1, 3, 4]].any()
    assert gradient[2].any()


@pytest.mark.parametrize("name", VARIANTS)
def test_forward_mode_and_reverse_mode_are_adjoint(name):
    model = build_network(name, (1, 8, 8), outputs=2, seed=0, initialization="torch").double().eval()
    x, draws = images(3), torch.Generator().manual_seed(2)
    parameters = {key: value.detach() for key, value in model.named_parameters()}
    tangent = {
        key: torch.randn(value.shape, dtype=value.dtype, generator=draws) for key, value in parameters.items()
    }
    cotangent = torch.randn(3, 2, dtype=torch.float64, generator=draws)
    _, pushed = jvp(lambda held: functional_call(model, held, (x,)), (parameters,), (tangent,))
    pulled = torch.autograd.grad((model(x) * cotangent).sum(), list(model.parameters()))
    expected = sum((tangent[key] * value).sum() for key, value in zip(parameters, pulled))
    torch.testing.assert_close((pushed * cotangent).sum(), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", VARIANTS)
def test_networks_work_row_by_row_under_vmap(name):
    model = build_network(name, (1, 8, 8), outputs=2, seed=0).double().eval()
    x = images(3)
    found = vmap(lambda row: model(row[None])[0])(x)
    torch.testing.assert_close(found, model(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("builder", NETWORKS.values(), ids=NETWORKS)
def test_builders_share_one_signature(builder):
    parameters = list(inspect.signature(builder).parameters.values())
    assert [parameter.name for parameter in parameters[:4]] == [
        "input_shape",
        "outputs",
        "generator",
        "initialization",
    ]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters[2:])
    assert all(parameter.default is not parameter.empty for parameter in parameters[3:])


def test_options_in_the_name_equal_options_by_keyword():
    written = build_network("mlp:width=7,depth=1,initialization=torch", (4,), outputs=2, seed=0)
    given = build_network("mlp", (4,), outputs=2, seed=0, initialization="torch", width=7, depth=1)
    for ours, theirs in zip(written.parameters(), given.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("lenett", UnknownNameError, "Did you mean 'lenet'"),
        ("", UnknownNameError, "package.module:callable"),
        (3, UnknownNameError, "one of lenet, mlp"),
        ("mlp:", ArgumentError, "option=value"),
        ("mlp:build", ArgumentError, "option=value"),
        ("mlp:widht=3", UnknownNameError, "one of activation, depth, initialization, width.*Did you mean 'width'"),
        ("mlp:width=wide", ArgumentError, "`width of mlp` must be a whole number"),
        ("mlp:width=0", ArgumentError, "`width` must be a whole number of at least 1"),
        ("mlp:initialization=zero", UnknownNameError, "one of lecun, torch"),
        ("mlp:activation=rel", UnknownNameError, "Did you mean 'relu'"),
        ("mlp:outputs=3", UnknownNameError, "one of activation"),
    ],
)
def test_names_that_mean_nothing_are_refused(name, kind, sentence):
    with pytest.raises(kind, match=sentence):
        build_network(name, (1, 8, 8), outputs=1, seed=0)


def test_an_option_given_twice_is_refused():
    with pytest.raises(ArgumentError, match="given once"):
        build_network("mlp:width=3", (4,), outputs=1, seed=0, width=4)


@pytest.mark.parametrize("name", ["lenet", "myrtle", "resnet18", "vgg", "vit"])
def test_flat_rows_are_refused_by_networks_for_images(name):
    with pytest.raises(ShapeError, match=rf"\(channels, height, width\) for the network {name}"):
        build_network(name, (64,), outputs=1, seed=0)


@pytest.mark.parametrize("bad", [{"outputs": 0}, {"outputs": 1.5}, {"seed": 0.5}, {"seed": None}, {"seed": True}])
def test_bad_outputs_and_seeds_are_refused(bad):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        build_network("mlp", (4,), **{"outputs": 1, "seed": 0, **bad})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mlp,lenet", ["mlp", "lenet"]),
        ("mlp:width=256,depth=3,lenet", ["mlp:width=256,depth=3", "lenet"]),
        ("mlp:width=2,mlp:width=3,depth=1", ["mlp:width=2", "mlp:width=3,depth=1"]),
        ("a.b:f,a.b:g:width=1,depth=2", ["a.b:f", "a.b:g:width=1,depth=2"]),
        (" mlp , ,lenet,", ["mlp", "lenet"]),
        ("mlp,width=3", ["mlp", "width=3"]),
        ("", []),
    ],
)
def test_commas_separate_names_but_not_options(text, expected):
    assert split_network_names(text) == expected
