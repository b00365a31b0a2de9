"""Facts that hold to rounding (S0): each as the relative difference between two ways to the same number.

===============  =================================================================================================
`primal_dual`    outputs of the linearized module, trained, against descent in function space: train and test rows
`one_backward`   alignments by one backward pass, without the kernel, against yᵀKy, its trace and its U-statistic
`lemma`          by how much yᵀK⁻¹y falls short of ‖y‖⁴ / yᵀKy, and differs from it for an eigenvector, where they agree
`slope_mse`      (L(θ + εΔ) − L(θ − εΔ)) / 2ε along Δ = −∇L, from outputs zero, against −α, α = yᵀKy / n²
`slope_bce`      the same for the logistic loss, against −α/4
===============  =================================================================================================

The slopes are those of the network itself, f(θ) − f(θ0), and their gradient comes from autograd.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.targets import codes
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.on_device import model_of
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.experiments.study_parts.pool import pool_of
from tangentlab.experiments.study_parts.protocol import descent_of
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.linalg import eigenpairs
from tangentlab.networks import Network
from tangentlab.probes import alignment, alignment_from_gradient, complexity
from tangentlab.tangent import linearize
from tangentlab.training import LOSSES, stable_learning_rate, train, train_function_space

SPEEDS = {"mse": 1.0, "bce": 0.25}
"""Loss to −(dL/dt) / α at outputs zero for targets of ±1."""


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each network and seed."""
    return each_network_and_seed(settings)


def work(settings: Settings) -> Work:
    """One Gram matrix, and two descents of it and of the module, each step of which costs some three of a network."""
    n, all_rows = settings["samples"], settings["samples"] + settings["test_samples"]
    steps = 2 * steps_of(n, batch=settings["batch_size"], epochs=settings["epochs"])
    return Work(
        kernels=((all_rows, all_rows),),
        descents=((3 * steps, settings["batch_size"]),),
        span=((steps, settings["batch_size"], n),),
        eigenpairs=((n, 1),),
        solves=(n, n, n),
    )


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Relative differences, with the labels of two groups of classes and with random ones."""
    clock = Clock()
    rows = pool_of(unit, sources)
    network = Network(model_of(unit, sources, shape=rows.shape), mode="eval")
    x, n = network.place(rows.x), len(rows.x_train)
    with clock.part("kernel"):
        whole = NeuralTangentKernel(network, outputs=0, memory=unit["memory"] or None).gram(x).values.double()
    K = whole[:n, :n]
    y, noise = (
        codes(task.y_train)[:, 0].to(K.device) for task in (rows.two_groups(), rows.random_labels(unit["seed"]))
    )
    found: dict[str, float] = {}
    with clock.part("primal_dual"):
        found["primal_dual"] = max(_primal_dual(network, x, whole, y, unit, loss=loss) for loss in SPEEDS)
    with clock.part("alignment"):
        found["one_backward"] = max(_one_backward(network, x[:n], K, each) for each in (y, noise))
    with clock.part("lemma"):
        found["lemma"] = max(_lemma(K, y), _lemma(K, noise), _lemma_at_an_eigenvector(K))
    with clock.part("slopes"):
        for loss, factor in SPEEDS.items():
            alpha = alignment(K, y).rayleigh / n
            found[f"slope_{loss}"] = abs(_slope(network, x[:n], y, loss=loss) / (-factor * alpha) - 1)
    return Findings({"rows": n, "dtype": unit["dtype"], "violations": found}, clock.seconds)


def _primal_dual(network: Network, x: Tensor, whole: Tensor, y: Tensor, unit: StudyUnit, *, loss: str) -> float:
    """Largest difference of outputs over their largest size, after the unit's descent both ways."""
    n = len(y)
    K, targets = whole[:n, :n], (y if loss == "mse" else (y + 1) / 2)
    descent = descent_of(unit, loss=loss)
    bound = stable_learning_rate(K, loss=loss, momentum=descent.momentum)
    descent = descent_of(unit, loss=loss, learning_rate=min(descent.learning_rate, bound / 2))
    f0 = network(x).double()
    dual = train_function_space(K, f0[:n], targets, descent)
    ours = torch.cat([dual.train_outputs, dual.predict(whole[n:, :n], f0[n:])])
    primal = train(linearize(network), x[:n], targets.to(network.dtype), descent)
    with torch.no_grad():
        theirs = primal.module(x.to(network.dtype)).double()
    return float((ours - theirs).abs().max() / theirs.abs().max())


def _one_backward(network: Network, x: Tensor, K: Tensor, y: Tensor) -> float:
    """Largest difference of the three alignments that need no kernel; the unbiased one over the plug-in it corrects."""
    ours, theirs = alignment_from_gradient(network, x, y, intervals=False), alignment(K, y)
    scales = {
        "rayleigh": theirs.rayleigh,
        "trace_normalized": theirs.trace_normalized,
        "unbiased": theirs.rayleigh / len(y),
    }
    return max(abs(getattr(ours, name) - getattr(theirs, name)) / scale for name, scale in scales.items())


def _lemma(K: Tensor, y: Tensor) -> float:
    """By how much of itself the bound lies above the norm; 0 where it is the bound it should be."""
    found = complexity(K, y)
    return max(0.0, found.lower_bound / found.norm - 1)


def _lemma_at_an_eigenvector(K: Tensor) -> float:
    found = complexity(K, eigenpairs(K, 1).vectors[:, 0])
    return abs(found.lower_bound / found.norm - 1)


def _slope(network: Network, x: Tensor, y: Tensor, *, loss: str) -> float:
    """dL/dt at the start of gradient flow of f(θ) − f(θ0), by a central difference.

    The step changes the loss by √ε of itself, ε the machine epsilon: rounding is then about as large as what is left
    of first order, and units of a ReLU whose kink lies within the step leave that much (not the second order of
    smooth networks, for which ε^(1/3) is the step).
    """
    x, targets = network.place(x), (y if loss == "mse" else (y + 1) / 2)[:, None].to(network.dtype)
    f0 = network(x)
    leaves = {name: tensor.clone().requires_grad_(True) for name, tensor in network.parameters.items()}
    value = LOSSES[loss].value(network.apply(leaves, x) - f0, targets)
    slopes = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    downhill = {name: torch.zeros_like(leaves[name]) if g is None else -g for name, g in zip(leaves, slopes)}
    speed = sum(float(g.double().square().sum()) for g in downhill.values())
    step = torch.finfo(network.dtype).eps ** 0.5 * value.item() / speed

    def at(time: float) -> float:
        moved = {name: leaves[name].detach() + time * downhill[name] for name in leaves}
        with torch.no_grad():
            return float(LOSSES[loss].value((network.apply(moved, x) - f0).double(), targets.double()))

    return (at(step) - at(-step)) / (2 * step)
