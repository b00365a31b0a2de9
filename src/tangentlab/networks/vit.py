"""A small vision transformer: patches and a class token through pre-norm attention blocks."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from typing import final

import torch
from torch import nn
from torch.nn import functional as F

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_whole_number
from tangentlab.networks.initialization import initialized
from tangentlab.networks.sizes import expect_image


@final
class PatchTokens(nn.Module):
    """Image -> tokens: each patch through one linear map, a class token in front, a learned position added.

    (n, channels, h, w) -> (n, 1 + patches, width). Images are padded with zeros, right and below, to whole
    patches.

    >>> draws = torch.Generator().manual_seed(0)
    >>> tokens = initialized(lambda: PatchTokens((1, 8, 8), width=4, patch=2), generator=draws)
    >>> tokens(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 17, 4])
    """

    def __init__(self, image: tuple[int, int, int], *, width: int, patch: int):
        super().__init__()
        channels, height, across = image
        self.patch = patch
        self.grid = ceil(height / patch), ceil(across / patch)
        self.padding = (0, self.grid[1] * patch - across, 0, self.grid[0] * patch - height)
        self.embedding = nn.Linear(channels * patch * patch, width)
        self.class_token = nn.Parameter(torch.empty(width))
        self.positions = nn.Parameter(torch.empty(1 + self.grid[0] * self.grid[1], width))

    def draw_parameters(self, generator: torch.Generator) -> None:
        """Class token 0 and standard normal positions, as PyTorch draws its embeddings.

        The usual deviation of 0.02 would send so short a class token into the first LayerNorm that its
        derivative, 50 times larger, rules the tangent kernel and forbids ordinary learning rates.
        """
        nn.init.zeros_(self.class_token)
        nn.init.normal_(self.positions, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The tokens of each row."""
        rows, channels = x.shape[:2]
        down, across = self.grid
        cut = F.pad(x, self.padding).reshape(rows, channels, down, self.patch, across, self.patch)
        patches = cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        first = self.class_token.expand(rows, 1, -1)
        return torch.cat([first, self.embedding(patches)], 1) + self.positions


@final
class SelfAttention(nn.Module):
    """softmax(Q Kᵀ / √(width/heads)) V for each head, joined by a linear map, (n, s, width) -> (n, s, width).

    Written out in matrix products, not a fused kernel, so that forward-mode derivatives and `vmap` work on
    every device.

    >>> draws = torch.Generator().manual_seed(0)
    >>> attention = initialized(lambda: SelfAttention(8, heads=2), generator=draws)
    >>> attention(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, width: int, *, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.join = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Each token's mixture of the values of its own row."""
        rows, positions, width = tokens.shape
        query, key, value = (
            layer(tokens).reshape(rows, positions, self.heads, width // self.heads).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / (width // self.heads) ** 0.5
        mixed = scores.softmax(-1) @ value
        return self.join(mixed.transpose(1, 2).flatten(2))


@final
class AttentionBlock(nn.Module):
    """h = t + attention(LN t), then h + W₂ gelu(W₁ LN h) with 4·width hidden units.

    Shapes: (n, s, width) -> (n, s, width).

    >>> draws = torch.Generator().manual_seed(0)
    >>> block = initialized(lambda: AttentionBlock(8, heads=2), generator=draws)
    >>> block(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, width: int, *, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads=heads)
        self.norm2 = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, 4 * width)
        self.activation = nn.GELU()
        self.out = nn.Linear(4 * width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """The block's tokens."""
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.out(self.activation(self.hidden(self.norm2(tokens))))


@final
class ClassToken(nn.Module):
    """The first token of each row, (n, s, width) -> (n, width).

    >>> ClassToken()(torch.eye(3)[None])
    tensor([[1., 0., 0.]])
    """

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Token 0."""
        return tokens[:, 0]


def vit(
    input_shape: tuple[int, ...],
    outputs: int = 1,
    *,
    generator: torch.Generator,
    initialization: str = "lecun",
    width: int = 128,
    depth: int = 4,
    heads: int = 4,
    patch: int | None = None,
) -> nn.Module:
    """A vision transformer of `depth` blocks and `heads` heads on tokens of `width`.

    Shapes: (n, channels, height, width) -> (n, outputs).

    Source: Dosovitskiy et al. (2021), pre-norm with class token and learned positions, no dropout. `patch` is
    the side of a patch in pixels; None takes the least side of 2 or more that leaves at most 8 patches each
    way: 2 on 8×8 images, 4 on 28×28 and 32×32. 808,193 parameters on (3, 32, 32) with one output.

    Raises `ShapeError` unless the input is an image, `ArgumentError` for sizes below 1 or a width that the
    heads do not divide, `UnknownNameError` for an unknown initialization.

    >>> network = vit((1, 8, 8), 10, generator=torch.Generator().manual_seed(0))
    >>> network(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    image = expect_image("vit", input_shape)
    outputs = expect_whole_number("outputs", outputs)
    width, depth, heads = (
        expect_whole_number(name, value) for name, value in (("width", width), ("depth", depth), ("heads", heads))
    )
    side = max(2, ceil(max(image[1:]) / 8)) if patch is None else expect_whole_number("patch", patch)
    if width % heads:
        near = heads * max(1, round(width / heads))
        raise ArgumentError(
            "width",
            expected=f"a multiple of the {heads} heads",
            got=width,
            remedy=f"Try width={near}.",
        )

    def make() -> nn.Module:
        layers: OrderedDict[str, nn.Module] = OrderedDict(tokens=PatchTokens(image, width=width, patch=side))
        for level in range(1, depth + 1):
            layers[f"block{level}"] = AttentionBlock(width, heads=heads)
        layers["norm"] = nn.LayerNorm(width)
        layers["class_token"] = ClassToken()
        layers["readout"] = nn.Linear(width, outputs)
        return nn.Sequential(layers)

    return initialized(make, generator=generator, initialization=initialization)
