"""Every public name has a page: what it is, and an example that runs."""

import ast
import inspect
from pathlib import Path

import pytest

import tangentlab as tl

POSITIONAL = {
    "train": ["module", "x", "y", "descent"],
    "train_many": ["modules", "x", "y", "descents"],
    "train_function_space": ["K", "f0", "y", "descent"],
    "train_function_space_many": ["K", "f0", "targets", "descents"],
    "eigenfunction_task": ["kernel", "x", "index"],
    "eigenfunction_bank": ["kernel", "x", "indices"],
    "anisotropy_bank": ["model", "shape", "indices"],
    "alignment_from_gradient": ["model", "x", "y"],
    "predict": ["model", "x", "y"],
    "diagnose": ["model", "x", "y"],
    "layer_shares": ["model", "x", "y"],
}
"""More than two by position: what a training needs, in one order for all trainings, what learns before what is learnt;
and the function of a kernel on rows that an index picks."""

CALLABLE = [name for name in tl.__all__ if callable(getattr(tl, name))]


def test_the_typed_list_and_the_lazy_list_are_one():
    tree = ast.parse(Path(tl.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.asname for node in block.body for alias in node.names}
    assert typed == set(tl.__all__)


@pytest.mark.parametrize("name", tl.__all__)
def test_public_name_resolves_and_is_documented(name):
    value = getattr(tl, name)
    assert inspect.getdoc(value)
    assert name in dir(tl)
    assert (
        name in tl.__doc__
        or name.endswith("Error")
        or name in ("Jacobian", "LinearizedModule", "Eigenpairs", "Results")
    )


@pytest.mark.parametrize("name", CALLABLE)
def test_public_callable_has_a_runnable_example(name):
    assert ">>>" in inspect.getdoc(getattr(tl, name))


@pytest.mark.parametrize("name", [name for name in CALLABLE if not inspect.isclass(getattr(tl, name))])
def test_public_function_takes_at_most_two_positional_arguments(name):
    kinds = inspect.signature(getattr(tl, name)).parameters.values()
    positional = [p.name for p in kinds if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty]
    assert positional == POSITIONAL[name] if name in POSITIONAL else len(positional) <= 2


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nkt'"):
        tl.nkt
