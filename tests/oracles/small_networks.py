"""One small network for each way in which a parameter may enter a network, with a batch of rows for it.

Each entry is `name: (make, batch)`; `build` gives the network in float64 and evaluation mode, and its batch.
"""

import torch
import torch.nn.functional as F
from torch import nn


def images(n, channels=1, size=8):
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(n), dtype=torch.float64)


def rows(n, *shape):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(n), dtype=torch.float64)


def tokens(n, length=5, vocabulary=11):
    return torch.randint(0, vocabulary, (n, length), generator=torch.Generator().manual_seed(n))


class ResidualBlock(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or i != o:
            self.shortcut = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        z = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        z += self.shortcut(x)
        return self.relu(z)


def resnet18(width=4):
    blocks, i = [], width
    for level in range(4):
        for k in range(2):
            o = width * 2**level
            blocks.append(ResidualBlock(i, o, 2 if level and not k else 1))
            i = o
    net = nn.Sequential(
        nn.Conv2d(1, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, 3),
    )  # fmt: skip
    for part in net.modules():  # running statistics and scales as after training
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.5, 2)
            part.weight.data.uniform_(0.5, 1.5)
    return net


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.attention(x, x, x)[0].mean(1))


class SequenceFirst(nn.Module):
    """Linear layers called on (positions, rows, features): no rule that takes rows first may touch them."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.encoder(x.transpose(0, 1)).transpose(0, 1)[:, 0])


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn = kind(3, 4, batch_first=True, bidirectional=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class TiedEmbedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 4, padding_idx=0)
        self.mix = nn.Linear(4, 4)
        self.decoder = nn.Linear(4, 11)
        self.decoder.weight = self.embedding.weight

    def forward(self, t):
        return self.decoder(torch.tanh(self.mix(self.embedding(t)))).mean(1)


class TiedByFunction(nn.Module):
    """The table is used a second time outside any layer."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 4)

    def forward(self, t):
        return F.linear(torch.tanh(self.embedding(t)), self.embedding.weight).mean(1)[:, :3]


class TiedLinears(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


class UsedTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(4, 4), nn.Linear(4, 2)
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x):
        x = self.conv(torch.tanh(self.conv(x.unsqueeze(1)))).squeeze(1)
        return self.head(torch.tanh(self.layer(torch.tanh(self.layer(x)))))


class BareParameter(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(4))
        self.token = nn.Parameter(torch.randn(1, 1, 4))
        self.temperature = nn.Parameter(torch.tensor(1.5))  # a scalar has no axis at all
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        x = torch.cat([self.token.expand(len(x), -1, -1), x.unsqueeze(1) * self.scale], 1)
        return (
            self.head(torch.softmax(x, -1).sum(1)) @ torch.outer(self.scale[:2], self.scale[2:]) * self.temperature
        )


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        h = self.a(x)
        h.mul_(2).add_(1)
        z = self.b(h)
        z += h
        return F.relu_(z) + torch.sigmoid(h)


class PositionTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions, self.head = nn.Embedding(11, 4), nn.Embedding(5, 4), nn.Linear(4, 2)

    def forward(self, t):
        places = torch.arange(t.shape[1]).unsqueeze(0)
        return self.head(torch.tanh(self.words(t) + self.positions(places)).sum(1))


def frozen():
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 2))
    net[0].weight.requires_grad_(False)
    net[2].requires_grad_(False)
    return net


def weight_normed():
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), nn.Tanh(), nn.Linear(3, 2))


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5, padding=2), nn.ReLU(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 3),
    )  # fmt: skip


CASES = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 7), nn.ReLU(), nn.Linear(7, 6), nn.Tanh(), nn.Linear(6, 3)), lambda n: rows(n, 4)),
    "lenet": (lenet, images),
    "resnet18": (resnet18, images),
    "grouped, strided, dilated": (
        lambda: nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, dilation=2, groups=2, padding=2), nn.GELU(), nn.Flatten(), nn.LazyLinear(2)),
        lambda n: images(n, 4),
    ),
    "depthwise": (
        lambda: nn.Sequential(nn.Conv2d(4, 8, 3, groups=4), nn.GELU(), nn.Flatten(), nn.LazyLinear(2)),
        lambda n: images(n, 4),
    ),
    "circular padding": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1, padding_mode="circular"), nn.Tanh(), nn.Conv2d(3, 3, 4, padding="same", padding_mode="replicate"), nn.Flatten(), nn.LazyLinear(2)),
        images,
    ),
    "transposed 2-d": (
        lambda: nn.Sequential(nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2), nn.Tanh(), nn.ConvTranspose2d(4, 1, 2, dilation=2), nn.Flatten(), nn.LazyLinear(2)),
        lambda n: images(n, 2, 4),
    ),
    "1-d": (
        lambda: nn.Sequential(nn.Conv1d(2, 3, 3, stride=2, padding=1, padding_mode="reflect"), nn.Tanh(), nn.ConvTranspose1d(3, 2, 4, stride=3), nn.Flatten(), nn.LazyLinear(2)),
        lambda n: rows(n, 2, 9),
    ),
    "3-d": (
        lambda: nn.Sequential(nn.Conv3d(1, 2, (2, 3, 1), padding=(1, 0, 0)), nn.BatchNorm3d(2), nn.Tanh(), nn.ConvTranspose3d(2, 1, 2), nn.Flatten(), nn.LazyLinear(2)),
        lambda n: rows(n, 1, 3, 4, 3),
    ),
    "layer and RMS norm": (
        lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 6), nn.RMSNorm(6, eps=1e-6), nn.Linear(6, 2)),
        lambda n: rows(n, 3, 4),
    ),
    "group and instance norm": (
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.PReLU(4), nn.InstanceNorm2d(4, affine=True), nn.Conv2d(4, 2, 3), nn.PReLU(), nn.Flatten(), nn.LazyLinear(2)),
        images,
    ),
    "embedding": (lambda: nn.Sequential(nn.Embedding(11, 3), nn.Flatten(), nn.Linear(15, 2)), tokens),
    "embedding bag": (lambda: nn.Sequential(nn.EmbeddingBag(11, 3), nn.Linear(3, 2)), tokens),
    "multihead attention": (Attention, lambda n: rows(n, 5, 8)),
    "transformer encoder": (
        lambda: nn.Sequential(nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=False), 2), nn.Flatten(), nn.Linear(24, 2)),
        lambda n: rows(n, 3, 8),
    ),
    "sequence first": (SequenceFirst, lambda n: rows(n, 3, 8)),
    "lstm": (lambda: Recurrent(nn.LSTM), lambda n: rows(n, 4, 3)),
    "gru": (lambda: Recurrent(nn.GRU), lambda n: rows(n, 4, 3)),
    "tied embedding": (TiedEmbedding, tokens),
    "tied by a function": (TiedByFunction, tokens),
    "tied linears": (TiedLinears, lambda n: rows(n, 4)),
    "a layer used twice": (UsedTwice, lambda n: rows(n, 4)),
    "bare parameter": (BareParameter, lambda n: rows(n, 4)),
    "in-place operations": (InPlace, lambda n: rows(n, 4)),
    "position table": (PositionTable, tokens),
    "frozen parameters": (frozen, lambda n: rows(n, 4)),
    "weight norm": (weight_normed, lambda n: rows(n, 4)),
    "no bias, one output": (lambda: nn.Linear(4, 1, bias=False), lambda n: rows(n, 4)),
}  # fmt: skip


def build(name):
    make, batch = CASES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make()
        model(batch(2).float() if batch(2).is_floating_point() else batch(2))  # lazy layers take their shapes
        return model.double().eval(), batch
