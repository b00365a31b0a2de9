"""A network of the user's own, from a module in the current folder."""

import random
import sys

import numpy as np
import pytest
import torch
from torch import nn

from tangentlab._errors import ArgumentError, NetworkError
from tangentlab.networks.catalogue import build_network

SOURCE = """
import random
import numpy as np
import torch
from torch import nn

AT_IMPORT = torch.randn(3)

def nothing():
    return nn.Linear(4, 1)

def all_libraries():
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[random.random(), float(np.random.rand())]]))
        layer.bias.copy_(torch.rand(1))
    return layer

def sized(input_shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(input_shape[0] * input_shape[1] * input_shape[2], outputs))

def told(*, seed, generator, initialization, depth: int = 1):
    layer = nn.Linear(1, depth)
    layer.told = (seed, int(torch.randint(2**40, (1,), generator=generator)), initialization)
    return layer

class Net(nn.Module):
    def __init__(self, outputs=2, width: int = 3):
        super().__init__()
        self.layer = nn.Linear(width, outputs)

    @classmethod
    def wide(cls, outputs):
        return cls(outputs, 50)

ready = nn.Linear(5, 5)
number = 3

def wrong():
    return "not a module"

def breaks():
    raise RuntimeError("no  such\\nlayer.")

def needs(hidden, outputs):
    return nn.Linear(hidden, outputs)

def positional(outputs, /):
    return nn.Linear(1, outputs)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The name of a fresh module in the current folder."""
    name = f"own_networks_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    yield name
    sys.modules.pop(name, None)


def build(name, seed=0, **rest):
    return build_network(name, (1, 2, 2), outputs=3, seed=seed, **rest)


def test_a_callable_without_arguments_is_called(own):
    assert isinstance(build(f"{own}:nothing"), nn.Linear)


def test_a_callable_gets_the_arguments_it_names(own):
    assert build(f"{own}:sized")(torch.zeros(2, 1, 2, 2)).shape == (2, 3)
    seed, drawn, initialization = build(f"{own}:told", seed=4, initialization="torch").told
    assert (seed, initialization) == (4, "torch")
    assert drawn == build(f"{own}:told", seed=4).told[1] != build(f"{own}:told", seed=5).told[1]


def test_classes_and_class_methods_are_callables(own):
    assert build(f"{own}:Net").layer.out_features == 3
    assert build(f"{own}:Net.wide").layer.in_features == 50


def test_options_reach_the_callable_with_their_types(own):
    assert build(f"{own}:Net:width=7").layer.in_features == 7
    assert build(f"{own}:told", depth=4).out_features == 4
    assert build(f"{own}:needs:hidden=6").in_features == 6
    with pytest.raises(ArgumentError, match="must be one of width, got"):
        build(f"{own}:Net:depth=7")


def test_a_module_already_built_is_copied(own):
    first, second = build(f"{own}:ready"), build(f"{own}:ready")
    assert first is not second
    assert torch.equal(first.weight, second.weight)
    assert first.weight.data_ptr() != second.weight.data_ptr()


def test_draws_from_global_generators_repeat_and_leave_them_as_they_were(own):
    before = random.getstate(), np.random.get_state()[1].copy(), torch.random.get_rng_state()
    first, again, other = (build(f"{own}:all_libraries", seed=seed) for seed in (0, 0, 1))
    assert random.getstate() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert torch.equal(torch.random.get_rng_state(), before[2])
    assert torch.equal(first.weight, again.weight)
    assert torch.equal(first.bias, again.bias)
    # each of the three libraries was seeded
    assert not (first.weight == other.weight).any()
    assert not torch.equal(first.bias, other.bias)


def test_the_first_build_imports_and_the_second_does_not_and_both_draw_the_same(own):
    at_first = build(f"{own}:nothing", seed=3)
    drawn = sys.modules[own].AT_IMPORT.clone()
    assert torch.equal(build(f"{own}:nothing", seed=3).weight, at_first.weight)
    del sys.modules[own]
    build(f"{own}:nothing", seed=9)
    assert torch.equal(sys.modules[own].AT_IMPORT, drawn)


def test_the_search_path_is_as_it_was(own):
    before = list(sys.path)
    build(f"{own}:nothing")
    with pytest.raises(ArgumentError):
        build(f"{own}:nothin")
    assert sys.path == before


@pytest.mark.parametrize(
    ("target", "kind", "sentence"),
    [
        ("absent_module:build", ArgumentError, "No module named 'absent_module'.*Run from the folder"),
        ("{own}:nothin", ArgumentError, "Did you mean 'nothing'"),
        ("{own}:zzzzzz", ArgumentError, "Define zzzzzz in"),
        ("{own}.py:nothing", ArgumentError, "leave out .py"),
        ("folder/{own}:nothing", ArgumentError, "leave out .py"),
        ("{own}:number", ArgumentError, "which is of type int"),
        ("{own}:wrong", NetworkError, "made a str, not a torch.nn.Module"),
        ("{own}:breaks", NetworkError, r"failed \(RuntimeError: no such layer\)"),
        ("{own}:needs", NetworkError, "needs hidden, which is not among.*:hidden=value"),
        ("{own}:positional", NetworkError, "needs outputs"),
    ],
)
def test_what_does_not_lead_to_a_module_is_refused_in_one_sentence(own, target, kind, sentence):
    with pytest.raises(kind, match=sentence) as refused:
        build(target.format(own=own))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(:", "SyntaxError"),
        ("import absent_dependency", "ModuleNotFoundError"),
        ("raise SystemExit(2)", "SystemExit: 2"),
    ],
)
def test_a_module_that_fails_on_import_is_refused_with_the_command_that_shows_it(own, tmp_path, source, words):
    (tmp_path / "broken_networks.py").write_text(source)
    with pytest.raises(
        ArgumentError, match=f"{words}.*Mend it until this runs: python -c 'import broken_networks'"
    ):
        build("broken_networks:build")
    sys.modules.pop("broken_networks", None)
