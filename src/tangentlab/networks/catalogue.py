"""The networks that come with the laboratory, by name, and the door for the user's own."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

from torch import nn

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_whole_number
from tangentlab.networks.builder_options import split_options, typed_options
from tangentlab.networks.lenet import lenet
from tangentlab.networks.mlp import mlp
from tangentlab.networks.myrtle import myrtle
from tangentlab.networks.resnet import resnet18
from tangentlab.networks.sizes import expect_input_shape
from tangentlab.networks.user_builder import build_user_network
from tangentlab.networks.vgg import vgg
from tangentlab.networks.vit import vit

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "mlp": mlp,
    "lenet": lenet,
    "myrtle": myrtle,
    "resnet18": resnet18,
    "vgg": vgg,
    "vit": vit,
}
"""Name to builder: builder(input_shape, outputs, *, generator, initialization, **options) -> nn.Module."""


def build_network(
    name: str,
    input_shape: tuple[int, ...],
    *,
    outputs: int,
    seed: int,
    initialization: str = "lecun",
    **options: object,
) -> nn.Module:
    """The named network for rows of `input_shape`, with its weights drawn from `seed`.

    `name` is one of `NETWORKS` ("mlp"), one with options ("mlp:width=256,depth=3",
    "lenet:initialization=torch"), or a builder of your own ("package.module:callable", then ":option=value"
    if wished; see `build_user_network`). Options may also come as keywords; those in the name go before
    `initialization`. A builder of your own keeps its own initialization unless it takes that argument. The
    same seed gives the same weights, bit for bit, and the global random state is not touched. The module is
    in train mode, as PyTorch makes modules.

    Raises `UnknownNameError` for an unknown name or option, `ArgumentError` for a value of another type and
    `ShapeError` for inputs that the network cannot take, before any weight is drawn.

    >>> build_network("mlp:width=16,depth=1", (1, 8, 8), outputs=1, seed=0)
    Sequential(
      (flatten): Flatten(start_dim=1, end_dim=-1)
      (hidden1): Linear(in_features=64, out_features=16, bias=True)
      (activation1): ReLU()
      (readout): Linear(in_features=16, out_features=1, bias=True)
    )
    """
    head, colon, rest = name.strip().partition(":") if isinstance(name, str) else ("", "", "")
    input_shape = expect_input_shape(input_shape)
    outputs = expect_whole_number("outputs", outputs)
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise ArgumentError("seed", expected="a whole number", got=seed, remedy="Try seed=0.")
    if head not in NETWORKS:
        expect_network_name(name)
        path, more, text = rest.partition(":")
        target = f"{head}:{path}"
        options = _joined(text if more else None, options, network=target)
        return build_user_network(
            target, input_shape, outputs=outputs, seed=seed, initialization=initialization, options=options
        )
    builder = NETWORKS[head]
    options = typed_options(builder, _joined(rest if colon else None, options, network=head), network=head)
    options.setdefault("initialization", initialization)
    return builder(input_shape, outputs, generator=generator(seed, "network"), **options)


def expect_network_name(name: str) -> None:
    """Refuse a name or an option that the catalogue does not have, without building; builders of one's own pass.

    >>> expect_network_name("mlp:width=8"), expect_network_name("my.module:build")
    (None, None)
    >>> expect_network_name("mpl")
    Traceback (most recent call last):
    tangentlab._errors.UnknownNameError: `network` must be one of ... Did you mean 'mlp'?
    """
    head, colon, rest = name.strip().partition(":") if isinstance(name, str) else ("", "", "")
    if head in NETWORKS:
        typed_options(NETWORKS[head], _joined(rest if colon else None, {}, network=head), network=head)
    elif not rest:
        raise UnknownNameError("network", name, [*NETWORKS, "package.module:callable"])


def split_network_names(text: str) -> list[str]:
    """Names between commas, where a piece like `depth=3` belongs to the name before it.

    >>> split_network_names("mlp:width=256,depth=3,lenet")
    ['mlp:width=256,depth=3', 'lenet']
    """
    names: list[str] = []
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        continues = "=" in piece and ":" not in piece.partition("=")[0]
        if continues and names and ":" in names[-1]:
            names[-1] += f",{piece}"
        else:
            names.append(piece)
    return names


def _joined(text: str | None, options: dict[str, object], *, network: str) -> dict[str, object]:
    """Options from the name and from keywords; one that comes both ways is refused."""
    written = {} if text is None else split_options(text, network=network)
    if twice := sorted(written.keys() & options.keys()):
        raise ArgumentError(
            f"{twice[0]} of {network}",
            expected="given once",
            got="it in the name and as a keyword",
            remedy="Drop one of them.",
        )
    return {**options, **written}
