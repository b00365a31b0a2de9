"""The vision transformer."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tangentlab._errors import ArgumentError, ShapeError
from tangentlab.networks.vit import AttentionBlock, PatchTokens, SelfAttention, vit


@pytest.mark.parametrize(
    ("shape", "patch", "tokens"),
    [((1, 8, 8), 2, 17), ((1, 28, 28), 4, 50), ((3, 32, 32), 4, 65), ((1, 31, 9), 4, 25), ((1, 1, 1), 2, 2)],
)
def test_patch_size_adapts_to_the_image(shape, patch, tokens, generator):
    model = vit(shape, 3, width=8, depth=1, heads=2, generator=generator)
    assert model.tokens.patch == patch
    assert model.tokens.positions.shape == (tokens, 8)
    assert model(torch.zeros(2, *shape)).shape == (2, 3)


def test_parameter_count_is_that_of_the_formula(generator):
    d, depth, tokens, pixels = 128, 4, 65, 48
    expected = d * (pixels + 1) + d + tokens * d + depth * (12 * d * d + 13 * d) + 2 * d + (d + 1)
    model = vit((3, 32, 32), 1, generator=generator)
    assert expected == 808_193
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_patches_are_the_squares_of_the_image_in_reading_order():
    with torch.random.fork_rng():
        tokens = PatchTokens((2, 3, 5), width=8, patch=2).double()
    with torch.no_grad():
        tokens.embedding.weight.copy_(torch.eye(8))
        tokens.embedding.bias.zero_()
        tokens.class_token.fill_(7)
        tokens.positions.zero_()
    x = torch.arange(2 * 2 * 3 * 5, dtype=torch.float64).reshape(2, 2, 3, 5)
    padded = F.pad(x, (0, 1, 0, 1))
    squares = [padded[:, :, i : i + 2, j : j + 2].flatten(1) for i in (0, 2) for j in (0, 2, 4)]
    expected = torch.stack([torch.full((2, 8), 7.0, dtype=torch.float64), *squares], 1)
    assert torch.equal(tokens(x), expected)


def test_attention_equals_pytorchs_multihead_attention(generator):
    with torch.random.fork_rng():
        ours = SelfAttention(8, heads=2).double()
        theirs = nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([layer.weight for layer in (ours.query, ours.key, ours.value)]))
        theirs.in_proj_bias.copy_(torch.cat([layer.bias for layer in (ours.query, ours.key, ours.value)]))
        theirs.out_proj.weight.copy_(ours.join.weight)
        theirs.out_proj.bias.copy_(ours.join.bias)
    x = torch.randn(3, 5, 8, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0], rtol=1e-12, atol=1e-12)


def test_block_equals_pytorchs_pre_norm_encoder_layer(generator):
    with torch.random.fork_rng():
        ours = AttentionBlock(8, heads=2).double()
        theirs = nn.TransformerEncoderLayer(
            8, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, dtype=torch.float64
        )
    attention = ours.attention
    with torch.no_grad():
        for kind in ("weight", "bias"):
            rows = [getattr(layer, kind) for layer in (attention.query, attention.key, attention.value)]
            getattr(theirs.self_attn, f"in_proj_{kind}").copy_(torch.cat(rows))
        theirs.self_attn.out_proj.load_state_dict(attention.join.state_dict())
        theirs.linear1.load_state_dict(ours.hidden.state_dict())
        theirs.linear2.load_state_dict(ours.out.state_dict())
    x = torch.randn(3, 5, 8, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bad", [{"heads": 3}, {"patch": 0}, {"depth": 0}])
def test_bad_sizes_are_refused(bad, generator):
    with pytest.raises(ArgumentError):
        vit((1, 8, 8), 1, generator=generator, **bad)


def test_a_flat_input_is_refused(generator):
    with pytest.raises(ShapeError, match="vit"):
        vit((64,), 1, generator=generator)
