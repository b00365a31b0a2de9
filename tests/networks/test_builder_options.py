"""Options in a network's name."""

import pytest

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.networks.builder_options import split_options, typed_options


def tower(
    input_shape,
    outputs=1,
    *,
    generator,
    width: int = 8,
    rate: float = 0.5,
    bias: bool = True,
    patch: int | None = None,
    activation: str = "relu",
    free=None,
):
    """A builder in signature only."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("width=16", {"width": 16}),
        ("rate=2", {"rate": 2.0}),
        ("rate=1e-3", {"rate": 1e-3}),
        ("bias=False", {"bias": False}),
        ("patch=none", {"patch": None}),
        ("patch=4", {"patch": 4}),
        ("activation=true", {"activation": "true"}),
        (" width = 16 , bias=true", {"width": 16, "bias": True}),
        ("free=3", {"free": 3}),
        ("free=0.5", {"free": 0.5}),
        ("free=deep", {"free": "deep"}),
    ],
)
def test_words_are_read_by_the_declared_type(text, expected):
    typed = typed_options(tower, split_options(text, network="tower"), network="tower")
    assert typed == expected
    assert [type(value) for value in typed.values()] == [type(value) for value in expected.values()]


@pytest.mark.parametrize("text", ["", "width", "width=", "=3", "width=1,width=2", "a b=3", "width=1,,bias=true"])
def test_text_that_is_no_list_of_options_is_refused(text):
    with pytest.raises(ArgumentError, match="option=value"):
        split_options(text, network="tower")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": "wide"}, "a whole number"),
        ({"width": "1.5"}, "a whole number"),
        ({"width": 1.5}, "a whole number"),
        ({"width": True}, "a whole number"),
        ({"bias": "maybe"}, "true or false"),
        ({"bias": 1}, "true or false"),
        ({"rate": "fast"}, "a number"),
        ({"patch": "x"}, "none or a whole number"),
        ({"activation": 3}, "a word"),
    ],
)
def test_a_value_of_another_type_is_refused_in_words(options, words):
    with pytest.raises(ArgumentError, match=f"must be {words}, got"):
        typed_options(tower, options, network="tower")


@pytest.mark.parametrize("options", [{"rate": 1}, {"patch": None}, {"bias": False}, {"width": 3}])
def test_values_of_the_declared_type_pass_unchanged(options):
    assert typed_options(tower, options, network="tower") == options


@pytest.mark.parametrize("name", ["depth", "outputs", "generator", "input_shape"])
def test_unknown_options_list_the_known_ones(name):
    with pytest.raises(UnknownNameError, match="one of activation, bias, free, patch, rate, width"):
        typed_options(tower, {name: 3}, network="tower")


def test_a_builder_without_options_says_so():
    with pytest.raises(ArgumentError, match="takes no options"):
        typed_options(lambda: None, {"width": 3}, network="m:f")


def test_a_builder_with_open_keywords_takes_any_option():
    assert typed_options(lambda **rest: None, {"width": "3"}, network="m:f") == {"width": 3}
