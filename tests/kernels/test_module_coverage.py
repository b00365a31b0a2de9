"""Every module class of torch.nn has a kernel equal to the loop oracle's, or is refused in words: no third outcome."""

import pytest
import torch

from oracles.module_samples import SAMPLES
from oracles.ntk_by_loops import jacobian_by_loops, ntk_by_loops
from tangentlab._errors import TangentlabError
from tangentlab.kernels import ntk
from tangentlab.tangent import linearize

REFUSED = {  # and what the sentence must name
    "FractionalMaxPool2d": "FractionalMaxPool2d.*draws random numbers",
    "FractionalMaxPool3d": "FractionalMaxPool3d.*draws random numbers",
}
BACKWARD_ONLY = (  # operations whose backward pass has no derivative of any kind
    "CTCLoss",
    "CrossMapLRN2d",
    "EmbeddingBag",
    "MultiLabelMarginLoss",
    "MultiMarginLoss",
)
TOLERANCE = 1e-9


def build(name):
    make, batch = SAMPLES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make().double()
        x = batch(2)
        model(*x) if isinstance(x, tuple) else model(x)  # lazy layers take their shapes
    return model.eval(), batch


def relative(found, expected):
    return float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-12))


def test_the_table_is_large():
    assert len(SAMPLES) >= 140


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's own, of losses and of transformer options
@pytest.mark.parametrize("name", SAMPLES)
def test_kernel_is_equal_or_refused(name):
    model, batch = build(name)
    x1, x2 = batch(4), batch(3)
    if name in REFUSED:
        with pytest.raises(TangentlabError, match=REFUSED[name]):
            ntk(model, x1)
        return
    assert relative(ntk(model, x1), ntk_by_loops(model, x1)) < TOLERANCE
    for outputs in ("trace", "diagonal"):
        assert (
            relative(ntk(model, x1, x2, outputs=outputs), ntk_by_loops(model, x1, x2, outputs=outputs)) < TOLERANCE
        )


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in REFUSED])
def test_linearization_is_the_models_or_refused(name):
    model, batch = build(name)
    x = batch(3)
    lin, args = linearize(model), x if isinstance(x, tuple) else (x,)
    if name in BACKWARD_ONLY:
        with pytest.raises(TangentlabError, match=r"No way of differentiating.*tangentlab\.ntk"):
            lin(*args)
        return
    found = lin(*args)
    assert relative(found, model(*args).reshape(3, -1)) < TOLERANCE
    u = torch.linspace(-1, 2, found.numel(), dtype=torch.float64).reshape(found.shape)
    (found * u).sum().backward()
    gradient = torch.cat([p.grad.flatten() for p in lin.parameters()])
    expected = torch.einsum("nc,ncp->p", u, jacobian_by_loops(model, x))
    assert relative(gradient, expected) < TOLERANCE
