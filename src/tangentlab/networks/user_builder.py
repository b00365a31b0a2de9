"""A network of the user's own, named as `package.module:callable`."""

from __future__ import annotations

import copy
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from torch import nn

from tangentlab._errors import ArgumentError, NetworkError, TangentlabError
from tangentlab._seeds import derive, generator, seeded_randomness
from tangentlab.networks.builder_options import typed_options


def build_user_network(
    target: str,
    input_shape: tuple[int, ...],
    *,
    outputs: int,
    seed: int,
    initialization: str = "lecun",
    options: Mapping[str, object] | None = None,
) -> nn.Module:
    """Import `package.module`, call its `callable`, and return the module it makes.

    The callable (a function or a class) gets by keyword those of `input_shape`, `outputs`, `seed`,
    `generator` and `initialization` that its signature names, and the options; it may take nothing. A name
    that stands for a module already built gives a copy of it. The current folder is searched first, as
    `python -m` does.

    The call runs with the global random states of Python, NumPy and torch (CPU, and CUDA where it is in use)
    seeded from `seed`, and put back afterwards: a builder that draws from them gives the same network each
    time. What the module draws while it is imported does not depend on the seed.

    Raises `ArgumentError` for a name that does not lead to a callable and `NetworkError` if the callable
    fails or makes anything but an `nn.Module`.

    >>> build_user_network("torch.nn:Flatten", (1, 8, 8), outputs=1, seed=0)
    Flatten(start_dim=1, end_dim=-1)
    """
    with _current_folder_first():
        with seeded_randomness(0):  # a module is imported once, whatever seeds follow
            found = _find(target)
        if isinstance(found, nn.Module):
            return copy.deepcopy(found)
        return call_builder(
            found,
            input_shape,
            name=target,
            outputs=outputs,
            seed=seed,
            initialization=initialization,
            options=options,
        )


def call_builder(
    builder: Callable[..., Any],
    input_shape: tuple[int, ...],
    *,
    name: str,
    outputs: int,
    seed: int,
    initialization: str = "lecun",
    options: Mapping[str, object] | None = None,
) -> nn.Module:
    """The module that a function or class makes, called as `build_user_network` calls it; `name` is for messages.

    >>> call_builder(lambda outputs: nn.Linear(3, outputs), (3,), name="mine", outputs=2, seed=0).out_features
    2
    """
    keywords: dict[str, object] = {
        "input_shape": tuple(input_shape),
        "outputs": outputs,
        "seed": seed,
        "generator": generator(seed, "network"),
        "initialization": initialization,
    }
    with seeded_randomness(derive(seed, "network")):
        return _call(builder, target=name, keywords=keywords, options=options or {})


def _find(target: str) -> Any:
    """The object behind the name."""
    module_name, _, path = target.partition(":")
    names = module_name.split(".") + path.split(".")
    if not all(name.isidentifier() for name in names) or module_name.endswith(".py"):
        raise ArgumentError(
            "network",
            expected="a name of the form package.module:callable",
            got=repr(target),
            remedy="Write dots for folders and leave out .py, such as models.tower:build.",
        )
    importlib.invalidate_caches()
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        absent = isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}.")
        raise ArgumentError(
            "network",
            expected="package.module:callable whose module can be imported",
            got=f"{target!r} ({_in_words(error)})",
            remedy="Run from the folder that holds the module, or install its package."
            if absent
            else f"Mend it until this runs: python -c 'import {module_name}'",
        ) from error
    for name in path.split("."):
        if not hasattr(found, name):
            near = get_close_matches(name, dir(found), n=1)
            raise ArgumentError(
                "network",
                expected="package.module:callable whose module has the callable",
                got=f"{target!r}, where '{name}' is not found",
                remedy=f"Did you mean '{near[0]}'?" if near else f"Define {name} in {module_name}.",
            )
        found = getattr(found, name)
    if not callable(found):
        raise ArgumentError(
            "network",
            expected="package.module:callable",
            got=f"{target!r}, which is of type {type(found).__name__}",
            remedy="Name a function or class that makes the network.",
        )
    return found


def _call(
    builder: Callable[..., Any], *, target: str, keywords: dict[str, object], options: Mapping[str, object]
) -> nn.Module:
    try:
        parameters = inspect.signature(builder).parameters.values()
    except (TypeError, ValueError) as error:
        raise NetworkError(
            f"The builder '{target}' does not tell its arguments.", remedy="Wrap it in a function of your own."
        ) from error
    keyword_kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    named = {parameter.name for parameter in parameters if parameter.kind in keyword_kinds}
    given = {name: value for name, value in keywords.items() if name in named}
    given.update(typed_options(builder, options, network=target))
    missing = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and (parameter.name not in given or parameter.kind is parameter.POSITIONAL_ONLY)
    ]
    if missing:
        raise NetworkError(
            f"The builder '{target}' needs {', '.join(missing)}, which is not among {', '.join(keywords)}.",
            remedy=f"Give it a default, or write {target}:{missing[0]}=value.",
        )
    try:
        model = builder(**given)
    except TangentlabError:
        raise
    except Exception as error:
        raise NetworkError(
            f"The builder '{target}' failed ({_in_words(error)}).",
            remedy=f"Call it by itself with {', '.join(given) or 'no arguments'}.",
        ) from error
    if not isinstance(model, nn.Module):
        raise NetworkError(
            f"The builder '{target}' made a {type(model).__name__}, not a torch.nn.Module.",
            remedy="Return the module itself.",
        )
    return model


def _in_words(error: BaseException) -> str:
    words = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


@contextmanager
def _current_folder_first() -> Iterator[None]:
    """The installed command does not search the current folder; a user who names a module there means it."""
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
