"""Networks that are in no catalogue, as users bring them, in float64, with rows for each: `name: (make, rows)`."""

import torch
from torch import nn


def _draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


class Tied(nn.Module):
    """A weight used twice, a loose scale, a residual, a parameter that the outputs do not use."""

    def __init__(self, outputs):
        super().__init__()
        self.first, self.again = nn.Linear(6, 6), nn.Linear(6, 6)
        self.again.weight = self.first.weight
        self.head, self.unused = nn.Linear(6, outputs, bias=False), nn.Linear(2, 2)
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, x):
        h = torch.tanh(self.first(x))
        return self.head(h + self.scale * torch.tanh(self.again(h)))


class Attends(nn.Module):
    """Tokens, attention, normalization, a mean over positions."""

    def __init__(self, outputs):
        super().__init__()
        self.table, self.places = nn.Embedding(9, 8), nn.Parameter(_draw(5, 8))
        self.block = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True)
        self.head = nn.Linear(8, outputs)

    def forward(self, tokens):
        return self.head(self.block(self.table(tokens) + self.places).mean(1))


def convolutional(outputs):
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.GELU(), nn.Conv2d(4, 4, 3, stride=2, groups=2),
        nn.ReLU(), nn.Flatten(), nn.Linear(16, outputs),
    )  # fmt: skip


def _made(make):
    def build(outputs):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            return make(outputs).double().eval()

    return build


MODULES = {
    "mlp": (_made(lambda c: nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, c))), lambda n: _draw(n, 6)),
    "convolutional": (_made(convolutional), lambda n: _draw(n, 2, 6, 6)),
    "attends": (
        _made(Attends),
        lambda n: torch.randint(9, (n, 5), generator=torch.Generator().manual_seed(6)),
    ),
    "tied": (_made(Tied), lambda n: _draw(n, 6)),
}


def jacobian_by_loops(module, x):
    """(n, c, p) by one backward pass for each row and output, the rows alone; and the size of each parameter."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    rows = []
    for i in range(len(x)):
        f = module(x[i : i + 1])[0]
        each = []
        for value in f:
            found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
            each.append(
                torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(parameters, found)])
            )
        rows.append(torch.stack(each))
    names = [name for name, p in module.named_parameters() if p.requires_grad]
    return torch.stack(rows).detach(), dict(zip(names, (p.numel() for p in parameters)))
