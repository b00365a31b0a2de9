"""The networks, rows and kernels that every implementation is timed on: the same float32 numbers for all of them.

Weights are the catalogue's own at seed 0, but for two things that would make a kernel too easy: the last scale of a
residual block is not 0, and the statistics, scales and shifts of the normalizations are not 0 or 1.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import tangentlab as tl
from tangentlab.networks.initialization import initialized

Flavour = int | str


@dataclass(frozen=True)
class Workload:
    """A kernel of one network on so many rows of standard normal inputs."""

    title: str
    network: str
    shape: tuple[int, ...]
    classes: int
    """Outputs of the network."""
    flavour: Flavour
    """Which kernel: "full", "trace", or 0 for the only output of a network with one."""
    rows: int
    large: bool = False
    """The same with four times as many rows: less of the time is the network's, more is the Gram's."""


def _both(name: str, title: str, *, rows: int, **rest) -> dict[str, Workload]:
    return {
        name: Workload(title, rows=rows, **rest),
        f"{name}-large": Workload(title, rows=4 * rows, large=True, **rest),
    }


_IMAGE, _GREY = (3, 32, 32), (1, 28, 28)
WORKLOADS: dict[str, Workload] = {
    **_both("mlp-full", "MLP, 10 outputs", network="mlp", shape=_GREY, classes=10, flavour="full", rows=256),
    **_both("mlp-trace", "MLP, trace", network="mlp", shape=_GREY, classes=10, flavour="trace", rows=1024),
    **_both("mlp-one", "MLP, one output", network="mlp", shape=_GREY, classes=1, flavour=0, rows=4096),
    **_both("lenet-one", "LeNet, one output", network="lenet", shape=_GREY, classes=1, flavour=0, rows=2048),
    **_both("lenet-full", "LeNet, 10 outputs", network="lenet", shape=_GREY, classes=10, flavour="full", rows=256),
    **_both(
        "resnet-one", "ResNet-18, one output", network="resnet18", shape=_IMAGE, classes=1, flavour=0, rows=128
    ),
    "resnet-one-64": Workload("ResNet-18, one output", "resnet18", _IMAGE, 1, 0, 64),
    **_both(
        "resnet-full",
        "ResNet-18, 10 outputs",
        network="resnet18",
        shape=_IMAGE,
        classes=10,
        flavour="full",
        rows=16,
    ),
    **_both("vit-one", "ViT, one output", network="vit", shape=_IMAGE, classes=1, flavour=0, rows=128),
}
"""MLP 784-1024-1024-10; LeNet-5 with 5×5 convolutions to 6 and 16 channels, the second without padding, then
400-120-84-10; ResNet-18 with the CIFAR stem; ViT of 4 blocks, 4 heads and width 128 on 65 tokens."""

TINY: dict[str, Workload] = {
    "tiny-mlp-full": Workload("MLP", "mlp", _GREY, 3, "full", 5),
    "tiny-mlp-trace": Workload("MLP", "mlp", _GREY, 3, "trace", 5),
    "tiny-lenet-one": Workload("LeNet", "lenet", _GREY, 1, 0, 6),
    "tiny-lenet-full": Workload("LeNet", "lenet", _GREY, 3, "full", 4),
    "tiny-vit-one": Workload("ViT", "vit", _IMAGE, 1, 0, 3),
}
"""A few rows, for tests of the benchmark itself."""


def find(name: str) -> Workload:
    return {**WORKLOADS, **TINY}[name]


def network(workload: Workload) -> nn.Module:
    """The network in evaluation mode, float32."""
    options = {"mlp": {"width": 1024}, "resnet18": {"zero_init_residual": False}}.get(workload.network, {})
    if workload.network == "lenet":
        model = lenet5(workload.classes)
    else:
        model = tl.build_network(workload.network, workload.shape, outputs=workload.classes, seed=0, **options)
    source = torch.Generator().manual_seed(1)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.LayerNorm):
            for values, low, high in (
                (layer.weight.data, 0.5, 1.5),
                (layer.bias.data, -0.2, 0.2),
                (getattr(layer, "running_mean", None), -0.2, 0.2),
                (getattr(layer, "running_var", None), 0.5, 1.5),
            ):
                if values is not None:
                    values.uniform_(low, high, generator=source)
    return model.eval()


def lenet5(outputs: int) -> nn.Module:
    def make() -> nn.Module:
        return nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(1, 6, 5, padding=2),
                activation1=nn.ReLU(),
                pool1=nn.AvgPool2d(2),
                conv2=nn.Conv2d(6, 16, 5),
                activation2=nn.ReLU(),
                pool2=nn.AvgPool2d(2),
                flatten=nn.Flatten(),
                hidden1=nn.Linear(400, 120),
                activation3=nn.ReLU(),
                hidden2=nn.Linear(120, 84),
                activation4=nn.ReLU(),
                readout=nn.Linear(84, outputs),
            )
        )

    return initialized(make, generator=torch.Generator().manual_seed(0))


def inputs(workload: Workload, rows: int | None = None) -> Tensor:
    """The first rows of one stream, so that a smaller run sees a part of a larger one's."""
    source = torch.Generator().manual_seed(2)
    return torch.randn(rows or workload.rows, *workload.shape, generator=source)
