"""Every public call leaves the user's module, inputs and process as they were, also when it raises."""

import contextlib
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import tangentlab as tl
from tangentlab.kernels.process_memory import resident_bytes
from tangentlab.tasks import Eigenfunctions

HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


def _little():
    """Bytes that leave a kernel next to nothing beside what this process holds."""
    return resident_bytes(torch.device("cpu")) + 2**24


class Everything(nn.Module):
    """Batch norm, dropout, in-place parts, a tie, a counter, noise without effect, writing into the input."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.relu, self.drop = nn.ReLU(inplace=True), nn.Dropout(0.5)
        self.a, self.b = nn.Linear(12, 12), nn.Linear(12, 12)
        self.b.weight = self.a.weight
        self.head = nn.utils.parametrizations.weight_norm(nn.Linear(12, 3))
        self.attention = nn.TransformerEncoderLayer(12, 2, 8, batch_first=True)
        self.scale = nn.Parameter(torch.tensor(1.5))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.register_buffer("seen", torch.zeros(()), persistent=False)
        self.cache = None

    def forward(self, x):
        self.calls += 1
        self.seen = self.seen + x.detach().mean()
        x.mul_(0.5)
        noise = torch.rand(1) + np.random.rand() + random.random()
        h = self.drop(self.relu(self.norm(self.conv(x))))
        h = F.max_pool2d(h, 2).flatten(1)
        h = torch.tanh(self.b(torch.tanh(self.a(h))))
        h = self.attention(h.unsqueeze(1)).squeeze(1)
        self.cache = h.detach()
        return self.head(h) * self.scale + 0 * float(noise.detach())


def model():
    module = Everything().double().eval()
    with torch.no_grad():
        module.norm.running_mean.uniform_(-1, 1)
    module.conv.bias.requires_grad_(False)
    for name, parameter in module.named_parameters():
        if "conv" in name:
            parameter.grad = torch.full_like(parameter, 0.25)
    module.relu.register_forward_hook(lambda part, args, out: None)
    module.a.register_forward_pre_hook(lambda part, args: None)
    module.b.register_full_backward_hook(lambda part, into, out: None)
    module.b.register_full_backward_pre_hook(lambda part, out: None)
    module.register_state_dict_post_hook(lambda part, state, prefix, meta: None)
    module.register_load_state_dict_post_hook(lambda part, keys: None)
    return module


def rows(n=5):
    return torch.randn(n, 1, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def _bits(tensor):
    if tensor is None:
        return None
    return tensor.detach().clone(), tensor._version, tensor.requires_grad, tensor.dtype, id(tensor)


def of_module(module):
    state = {}
    for name, tensor in [*module.named_parameters(remove_duplicate=False), *module.named_buffers()]:
        state[name] = _bits(tensor)
        state[f"{name}.grad"] = _bits(tensor.grad)
        state[f"{name}.hooks"] = dict(tensor._backward_hooks or {})
    for name, part in module.named_modules():
        state[f"{name}:training"] = part.training
        state[f"{name}:attributes"] = {key: id(value) for key, value in vars(part).items()}
        for hooks in HOOKS:
            state[f"{name}:{hooks}"] = dict(getattr(part, hooks))
    return state


def of_process():
    numpy = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "numpy": (numpy[1].tobytes(), *numpy[2:]),
        "python": random.getstate(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "attention": (
            torch.backends.cuda.flash_sdp_enabled(),
            torch.backends.cuda.mem_efficient_sdp_enabled(),
            torch.backends.cuda.math_sdp_enabled(),
            torch.backends.cuda.cudnn_sdp_enabled(),
            tuple(torch._C._get_sdp_priority_order()),
        ),
        "mkldnn": (torch.backends.mkldnn.enabled, torch.backends.mkldnn.deterministic),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "tf32": (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "threads": torch.get_num_threads(),
        "global hooks": len(nn.modules.module._global_forward_hooks),
    }


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def assert_untouched(call, module, x, *, raises=None):
    before = {**of_module(module), **of_process(), "x": _bits(x)}
    if raises is None:
        call(module, x)
    else:
        with pytest.raises(raises):
            call(module, x)
    after = {**of_module(module), **of_process(), "x": _bits(x)}
    assert before.keys() == after.keys()
    changed = [name for name in before if not same(before[name], after[name])]
    assert not changed


def _gram(module, x, **options):
    kernel = tl.NeuralTangentKernel(module, **options)
    kernel.describe(), kernel.fingerprint
    return kernel.gram(x).matrix


def _linearized(module, x):
    lin = tl.linearize(module)
    optimizer = torch.optim.Adam(lin.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        lin(x).square().mean().backward()
        optimizer.step()
    lin.load_state_dict(tl.linearize(module).state_dict())
    lin.float().train()
    with torch.no_grad():
        lin(x)


def _input_gradient(module, x):
    leaf = x.clone().requires_grad_()
    tl.linearize(module, parameters="head*")(leaf).sum().backward()


def _jacobian(module, x):
    J = tl.jacobian(module, x)
    J.jvp(J.vjp(torch.ones(len(x), 3)))
    J.dense()


def _trained(module, x):
    y = torch.nn.functional.one_hot(torch.arange(len(x)) % 3, 3).double()
    descent = tl.Descent(loss="cross_entropy", epochs=2, batch_size=2)
    tl.train(module, x, y, descent, snapshots=2)
    tl.train(tl.linearize(module), x, y, descent)


def _function_space(module, x):
    y = torch.nn.functional.one_hot(torch.arange(len(x)) % 3, 3).double()
    K = tl.ntk(module, x)
    tl.train_function_space(K, tl.Network(module)(x), y, tl.Descent(loss="cross_entropy", epochs=2, batch_size=2))


def _estimated(module, x):
    y = np.arange(len(x)) % 3
    given = x.reshape(len(x), -1).numpy()
    tl.TangentClassifier(module, input_shape=(1, 4, 4)).fit(given, y).predict(given)


def _watched(module, x):
    y = torch.nn.functional.one_hot(torch.arange(len(x)) % 3, 3).double()
    evolution = tl.KernelEvolution(x, y)
    evolution(0, module)
    descent = tl.Descent(loss="cross_entropy", epochs=2, batch_size=2)
    tl.train(module, x, y, descent, watch=tl.KernelEvolution(x, y, steps=[1, 2]))


def _shares(module, x):
    y = torch.linspace(-1, 1, 3 * len(x)).reshape(-1, 3)
    tl.layer_shares(module, x, y, held_out=(x[:3], y[:3]), by=1)
    tl.layer_kernels(module, x, by={"head": "head", "rest": "*"}, outputs="trace")


def _directions(module, x):
    with contextlib.suppress(tl.TangentlabError):  # max pooling has a kink at zeros
        tl.anisotropy_directions(module, (1, 4, 4), 2)
    found = tl.probes.smoothed_anisotropy(module, (1, 4, 4), 2, sigma=1.0, pairs=6, blocks=3)
    with contextlib.suppress(tl.TangentlabError):
        tl.probes.direction_alignment(module, found.vectors[0], law="linear", sigma=1.0, pairs=6, blocks=3)


def _eigenfunctions(module, x):
    tl.eigenfunction_bank(module, x, [1], train=4)
    Eigenfunctions.of(tl.NeuralTangentKernel(module).operator(x), x, 2, train=4, inductive=True)


def _predicted(module, x):
    y = np.arange(len(x)) % 3
    tl.predict(module, x, y, samples=len(x))
    tl.diagnose(module, x, y, x_test=x, y_test=y, samples=len(x), descent={"epochs": 1})


CALLS = {
    "network": lambda m, x: tl.Network(m, parameters="head*")(x),
    "ntk": tl.ntk,
    "ntk of two batches": lambda m, x: tl.ntk(m, x, x[:2], outputs="trace"),
    "ntk by rules or not": lambda m, x: tl.ntk(m, x, parameters=["conv.weight", "a.*"], method="layer_rules"),
    "ntk by vmap": lambda m, x: tl.ntk(m, x, method="vmap", parameters="head*"),
    "ntk by autograd": lambda m, x: tl.ntk(m, x, method="autograd", outputs="diagonal"),
    "ntk in little memory": lambda m, x: tl.ntk(m, x, memory=_little(), outputs="sum"),
    "ntk in float32": lambda m, x: tl.ntk(m, x, dtype=torch.float32, outputs=1),
    "gram": _gram,
    "jacobian": _jacobian,
    "linearize": _linearized,
    "input gradient": _input_gradient,
    "train": _trained,
    "function space": _function_space,
    "estimator": _estimated,
    "prediction and diagnosis": _predicted,
    "alignment from a gradient": lambda m, x: tl.alignment_from_gradient(m, x, torch.ones(len(x), 3)),
    "its diagonal estimated": lambda m, x: tl.alignment_from_gradient(m, x, torch.ones(len(x), 3), samples=4),
    "kernel evolution": _watched,
    "layer shares": _shares,
    "directions": _directions,
    "eigenfunctions": _eigenfunctions,
}


@pytest.mark.filterwarnings("ignore:.*TF32.*")
@pytest.mark.filterwarnings("ignore:.*has kinks")
@pytest.mark.filterwarnings("ignore:.*rows in one class")
@pytest.mark.parametrize("name", CALLS)
def test_call_touches_nothing(name):
    module = model()
    raises = tl.TangentlabError if name in ("ntk by vmap", "ntk by rules or not") else None
    call = CALLS[name]
    if raises:  # a route that is insisted on may be refused; either way nothing moves
        before = call

        def call(m, x):
            before(m, x)
            raise tl.TangentlabError("It was right.", remedy="Go on.")

    assert_untouched(call, module, rows(), raises=raises)


class Trouble(nn.Module):
    """Fails in its own way after some calls."""

    def __init__(self, kind, *, after):
        super().__init__()
        self.kind, self.after, self.calls = kind, after, 0
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        self.calls += 1
        torch.rand(1), np.random.rand(), random.random()
        x.add_(1)
        if self.calls > self.after:
            raise self.kind("now")
        return self.layer(x)


@pytest.mark.parametrize("after", [0, 1, 2, 5, 17, 19, 25, 27])
@pytest.mark.parametrize("call", ["ntk", "gram", "jacobian", "linearize"])
@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_a_model_that_fails_half_way_touches_nothing(call, kind, after):
    x = torch.randn(5, 4, dtype=torch.float64)

    def run(module, x):
        if call == "jacobian":
            J = tl.jacobian(module, x)
            for _ in range(30):
                J.jvp(J.vjp(torch.ones(5, 2)))
        elif call == "linearize":
            lin = tl.linearize(module)
            for _ in range(30):
                lin(x).sum().backward()
        else:
            CALLS[call](module, x)
        raise kind("it never failed")

    assert_untouched(run, Trouble(kind, after=after).double(), x, raises=(kind, tl.TangentlabError))


REFUSALS = {
    "train mode": lambda m, x: tl.ntk(m.train(), x),
    "rows that are not finite": lambda m, x: tl.ntk(m, x * float("nan")),
    "no rows": lambda m, x: tl.jacobian(m, x[:0]),
    "an unknown flavour": lambda m, x: tl.ntk(m, x, outputs="ful"),
    "an unknown parameter": lambda m, x: tl.linearize(m, parameters="haed*")(x),
    "an output that is not there": lambda m, x: tl.ntk(m, x, outputs=7),
    "rows of the wrong shape": lambda m, x: tl.ntk(m, x, x[..., :2]),
    "too little memory": lambda m, x: tl.ntk(m, x, memory=10),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_call_touches_nothing(name):
    module = model()
    if name == "train mode":
        module.train()
    assert_untouched(REFUSALS[name], module, rows(), raises=tl.TangentlabError)


def test_a_progress_callback_that_raises_touches_nothing():
    def stop(done, total):
        raise KeyboardInterrupt

    module = model()
    assert_untouched(lambda m, x: tl.ntk(m, x, progress=stop), module, rows(), raises=KeyboardInterrupt)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_around_it_a_call_gives_the_same(mode):
    module, x = model(), rows(3)
    expected, J, f = tl.ntk(module, x, outputs="trace"), tl.jacobian(module, x), tl.Network(module)(x)
    u = torch.ones(3, 3)
    with mode():
        given = x * 1
        assert torch.equal(tl.ntk(module, given, outputs="trace"), expected)
        assert torch.equal(tl.jacobian(module, given).dense(), J.dense())
        assert torch.equal(tl.jacobian(module, given).jvp(J.vjp(u)), J.jvp(J.vjp(u)))
        assert torch.equal(tl.linearize(module)(given), f)
        assert not tl.linearize(module)(given).requires_grad
