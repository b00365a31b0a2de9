"""Unmodified models of the transformers package: every flavour of their kernels, and their linearization."""

import pytest
import torch

from oracles.ntk_by_loops import flavoured, jacobian_by_loops, ntk_by_loops
from tangentlab._errors import NetworkError
from tangentlab.kernels import NeuralTangentKernel, ntk
from tangentlab.networks import Network
from tangentlab.tangent import linearize

transformers = pytest.importorskip("transformers")

FLAVOURS = ("full", "trace", "mean", "diagonal", "sum", 0, -1)
TOLERANCE = 1e-9
SMALL = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 12}


def tokens(n, length=5, below=20):
    return torch.randint(1, below, (n, length), generator=torch.Generator().manual_seed(n))


def padded(n, length=5):
    """Rows of different lengths, the rest padding."""
    ids, mask = tokens(n, length), torch.ones(n, length, dtype=torch.long)
    for row in range(n):
        mask[row, length - row % 3 :] = 0
    return {"input_ids": ids * mask, "attention_mask": mask}


def bert():
    config = transformers.BertConfig(vocab_size=20, max_position_embeddings=8, num_labels=2, **SMALL)
    return transformers.BertForSequenceClassification(config)


def gpt2_config():
    return transformers.GPT2Config(
        vocab_size=9, n_positions=8, n_embd=8, n_layer=2, n_head=2, num_labels=2, pad_token_id=0, bos_token_id=1, eos_token_id=1
    )  # fmt: skip


def gpt2():
    return transformers.GPT2ForSequenceClassification(gpt2_config())


def gpt2_language_model():
    return transformers.GPT2LMHeadModel(gpt2_config())


def vit():
    config = transformers.ViTConfig(image_size=8, patch_size=4, num_channels=1, num_labels=3, **SMALL)
    return transformers.ViTForImageClassification(config)


def llama():
    config = transformers.LlamaConfig(
        vocab_size=20, num_key_value_heads=1, num_labels=2, pad_token_id=0, bos_token_id=1, eos_token_id=2, **SMALL
    )
    return transformers.LlamaForSequenceClassification(config)


def images(n):
    pixels = torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    return {"pixel_values": pixels}


MODELS = {
    "bert": (bert, padded),
    "bert without a mask": (bert, tokens),
    "gpt2": (gpt2, lambda n: {"input_ids": tokens(n, below=9)}),
    "gpt2, padded": (gpt2, lambda n: {key: value % 9 for key, value in padded(n).items()}),
    "gpt2 language model": (gpt2_language_model, lambda n: tokens(n, 3, below=9)),
    "vit": (vit, images),
}


def build(name):
    make, batch = MODELS[name]
    model = make().double().eval()
    with torch.no_grad():  # away from the initialization, where many gradients cancel
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model, batch


def logits(out):
    return out.logits


def relative(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("name", MODELS)
def test_kernel_equals_loops_in_every_flavour(name):
    model, batch = build(name)
    x1, x2 = batch(3), batch(2)
    one, two = ntk_by_loops(model, x1, select=logits), ntk_by_loops(model, x1, x2, select=logits)
    for outputs in FLAVOURS:
        assert relative(ntk(model, x1, x2, outputs=outputs), flavoured(two, outputs)) < TOLERANCE
    assert relative(ntk(model, x1), one) < TOLERANCE
    assert relative(ntk(model, x1, outputs="trace"), flavoured(one, "trace")) < TOLERANCE


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit"])
def test_no_parameter_takes_the_slow_loop(name):
    model, batch = build(name)
    description = NeuralTangentKernel(model, outputs="trace").gram(batch(3)).description
    assert "by autograd" not in description


def test_keys_biases_whose_gradient_cancels_take_their_rule():
    model, batch = build("bert")
    description = NeuralTangentKernel(model, outputs="trace").gram(batch(3)).description
    assert description.endswith("41 tensors by layer rules")


def test_a_model_that_normalizes_in_float32_agrees_to_float32():
    model = llama().double().eval()
    x = {"input_ids": tokens(3)}
    assert relative(ntk(model, x), ntk_by_loops(model, x, select=logits)) < 1e-6


def test_hidden_states_are_selected_by_name_index_or_function():
    config = transformers.BertConfig(vocab_size=20, max_position_embeddings=8, **SMALL)
    model, x = transformers.BertModel(config).double().eval(), tokens(2, 3)
    with pytest.raises(NetworkError, match="'last_hidden_state', 'pooler_output'.*output=0"):
        ntk(model, x)
    expected = ntk_by_loops(model, x, select=lambda out: out.last_hidden_state)
    for output in ("last_hidden_state", 0, lambda out: out.last_hidden_state):
        network = Network(model, output=output)
        assert relative(ntk(network, x), expected) < TOLERANCE
    assert "unused" in NeuralTangentKernel(network).gram(x).description  # the pooler


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit"])
def test_linearization_of_a_transformer(name):
    model, batch = build(name)
    x = batch(3)
    lin = linearize(model)
    call = lin(**x) if isinstance(x, dict) else lin(x)
    assert relative(call, model(**x).logits) < TOLERANCE
    call.sum().backward()
    J = jacobian_by_loops(model, x, select=logits)
    gradient = torch.cat([parameter.grad.flatten() for parameter in lin.parameters()])
    assert relative(gradient, J.sum((0, 1))) < TOLERANCE


def test_arguments_by_position_and_by_name_mix_as_in_the_original():
    model, batch = build("bert")
    x = batch(3)
    lin = linearize(model)
    expected = lin(**x)
    assert torch.equal(lin(x["input_ids"], x["attention_mask"]), expected)
    assert torch.equal(lin(x["input_ids"], attention_mask=x["attention_mask"]), expected)
    assert torch.equal(lin(x), expected)
