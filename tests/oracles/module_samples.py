"""One small network around each module class of torch.nn, with a batch for it: our own table, so that no release empties it.

Each entry is `name: (make, batch)`. Modules of real inputs stand behind a Linear layer over the last axis, so that
gradients flow through those that have no parameters; losses and distances are taken row by row.
"""

import torch
from torch import nn


def reals(n, *shape, seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(100 * seed + n), dtype=torch.float64)


def integers(n, *shape, below=5, seed=0):
    return torch.randint(below, (n, *shape), generator=torch.Generator().manual_seed(100 * seed + n))


class Behind(nn.Module):
    """layer(front(x), *others), through `read`, one row of outputs for each row."""

    def __init__(self, layer, width, *, read=lambda out: out, squash=None):
        super().__init__()
        self.front, self.layer = nn.Linear(width, width), layer
        self.read, self.squash = read, squash

    def forward(self, x, *others):
        h = self.front(x)
        h = h if self.squash is None else self.squash(h)
        return few_outputs(self.read(self.layer(h, *others)))


def few_outputs(out, most=24):
    """Rows of at most 24 outputs: of more, fixed combinations."""
    out = out.flatten(1)
    if out.shape[1] <= most:
        return out
    index = torch.arange(out.shape[1], dtype=out.dtype, device=out.device)
    return out @ torch.cos(index[:, None] * (1 + index[:most]))


class Unpooled(nn.Module):
    def __init__(self, pool, unpool, width):
        super().__init__()
        self.front, self.pool, self.unpool = nn.Linear(width, width), pool, unpool

    def forward(self, x):
        return few_outputs(self.unpool(*self.pool(self.front(x))))


class Aligned(nn.Module):
    """CTC takes positions first and fixed lengths."""

    def __init__(self):
        super().__init__()
        self.front, self.loss = nn.Linear(4, 4), nn.CTCLoss(reduction="none")

    def forward(self, x, target):
        scores = self.front(x).log_softmax(-1).transpose(0, 1)
        lengths = torch.full((len(x),), x.shape[1]), torch.full((len(x),), target.shape[1])
        return self.loss(scores, target + 1, *lengths)


class Chosen(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 2)})
        self.scales = nn.ParameterDict({"s": torch.tensor([1.5, 0.5])})

    def forward(self, x):
        return self.parts["b"](torch.tanh(self.parts["a"](x))) * self.scales["s"]


class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.shifts = nn.ParameterList([torch.tensor([0.5] * 4), torch.tensor([0.1] * 4)])

    def forward(self, x):
        for part, shift in zip(self.parts, self.shifts):
            x = torch.tanh(part(x) + shift)
        return x


def last(out):
    return out[0][:, -1]


def _shaped(*shape):
    return lambda n: reals(n, *shape)


def _plain(layer, *shape):
    """A layer with parameters of its own or none, on reals of one shape."""
    return lambda: Behind(layer(), shape[-1]), _shaped(*shape)


def _pair(layer, shape, other):
    return lambda: Behind(layer(), shape[-1]), lambda n: (reals(n, *shape), other(n))


FLAT = ("CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "Identity", "LeakyReLU",
        "LogSigmoid", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink",
        "Softsign", "Tanh", "Tanhshrink", "AlphaDropout", "Dropout", "FeatureAlphaDropout", "Flatten")  # fmt: skip

SAMPLES = {name: _plain(getattr(nn, name), 6) for name in FLAT}
SAMPLES |= {
    "LogSoftmax": _plain(lambda: nn.LogSoftmax(1), 6),
    "Softmax": _plain(lambda: nn.Softmax(1), 6),
    "Softmin": _plain(lambda: nn.Softmin(1), 6),
    "Softmax2d": _plain(nn.Softmax2d, 2, 3, 4),
    "Threshold": _plain(lambda: nn.Threshold(0.1, -1.0), 6),
    "Unflatten": _plain(lambda: nn.Unflatten(1, (2, 3)), 6),
    "ChannelShuffle": _plain(lambda: nn.ChannelShuffle(2), 4, 3, 3),
    "PixelShuffle": _plain(lambda: nn.PixelShuffle(2), 4, 3, 3),
    "PixelUnshuffle": _plain(lambda: nn.PixelUnshuffle(2), 1, 4, 4),
    "Fold": _plain(lambda: nn.Fold((4, 4), 2), 4, 9),
    "Unfold": _plain(lambda: nn.Unfold(2), 2, 4, 4),
    "Upsample": _plain(lambda: nn.Upsample(scale_factor=2, mode="bicubic"), 1, 3, 3),
    "UpsamplingBilinear2d": _plain(lambda: nn.UpsamplingBilinear2d(scale_factor=2), 1, 3, 3),
    "UpsamplingNearest2d": _plain(lambda: nn.UpsamplingNearest2d(scale_factor=2), 1, 3, 3),
    "LocalResponseNorm": _plain(lambda: nn.LocalResponseNorm(2), 4, 3, 3),
    "CrossMapLRN2d": _plain(lambda: nn.CrossMapLRN2d(2), 4, 3, 3),
    "Linear": _plain(lambda: nn.Linear(6, 3), 6),
    "LazyLinear": _plain(lambda: nn.LazyLinear(3), 6),
    "Bilinear": _pair(lambda: nn.Bilinear(4, 3, 2), (4,), lambda n: reals(n, 3, seed=1)),
    "CosineSimilarity": _pair(nn.CosineSimilarity, (3, 4), lambda n: reals(n, 3, 4, seed=1)),
    "PairwiseDistance": _pair(lambda: nn.PairwiseDistance(keepdim=True), (4,), lambda n: reals(n, 4, seed=1)),
    "GroupNorm": _plain(lambda: nn.GroupNorm(2, 4), 4, 3, 3),
    "LayerNorm": _plain(lambda: nn.LayerNorm((3, 4)), 2, 3, 4),
    "RMSNorm": _plain(lambda: nn.RMSNorm((3, 4)), 2, 3, 4),
    "SyncBatchNorm": _plain(lambda: nn.SyncBatchNorm(4), 4, 3),
    "Embedding": (
        lambda: nn.Sequential(nn.Embedding(5, 3, padding_idx=1), nn.Flatten()),
        lambda n: integers(n, 4),
    ),
    "EmbeddingBag": (lambda: nn.Sequential(nn.EmbeddingBag(5, 3, mode="max")), lambda n: integers(n, 4)),
    "MultiheadAttention": (
        lambda: Behind(
            nn.MultiheadAttention(4, 2, batch_first=True, add_bias_kv=True), 4, read=lambda out: out[0]
        ),
        lambda n: (reals(n, 3, 4), reals(n, 2, 4, seed=1), reals(n, 2, 4, seed=2)),
    ),
    "Transformer": (
        lambda: Behind(nn.Transformer(4, 2, 1, 1, 6, batch_first=True), 4),
        lambda n: (reals(n, 3, 4), reals(n, 2, 4, seed=1)),
    ),
    "TransformerEncoderLayer": _plain(lambda: nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), 3, 4),
    "TransformerEncoder": _plain(
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, activation="gelu"), 2),
        3,
        4,
    ),
    "TransformerDecoderLayer": _pair(
        lambda: nn.TransformerDecoderLayer(4, 2, 6, batch_first=True), (3, 4), lambda n: reals(n, 2, 4, seed=1)
    ),
    "TransformerDecoder": _pair(
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, batch_first=True), 2),
        (3, 4),
        lambda n: reals(n, 2, 4, seed=1),
    ),
    "RNN": (lambda: Behind(nn.RNN(4, 3, 2, batch_first=True), 4, read=last), _shaped(3, 4)),
    "LSTM": (lambda: Behind(nn.LSTM(4, 3, proj_size=2, batch_first=True), 4, read=last), _shaped(3, 4)),
    "GRU": (lambda: Behind(nn.GRU(4, 3, bidirectional=True, batch_first=True), 4, read=last), _shaped(3, 4)),
    "RNNCell": _plain(lambda: nn.RNNCell(4, 3, nonlinearity="relu"), 4),
    "GRUCell": _plain(lambda: nn.GRUCell(4, 3), 4),
    "LSTMCell": (lambda: Behind(nn.LSTMCell(4, 3), 4, read=lambda out: out[1]), _shaped(4)),
    "Sequential": (lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)), _shaped(4)),
    "ModuleDict": (Chosen, _shaped(4)),
    "ParameterDict": (Chosen, _shaped(4)),
    "ModuleList": (Listed, _shaped(4)),
    "ParameterList": (Listed, _shaped(4)),
    "AdaptiveLogSoftmaxWithLoss": (
        lambda: Behind(nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3, 6]), 4, read=lambda out: out.output[:, None]),
        lambda n: (reals(n, 4), integers(n, below=9)),
    ),
    "CTCLoss": (Aligned, lambda n: (reals(n, 6, 4), integers(n, 2, below=3))),
}

LOSSES = {
    "BCELoss": ((4,), lambda n: integers(n, 4, below=2).double()),
    "BCEWithLogitsLoss": ((4,), lambda n: integers(n, 4, below=2).double()),
    "CrossEntropyLoss": ((4, 3), lambda n: integers(n, 3, below=4)),
    "HuberLoss": ((4,), lambda n: reals(n, 4, seed=1)),
    "KLDivLoss": ((4,), lambda n: reals(n, 4, seed=1).softmax(1)),
    "L1Loss": ((4,), lambda n: reals(n, 4, seed=1)),
    "MSELoss": ((4,), lambda n: reals(n, 4, seed=1)),
    "MultiLabelMarginLoss": ((4,), lambda n: torch.tensor([[3, 0, -1, 1]] * n)),
    "MultiLabelSoftMarginLoss": ((4,), lambda n: integers(n, 4, below=2).double()),
    "MultiMarginLoss": ((4,), lambda n: integers(n, below=4)),
    "NLLLoss": ((4, 3), lambda n: integers(n, 3, below=4)),
    "PoissonNLLLoss": ((4,), lambda n: integers(n, 4).double()),
    "SmoothL1Loss": ((4,), lambda n: reals(n, 4, seed=1)),
    "SoftMarginLoss": ((4,), lambda n: 2.0 * integers(n, 4, below=2).double() - 1),
    "HingeEmbeddingLoss": ((4,), lambda n: 2.0 * integers(n, 4, below=2).double() - 1),
}


def _by_row(out):
    return out.reshape(len(out), -1)


SAMPLES |= {
    name: (
        lambda name=name, width=shape[-1]: Behind(
            getattr(nn, name)(reduction="none"),
            width,
            read=_by_row,
            squash=torch.sigmoid if name == "BCELoss" else None,
        ),
        lambda n, shape=shape, other=other: (reals(n, *shape), other(n)),
    )
    for name, (shape, other) in LOSSES.items()
}


def _two(layer, sign):
    return (
        lambda: Behind(layer(), 4, read=_by_row),
        lambda n: (reals(n, 4), reals(n, 4, seed=1), sign(n)),
    )


def _signs(n):
    return 2.0 * integers(n, below=2).double() - 1


SAMPLES |= {
    "CosineEmbeddingLoss": _two(lambda: nn.CosineEmbeddingLoss(reduction="none"), _signs),
    "MarginRankingLoss": _two(lambda: nn.MarginRankingLoss(reduction="none"), lambda n: _signs(n)[:, None]),
    "TripletMarginLoss": _two(lambda: nn.TripletMarginLoss(reduction="none"), lambda n: reals(n, 4, seed=2)),
    "TripletMarginWithDistanceLoss": _two(
        lambda: nn.TripletMarginWithDistanceLoss(reduction="none"), lambda n: reals(n, 4, seed=2)
    ),
    "GaussianNLLLoss": _two(
        lambda: nn.GaussianNLLLoss(reduction="none"), lambda n: 0.1 + reals(n, 4, seed=2) ** 2
    ),
}

PADS = ("CircularPad", "ReflectionPad", "ReplicationPad", "ZeroPad")
for dims in (1, 2, 3):
    space = (4, 3, 5)[:dims] if dims > 1 else (5,)
    sample = {f"{pad}{dims}d": (lambda pad=pad, dims=dims: getattr(nn, f"{pad}{dims}d")(1)) for pad in PADS}
    sample |= {
        f"ConstantPad{dims}d": lambda dims=dims: getattr(nn, f"ConstantPad{dims}d")(1, 0.5),
        f"AvgPool{dims}d": lambda dims=dims: getattr(nn, f"AvgPool{dims}d")(2),
        f"MaxPool{dims}d": lambda dims=dims: getattr(nn, f"MaxPool{dims}d")(2),
        f"LPPool{dims}d": lambda dims=dims: getattr(nn, f"LPPool{dims}d")(2, 2),
        f"AdaptiveAvgPool{dims}d": lambda dims=dims: getattr(nn, f"AdaptiveAvgPool{dims}d")(2),
        f"AdaptiveMaxPool{dims}d": lambda dims=dims: getattr(nn, f"AdaptiveMaxPool{dims}d")(2),
        f"Dropout{dims}d": getattr(nn, f"Dropout{dims}d"),
        f"BatchNorm{dims}d": lambda dims=dims: getattr(nn, f"BatchNorm{dims}d")(2),
        f"LazyBatchNorm{dims}d": getattr(nn, f"LazyBatchNorm{dims}d"),
        f"InstanceNorm{dims}d": lambda dims=dims: getattr(nn, f"InstanceNorm{dims}d")(2, affine=True),
        f"LazyInstanceNorm{dims}d": lambda dims=dims: getattr(nn, f"LazyInstanceNorm{dims}d")(affine=True),
        f"Conv{dims}d": lambda dims=dims: getattr(nn, f"Conv{dims}d")(2, 4, 2, stride=2, padding=1, groups=2),
        f"LazyConv{dims}d": lambda dims=dims: getattr(nn, f"LazyConv{dims}d")(3, 2, dilation=2),
        f"ConvTranspose{dims}d": lambda dims=dims: getattr(nn, f"ConvTranspose{dims}d")(
            2, 4, 3, stride=2, groups=2
        ),
        f"LazyConvTranspose{dims}d": lambda dims=dims: getattr(nn, f"LazyConvTranspose{dims}d")(3, 2, padding=1),
    }
    SAMPLES |= {name: _plain(layer, 2, *space) for name, layer in sample.items()}
    SAMPLES[f"MaxUnpool{dims}d"] = (
        lambda dims=dims: Unpooled(
            getattr(nn, f"MaxPool{dims}d")(2, return_indices=True), getattr(nn, f"MaxUnpool{dims}d")(2), 4
        ),
        _shaped(2, *(4,) * dims),
    )
    if dims > 1:
        SAMPLES[f"FractionalMaxPool{dims}d"] = _plain(
            lambda dims=dims: getattr(nn, f"FractionalMaxPool{dims}d")(2, output_size=3), 2, *(7,) * dims
        )
