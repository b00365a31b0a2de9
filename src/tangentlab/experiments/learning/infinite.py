"""The learner `infinite`: kernel regression with the tangent kernel of a catalogue network at infinite width.

The layers, fan-ins and initialization are those of the network that stands beside it, so that what differs from
`ridge-init` is the randomness of its weights alone. The mean over all networks starts at 0: nothing is subtracted from
the targets.
"""

from __future__ import annotations

from torch import nn

from tangentlab._errors import NetworkError, TangentlabError
from tangentlab.experiments.inputs.sources import Choices, Sources
from tangentlab.experiments.learning.anchor import Anchor
from tangentlab.experiments.learning.fits import Fit, fit_kernel_regression
from tangentlab.kernels import InfiniteWidthNetwork, infinite_width_of
from tangentlab.networks import NETWORKS, Network
from tangentlab.networks.builder_options import split_options
from tangentlab.probes import kernel_distance
from tangentlab.tasks import Task

MOST_COVARIANCES = 2 * 10**10
"""Covariances of pixels that a cell may treat: half an hour to an hour on one core."""


def infinite_width_network(
    name: str, spec: Choices, sources: Sources, *, model: nn.Module | Network
) -> InfiniteWidthNetwork:
    """The closed form behind a network of the catalogue, given as it was built.

    Raises `NetworkError` for a network of the user's own, whose distribution of initial weights is not known by its
    name, and for one with a layer without a rule.

    >>> from tangentlab.networks import build_network
    >>> from tangentlab.experiments.comparison.spec import ComparisonSpec
    >>> spec, sources = ComparisonSpec.of(), Sources(data="digits")
    >>> model = build_network("mlp:depth=1", (4,), outputs=1, seed=0)
    >>> len(infinite_width_network("mlp:depth=1", spec, sources, model=model).layers)
    4
    >>> infinite_width_network("own.module:build", spec, sources, model=model)
    Traceback (most recent call last):
    tangentlab._errors.NetworkError: The network own.module:build has no closed form at infinite width by its name, ...
    """
    head, _, options = name.partition(":")
    if name in sources.networks or head not in NETWORKS:
        raise NetworkError(
            f"The network {name} has no closed form at infinite width by its name, because the distribution of its "
            "initial weights is not known.",
            remedy="Leave out the learner 'infinite', or compose the kernel yourself with tl.InfiniteWidthNetwork.",
        )
    given = split_options(options, network=head) if options else {}
    initialization = given.get("initialization", spec.initialization)
    module = model.module if isinstance(model, Network) else model
    try:
        return infinite_width_of(module, initialization=initialization)
    except NetworkError as error:
        raise NetworkError(
            f"The network {name} has no closed form at infinite width: {error.message}",
            remedy="Leave out the learner 'infinite' for this network.",
        ) from error


def expect_affordable(network: InfiniteWidthNetwork, shape: tuple[int, ...], *, rows: int, test_rows: int) -> None:
    """Refuse a kernel that would take hours: covariances for each pair of rows, times pairs.

    >>> from tangentlab.kernels import InfiniteWidthMLP
    >>> expect_affordable(InfiniteWidthMLP(3).network, (28, 28), rows=10_000, test_rows=10_000)
    """
    each, pairs = network.work(shape), rows * (rows + 1) // 2 + rows * test_rows
    if each * pairs > MOST_COVARIANCES:
        raise NetworkError(
            f"The kernel of infinite width takes {each:,} covariances of pixels for each of {pairs:,} pairs of rows, "
            f"and {MOST_COVARIANCES:,} in all are allowed, up to an hour on one core.",
            remedy="Use fewer samples and test rows, a fully connected network, or leave out the learner 'infinite'.",
        )


def closed_form_within(
    name: str,
    spec: Choices,
    sources: Sources,
    *,
    most: int,
    model: nn.Module | Network,
    shape: tuple[int, ...],
    pairs: int,
) -> InfiniteWidthNetwork | str:
    """The network at infinite width; or the sentence that says why it has none, or none within `most` covariances."""
    try:
        network = infinite_width_network(name, spec, sources, model=model)
    except NetworkError as error:
        return error.message
    taken = network.work(shape) * pairs
    if taken > most:
        return f"The kernel of infinite width of {name} takes {taken:.1e} covariances, and {most:.1e} are allowed."
    return network


def fit_infinite(
    network: InfiniteWidthNetwork, task: Task, *, initial: Anchor, ridge: float | str, memory: int | str | None
) -> Fit:
    """Kernel regression of the codes with the kernel of infinite width, by the ridge rule of the other ridge learners.

    Beside the readings of those stands `kernel_distance`, that from the kernel at the initial weights.
    """
    expect_affordable(network, task.shape, rows=len(task.x_train), test_rows=len(task.x_test))
    x, x_test = task.x_train.double(), task.x_test.double()
    K, cross = network.ntk(x, memory=memory), network.ntk(x_test, x, memory=memory)
    fit = fit_kernel_regression(K, cross, task, ridge=ridge)
    return Fit(
        fit.train_outputs,
        fit.test_outputs,
        readings=fit.readings | {"kernel_distance": kernel_distance(initial.shared, K)},
    )


def refusal_of_infinite(
    name: str, spec: Choices, sources: Sources, *, model: nn.Module | Network, task: Task
) -> TangentlabError | None:
    """Why a cell has no learner `infinite`, before anything is computed; None if it has.

    >>> from tangentlab.networks import build_network
    >>> from tangentlab.experiments.comparison.spec import ComparisonSpec
    >>> spec, sources = ComparisonSpec.of(test_samples=20), Sources(data="digits")
    >>> task = sources.task("random:2", spec, samples=20, seed=0)
    >>> model = build_network("vgg:width=2", task.shape, outputs=1, seed=0)
    >>> print(refusal_of_infinite("vgg:width=2", spec, sources, model=model, task=task))
    The network vgg:width=2 has no closed form at infinite width: The layer ...
    """
    try:
        network = infinite_width_network(name, spec, sources, model=model)
        expect_affordable(network, task.shape, rows=len(task.x_train), test_rows=len(task.x_test))
    except TangentlabError as error:
        return error
    return None
