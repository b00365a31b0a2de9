"""Options of a network written in its name, `width=256,depth=3`, read by the types of its builder's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from types import NoneType
from typing import Any, get_args, get_type_hints

from tangentlab._errors import ArgumentError, UnknownNameError

_NOT_OPTIONS = ("input_shape", "outputs", "generator", "seed")
_KINDS = (NoneType, bool, int, float, str)
_WORDS = {
    NoneType: "none",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a word",
}


def split_options(text: str, *, network: str) -> dict[str, str]:
    """`option=value` pairs between commas, as words.

    Raises `ArgumentError` for a piece of another form or an option given twice.

    >>> split_options("width=256,activation=erf", network="mlp")
    {'width': '256', 'activation': 'erf'}
    """
    found: dict[str, str] = {}
    for piece in text.split(","):
        option, equals, value = (part.strip() for part in piece.partition("="))
        if not (option.isidentifier() and equals and value) or option in found:
            raise ArgumentError(
                f"options of {network}",
                expected="each of the form option=value, once, between commas",
                got=repr(text),
                remedy=f"Write {network}:option=value,option=value; only the catalogue's own networks may be "
                "named without a module of yours in front.",
            )
        found[option] = value
    return found


def typed_options(
    builder: Callable[..., Any], options: Mapping[str, object], *, network: str
) -> dict[str, object]:
    """The options with each word turned into the type that the builder's signature declares for it.

    Values that are no words are checked against that type. Raises `UnknownNameError` for an option that the
    builder does not take and `ArgumentError` for a value of another type.

    >>> def tower(input_shape, outputs=1, *, generator, width: int = 8, bias: bool = True): ...
    >>> typed_options(tower, {"width": "16", "bias": "false"}, network="tower")
    {'width': 16, 'bias': False}
    >>> typed_options(tower, {"with": 16}, network="tower")
    Traceback (most recent call last):
    tangentlab._errors.UnknownNameError: `option of tower` must be one of bias, width, got 'with'.
    Did you mean 'width'?
    """
    parameters = inspect.signature(builder).parameters
    named = [
        name
        for name, parameter in parameters.items()
        if name not in _NOT_OPTIONS and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    hints = _hints(builder)
    typed: dict[str, object] = {}
    for option, value in options.items():
        if option in _NOT_OPTIONS or (option not in named and not takes_any):
            if not named:
                raise ArgumentError(
                    f"option of {network}",
                    expected="left out, since its builder takes no options",
                    got=repr(option),
                    remedy="Drop it, or give the builder a keyword argument of that name.",
                )
            raise UnknownNameError(f"option of {network}", option, named)
        typed[option] = _typed(f"{option} of {network}", value, hint=hints.get(option))
    return typed


def _hints(builder: Callable[..., Any]) -> dict[str, Any]:
    """Declared types; none is known where a user's builder names one that cannot be resolved."""
    function = builder.__init__ if isinstance(builder, type) else builder
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        return {}


def _typed(name: str, value: object, *, hint: Any) -> object:
    declared = get_args(hint) or (hint,)
    kinds = [kind for kind in _KINDS if kind in declared]
    if not kinds:  # nothing declared, or a type of the user's own
        return _read(value, _KINDS)[1] if isinstance(value, str) else value
    fits, read = _read(value, kinds) if isinstance(value, str) else (_is_one_of(value, kinds), value)
    if not fits:
        words = " or ".join(_WORDS[kind] for kind in kinds)
        remedy = "Give the option a value of that type."
        raise ArgumentError(name, expected=words, got=repr(value), remedy=remedy)
    return read


def _read(text: str, kinds: list[type] | tuple[type, ...]) -> tuple[bool, object]:
    """Whether the text is one of the kinds, and its value as the first that it is."""
    fixed = {"none": (NoneType, None), "true": (bool, True), "false": (bool, False)}
    kind, value = fixed.get(text.lower(), (str, text))
    if kind in kinds and kind is not str:
        return True, value
    for number in (int, float):
        if number in kinds:
            try:
                return True, number(text)
            except ValueError:
                continue
    return str in kinds, text


def _is_one_of(value: object, kinds: list[type]) -> bool:
    if value is None or isinstance(value, bool):
        return type(value) in kinds
    if isinstance(value, Integral):
        return int in kinds or float in kinds
    return isinstance(value, Real) and float in kinds
