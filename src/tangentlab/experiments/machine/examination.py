"""Every safety check of a network, one by one: passed, repaired on a private copy, or refused with layer and remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import NetworkError, NotFiniteError, TangentlabError
from tangentlab._seeds import generator
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.linalg import eigenpairs
from tangentlab.networks import Network, inspect_network
from tangentlab.tangent import linearize
from tangentlab.training import Descent, train

PASSED, REPAIRED, REFUSED = "passed", "repaired", "refused"
ROWS = 4


@dataclass(frozen=True)
class Check:
    """One check: its `name`, its `status`, what was found, and what to do if it was refused."""

    name: str
    status: str
    found: str
    remedy: str = ""


def examine(build: Callable[[], nn.Module], shape: tuple[int, ...], *, seed: int = 0) -> tuple[Check, ...]:
    """Build a network and try on random rows of a shape all that a comparison will ask of it.

    Checks stop at the first refusal that leaves nothing to look at; a network that only its train mode spoils is
    repaired by evaluating it in evaluation mode, as `compare` does.

    >>> linear = nn.Linear(3, 1)
    >>> for check in examine(lambda: linear, (3,)):
    ...     print(f"{check.name}: {check.status}")
    it builds: passed
    parameters: passed
    train mode: passed
    rows, determinism, finiteness: passed
    in-place layers: passed
    attention: passed
    tangent kernel: passed
    linearization: passed
    training step: passed
    """
    found: list[Check] = []
    try:
        module = build()
        found.append(_repeatable(module, build(), shape))
        x = torch.randn(ROWS, *shape, generator=generator(seed, "examination"))
        network, check = _bind(module)
        found.append(check)
        network, check = _mode(module, network, x)
        found.append(check)
        inspection = inspect_network(network, network.place(x))
        outputs = f"{inspection.outputs} output{'s' if inspection.outputs > 1 else ''}"
        found.append(
            Check("rows, determinism, finiteness", PASSED, f"{outputs}, each a function of one row of the input")
        )
        found.append(_in_place(module))
        notes = "; ".join(inspection.notes)
        found.append(Check("attention", REPAIRED if notes else PASSED, notes or "nothing to repair"))
        found.append(_kernel(network, x))
        found.append(_linearization(network, x))
        found.append(_training(module, x, outputs=inspection.outputs))
    except TangentlabError as error:
        name = _place(error, len(found))
        found.append(Check(name, REFUSED, error.message, error.remedy))
    return tuple(found)


_STAGES = (
    "it builds",
    "parameters",
    "train mode",
    "rows, determinism, finiteness",
    "in-place layers",
    "attention",
    "tangent kernel",
    "linearization",
    "training step",
)


def _place(error: TangentlabError, done: int) -> str:
    """The check an error belongs to: the next one, said more closely where the inspection has several parts."""
    stage = _STAGES[min(done, len(_STAGES) - 1)]
    if stage != "rows, determinism, finiteness" and stage != "train mode":
        return stage
    if isinstance(error, NotFiniteError):
        return "finiteness"
    said = error.message
    for part, start in (
        ("determinism", "Two evaluations"),
        ("rows", "The outputs of row"),
        ("forward pass", "The forward"),
    ):
        if said.startswith(start):
            return part
    return stage


def _repeatable(module: nn.Module, again: nn.Module, shape: tuple[int, ...]) -> Check:
    first, second = dict(module.named_parameters()), dict(again.named_parameters())
    if first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first):
        return Check("it builds", PASSED, f"{type(module).__name__} for rows of shape {shape}, twice the same")
    return Check(
        "it builds",
        REFUSED,
        "Two builds with one seed have different weights.",
        "Draw weights from the `generator` that the builder may take, or from torch's own layers.",
    )


def _bind(module: nn.Module) -> tuple[Network, Check]:
    network = Network(module)
    frozen = sum(1 for _ in module.parameters()) - len(network.names)
    dtype = str(network.dtype).removeprefix("torch.")
    words = f"{network.space.size:,} parameters in {len(network.names)} tensors, {dtype}"
    return network, Check("parameters", PASSED, words + (f", {frozen} frozen" if frozen else ""))


def _mode(module: nn.Module, network: Network, x: Tensor) -> tuple[Network, Check]:
    try:
        inspect_network(network, network.place(x))
    except NetworkError as error:
        if "train mode" not in error.message:
            raise
        evaluated = Network(module, mode="eval")
        return evaluated, Check("train mode", REPAIRED, f"{error.message} It is evaluated in evaluation mode.")
    words = "it changes nothing" if network.training_parts else "the network is in evaluation mode"
    return network, Check("train mode", PASSED, words)


def _in_place(module: nn.Module) -> Check:
    names = [
        name or type(part).__name__ for name, part in module.named_modules() if getattr(part, "inplace", False)
    ]
    if not names:
        return Check("in-place layers", PASSED, "none")
    return Check("in-place layers", REPAIRED, f"{len(names)} (such as '{names[0]}') write to copies instead")


def _kernel(network: Network, x: Tensor) -> Check:
    gram = NeuralTangentKernel(network, outputs="mean").gram(x)
    least, largest = (float(v) for v in eigenpairs(gram.values).values[[-1, 0]])
    words = f"{gram.description}; differs from plain autograd by {gram.difference:.1g}"
    return Check("tangent kernel", PASSED, f"{words}; eigenvalues {least:.3g} to {largest:.3g}")


def _linearization(network: Network, x: Tensor) -> Check:
    with torch.no_grad():
        apart = float((linearize(network)(x) - network(x)).abs().max())
    return Check("linearization", PASSED, f"f0 + J·0 differs from the network by {apart:.1g}")


def _training(module: nn.Module, x: Tensor, *, outputs: int) -> Check:
    loss: dict[str, Any] = {"loss": "bce" if outputs == 1 else "cross_entropy"}
    labels = torch.arange(len(x)) % max(outputs, 2)
    y = labels[:, None].float() if outputs == 1 else labels
    state = train(module, x, y, Descent(epochs=1, learning_rate=1e-3, batch_size=len(x), **loss))
    return Check("training step", PASSED, f"moves the parameters by {state.distance:.2g}")
