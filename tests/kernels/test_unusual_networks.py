"""Networks with a twist: the kernel equals the loops, or a sentence says why there is none."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

from oracles.ntk_by_loops import ntk_by_loops
from tangentlab._errors import NetworkError, ShapeError, TangentlabError
from tangentlab.kernels import ntk

TOLERANCE = 1e-9


class Model(nn.Module):
    """Layers by name, and a forward pass given as a function of itself and x."""

    def __init__(self, forward, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.given = forward

    def forward(self, x):
        return self.given(self, x)


def two(forward, width=3):
    return Model(forward, a=nn.Linear(4, width), b=nn.Linear(width, 2))


def rows(n=12, *shape):
    return torch.randn(n, *(shape or (4,)), generator=torch.Generator().manual_seed(n), dtype=torch.float64)


def one_open(n=40):
    """Rows whose gate x[:, 0] > 0 is closed but for one."""
    x = rows(n)
    x[:, 0] = -x[:, 0].abs()
    x[n - 7, 0] = 3
    return x


def nearly_sorted(n=40):
    x = rows(n)
    x = x[x[:, 0].argsort()]
    x[[20, 21]] = x[[21, 20]]
    return x


def relative(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def experts(m, x):
    out = x.new_zeros(len(x), 2)
    for sign, layer in ((1, m.a), (-1, m.b)):
        index = (x[:, 0] * sign > 0).nonzero()[:, 0]
        if len(index):
            out = out.index_put((index,), layer(x[index]))
    return out


def sorted_inside(m, x):
    order = x[:, 0].argsort()
    return m.b(torch.tanh(m.a(x[order]))[order.argsort()])


def no_grad_inside(m, x):
    with torch.no_grad():
        h = m.a(x)
    return m.b(torch.tanh(h))


def pruned():
    layer = nn.Linear(4, 3)
    prune.random_unstructured(layer, "weight", 0.4)
    return nn.Sequential(layer, nn.Tanh(), nn.Linear(3, 2))


def hooked(hook):
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    model[0].register_forward_hook(hook)
    return model


def weight_normed():
    with pytest.warns(FutureWarning):
        return nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 3)), nn.Tanh(), nn.Linear(3, 2))


def compiled_inside():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    model.compile(backend="eager")
    return model


class LowRank(nn.Module):
    def __init__(self):
        super().__init__()
        self.base, self.A, self.B = (
            nn.Linear(4, 2),
            nn.Parameter(torch.randn(4, 2)),
            nn.Parameter(torch.zeros(2, 2)),
        )

    def forward(self, x):
        return self.base(x) + x @ self.A @ self.B


class Positions(nn.Module):
    def __init__(self, index):
        super().__init__()
        self.tokens, self.positions, self.head = nn.Embedding(11, 4), nn.Embedding(9, 4), nn.Linear(4, 2)
        self.index = index

    def forward(self, t):
        return self.head(torch.tanh(self.tokens(t) + self.positions(self.index(t))).mean(1))


def tokens(n=6, length=5):
    return torch.randint(11, (n, length), generator=torch.Generator().manual_seed(n))


NOBODYS = torch.ones(2, requires_grad=True)

EQUAL = {
    "experts on their own rows": (lambda: Model(experts, a=nn.Linear(4, 2), b=nn.Linear(4, 2)), rows),
    "experts, the first rows all of one": (
        lambda: Model(experts, a=nn.Linear(4, 2), b=nn.Linear(4, 2)), lambda: rows(20)[rows(20)[:, 0].argsort(descending=True)],
    ),
    "a second use open for one row": (
        lambda: Model(lambda m, x: m.a(x) + F.linear(torch.tanh(m.a(x)), m.a.weight) * (x[:, :1] > 0), a=nn.Linear(4, 4)), one_open,
    ),
    "positions first behind a gate open for one row": (
        lambda: Model(
            lambda m, x: m.b(torch.tanh(m.a(x.transpose(0, 1)))[-1] * (x[:, 0, :1] > 0)) + m.c(x[:, 0]),
            a=nn.Linear(4, 3), b=nn.Linear(3, 2), c=nn.Linear(4, 2),
        ),
        lambda: one_open(60).unsqueeze(1) + rows(60, 60, 4) * (torch.arange(60) > 0)[:, None],
    ),
    "rows sorted and put back": (lambda: two(sorted_inside), nearly_sorted),
    "as many positions as rows": (lambda: two(lambda m, x: m.b(torch.tanh(m.a(x.transpose(0, 1)))[-1])), lambda: rows(8, 8, 4)),
    "mixing in the gradient alone": (
        lambda: two(lambda m, x: m.b(m.a(x)) + m.a(x).mean(0)[:2] - m.a(x).mean(0)[:2].detach()), rows,
    ),
    "straight through": (lambda: two(lambda m, x: m.b(m.a(x) + (m.a(x).sign() - m.a(x)).detach())), rows),
    "no_grad inside": (lambda: two(no_grad_inside), rows),
    "data and detach": (lambda: two(lambda m, x: m.b(m.a(x)) * m.b.weight.data.sum() + m.a(x).detach()[:, :2]), rows),
    "dead units on most rows": (lambda: two(lambda m, x: m.b(F.relu(m.a(x) - 1.2))), lambda: rows(40)),
    "zero weights": (LowRank, rows),
    "a hook that changes outputs": (lambda: hooked(lambda part, args, out: 3 * out), rows),
    "a hook that acts on few rows": (lambda: hooked(lambda part, args, out: out.clamp(max=1.5)), lambda: rows(60)),
    "weight norm": (lambda: parametrizations.weight_norm(nn.Linear(4, 2)), rows),
    "weight norm, old": (weight_normed, rows),
    "spectral norm": (lambda: parametrizations.spectral_norm(nn.Linear(4, 2)), rows),
    "orthogonal": (lambda: parametrizations.orthogonal(nn.Linear(4, 4)), rows),
    "pruned": (pruned, rows),
    "a checkpoint": (lambda: two(lambda m, x: m.b(checkpoint(lambda z: torch.tanh(m.a(z)), x, use_reentrant=False))), rows),
    "compiled in place": (compiled_inside, rows),
    "compiled": (lambda: torch.compile(nn.Sequential(nn.Linear(4, 3), nn.Tanh()), backend="eager"), rows),
    "functional call inside": (
        lambda: Model(lambda m, x: torch.func.functional_call(m.a, {k: 2 * v for k, v in m.a.named_parameters()}, x), a=nn.Linear(4, 2)),
        rows,
    ),
    "vmap inside": (lambda: two(lambda m, x: m.b(torch.func.vmap(lambda r: torch.tanh(m.a(r)))(x))), rows),
    "one row at a time": (lambda: two(lambda m, x: torch.stack([m.b(torch.tanh(m.a(row))) for row in x])), rows),
    "expanded rows": (lambda: two(lambda m, x: m.b(torch.tanh(m.a(x)))), lambda: rows(1).expand(5, 4)),
    "rows across memory": (lambda: two(lambda m, x: m.b(torch.tanh(m.a(x)))), lambda: rows(4, 9).T),
    "rows in a graph": (lambda: two(lambda m, x: m.b(torch.tanh(m.a(x)))), lambda: rows().requires_grad_()),
    "one row": (lambda: two(lambda m, x: m.b(torch.tanh(m.a(x)))), lambda: rows(1)),
    "unused layers": (lambda: two(lambda m, x: m.a(x)), rows),
    "called and not used": (lambda: two(lambda m, x: (m.b(m.a(x)), m.a(x))[1]), rows),
    "a frozen complex parameter": (
        lambda: Model(lambda m, x: m.a(x) + (x.to(torch.complex128) @ m.w.to(torch.complex128)).abs(), a=nn.Linear(4, 2),
                      w=nn.Parameter(torch.randn(4, 2, dtype=torch.complex128), requires_grad=False)), rows,
    ),
    "a trainable tensor of no module": (lambda: two(lambda m, x: m.b(m.a(x)) * NOBODYS), rows),
    "a table looked up by (positions)": (lambda: Positions(lambda t: torch.arange(t.shape[1])), tokens),
    "a table looked up by (1, positions)": (lambda: Positions(lambda t: torch.arange(t.shape[1])[None]), tokens),
    "as many tokens as rows": (lambda: Positions(lambda t: torch.arange(t.shape[1])), lambda: tokens(3, 3)),
    "a sparse table": (lambda: nn.Sequential(nn.Embedding(11, 3, sparse=True), nn.Flatten()), tokens),
    "three hundred outputs": (lambda: nn.Linear(4, 300), lambda: rows(3)),
    "double derivatives inside": (
        lambda: two(lambda m, x: m.b(torch.func.vmap(torch.func.grad(lambda r: torch.tanh(m.a(r)).sum()))(x)[:, :3])), rows,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name):
    make, batch = EQUAL[name]
    model, x = make().double().eval(), batch()
    model(x.detach().clone())
    for outputs in ("trace", 0) if name == "three hundred outputs" else ("full", "trace"):
        found = ntk(model, x, outputs=outputs)
        assert relative(found, ntk_by_loops(model, x.detach(), outputs=outputs)) < TOLERANCE


def branch(m, x):
    return m.b(m.a(x)) if x.sum() > 0 else m.b(m.a(2 * x))


def capacity(m, x):
    """The first sixteen rows that ask are served."""
    return m.b(torch.tanh(m.a(x)) * (torch.arange(len(x)) < 16)[:, None])


def crowd(m, x):
    h = m.a(x)
    return m.b(torch.cat([h[:50], h[50:] - h[50:].mean(0)]) if len(x) > 50 else h)


def mostly_positive(n=60):
    x = rows(n).abs()
    x[n // 2] *= -1
    return x


REFUSED = {
    "a branch on the batch": (lambda: two(branch), rows, "mixes the rows"),
    "a branch that few rows would take": (lambda: two(branch), mostly_positive, "mixes the rows"),
    "a limited capacity": (lambda: two(capacity), lambda: rows(40), "mixes the rows"),
    "statistics of large batches": (lambda: two(crowd), lambda: rows(80), "mixes the rows"),
    "batch statistics": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)), rows, "'1' .BatchNorm1d.",
    ),
    "overflow": (lambda: Model(lambda m, x: m.a(x * 1e200) * 1e200, a=nn.Linear(4, 2)), rows, "not finite"),
    "one output a batch": (lambda: two(lambda m, x: m.b(m.a(x)).sum()), rows, r"shape \(\) for"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    make, batch, words = REFUSED[name]
    with pytest.raises(TangentlabError, match=words):
        ntk(make().double().eval(), batch(), outputs="trace")


@pytest.mark.filterwarnings("ignore:memory= allows")  # what this process holds is not the question here
def test_refusal_of_a_token_that_is_not_in_the_table():
    x = tokens(40)
    x[33, 2] = 11
    with pytest.raises(NetworkError, match="index out of range"):
        ntk(nn.Sequential(nn.Embedding(11, 3), nn.Flatten()), x, memory="3MB", outputs="trace")


def test_a_layer_that_works_in_float32_is_right_to_float32():
    class Casts(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.P = nn.Linear(40, 60), nn.Linear(60, 2), torch.randn(60, 60)

        def forward(self, x):
            return self.b((torch.tanh(self.a(x)).float() @ self.P).to(x.dtype))

    model, x = Casts().double(), rows(50, 40)
    assert relative(ntk(model, x, outputs="trace"), ntk_by_loops(model, x, outputs="trace")) < 1e-6


def over_positions(m, x):
    return m.b(torch.tanh(m.a(x)).sum(1))


@pytest.mark.parametrize(("s", "t"), [(1, 4), (4, 1), (4, 2), (3, 3)])
def test_two_batches_of_different_lengths(s, t):
    model = two(over_positions).double()
    x1, x2 = rows(3, s, 4), rows(5, t, 4)
    assert relative(ntk(model, x1, x2), ntk_by_loops(model, x1, x2)) < TOLERANCE


def test_one_row_positions_first_against_many():
    model = two(lambda m, x: m.b(torch.tanh(m.a(x.transpose(0, 1)))[-1])).double()
    x1, x2 = rows(1, 3, 4), rows(5, 10, 4)
    assert relative(ntk(model, x1, x2), ntk_by_loops(model, x1, x2)) < TOLERANCE


def test_two_batches_of_different_images():
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    ).double()
    for shape in ((1, 5, 5), (1, 3, 3)):
        x1, x2 = rows(3, 1, 8, 8), rows(4, *shape)
        assert relative(ntk(model, x1, x2), ntk_by_loops(model, x1, x2)) < TOLERANCE
        assert relative(ntk(model, x2, x1), ntk_by_loops(model, x2, x1)) < TOLERANCE


def test_a_second_batch_that_does_not_fit_is_refused():
    model = two(lambda m, x: m.b(torch.tanh(m.a(x)))).double()
    for odd in (rows(3, 5), torch.ones(3, 4, dtype=torch.long)):
        with pytest.raises(NetworkError, match="forward pass of Model failed"):
            ntk(model, rows(), odd)
    flat = nn.Sequential(nn.Linear(4, 2), nn.Flatten()).double()
    with pytest.raises(ShapeError, match="`x2`.*6 outputs.*10"):
        ntk(flat, rows(3, 3, 4), rows(3, 5, 4))


def test_insisting_on_rules_refuses_a_path_that_changes():
    model = Model(experts, a=nn.Linear(4, 2), b=nn.Linear(4, 2)).double()
    x = rows(20)
    x = x[x[:, 0].argsort(descending=True)]
    with pytest.raises(NetworkError, match="No layer rule covers.*method='auto'"):
        ntk(model, x, method="layer_rules")


def test_the_summed_outputs_of_a_softmax_have_the_kernel_zero():
    model = nn.Sequential(nn.Linear(40, 30), nn.ReLU(), nn.Linear(30, 13), nn.Softmax(1))
    assert ntk(model, rows(50, 40).float(), outputs="sum").abs().max() < 1e-10
