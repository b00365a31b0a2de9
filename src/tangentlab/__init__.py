"""tangentlab: put a network beside its own linearization and learn what the linearization says about generalization.

The page to start from, in the order in which data flows:

- a network at a parameter point: `Network`, `build_network`
- data and what to learn from it: `load`, `Data`, `tasks`, `eigenfunction_task`
- its tangent: `jacobian`, `linearize`
- its kernel: `ntk`, `NeuralTangentKernel`, `Gram`, `ntk_operator`, `eigenpairs`, `anisotropy_directions`
- kernels of networks of infinite width, in closed form: `InfiniteWidthMLP`, `InfiniteWidthNetwork`, and what training
  does to an ensemble of them: `EnsembleFlow`
- kernels of many rows: `low_rank`, `tangent_projection`, `spectral_density`, `trace_estimate`, `effective_dimension`,
  `conjugate_gradient`
- training, of the network or in function space, of one run or many: `Descent`, `train`, `train_many`,
  `train_function_space`, `train_function_space_many`, `KernelRegression` (by
  `ConjugateGradient` where K is large), `GradientFlow`, `stable_learning_rate`
- measuring: `alignment`, `complexity`, `kernel_distance`, `spectrum`, `alignment_from_gradient`, `kernel_rotation`,
  `KernelEvolution`, `distance_interval`, `steps_to_loss`, `layer_shares`, `layer_kernels`, `alignment_intervals`,
  `complexity_intervals`, `target_energy`, `energy_interval`
- tasks of graded difficulty, as files for any learner: `eigenfunction_bank`, `anisotropy_bank`, `export_tasks`,
  `read_tasks`
- foretelling, before anything is trained: `predict`, `rank_predictions`, `predict_risk`;
  one page on a network, before and after training: `diagnose`
- an experiment of the papers, with its claims: `study`, which returns `StudyResults`
- the systematic comparison: `compare`; the same as scikit-learn estimators: `TangentClassifier`, `TangentRegressor`

For a linear model the tangent kernel is the Gram matrix of the inputs:

>>> import torch
>>> import tangentlab as tl
>>> tl.ntk(torch.nn.Linear(2, 1, bias=False), torch.eye(2), outputs="trace").tolist()
[[1.0, 0.0], [0.0, 1.0]]

Names are imported when they are first used, so that `import tangentlab` itself loads neither torch nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tangentlab import tasks as tasks
    from tangentlab._errors import TangentlabError as TangentlabError
    from tangentlab.data import Data as Data
    from tangentlab.data import load as load
    from tangentlab.estimators import TangentClassifier as TangentClassifier
    from tangentlab.estimators import TangentRegressor as TangentRegressor
    from tangentlab.experiments import Results as Results
    from tangentlab.experiments import StudyResults as StudyResults
    from tangentlab.experiments import anisotropy_bank as anisotropy_bank
    from tangentlab.experiments import compare as compare
    from tangentlab.experiments import diagnose as diagnose
    from tangentlab.experiments import eigenfunction_bank as eigenfunction_bank
    from tangentlab.experiments import export_tasks as export_tasks
    from tangentlab.experiments import predict as predict
    from tangentlab.experiments import rank_predictions as rank_predictions
    from tangentlab.experiments import read_tasks as read_tasks
    from tangentlab.experiments import study as study
    from tangentlab.kernels import Gram as Gram
    from tangentlab.kernels import InfiniteWidthMLP as InfiniteWidthMLP
    from tangentlab.kernels import InfiniteWidthNetwork as InfiniteWidthNetwork
    from tangentlab.kernels import NeuralTangentKernel as NeuralTangentKernel
    from tangentlab.kernels import anisotropy_directions as anisotropy_directions
    from tangentlab.kernels import low_rank as low_rank
    from tangentlab.kernels import ntk as ntk
    from tangentlab.kernels import ntk_operator as ntk_operator
    from tangentlab.kernels import tangent_projection as tangent_projection
    from tangentlab.linalg import Eigenpairs as Eigenpairs
    from tangentlab.linalg import conjugate_gradient as conjugate_gradient
    from tangentlab.linalg import effective_dimension as effective_dimension
    from tangentlab.linalg import eigenpairs as eigenpairs
    from tangentlab.linalg import spectral_density as spectral_density
    from tangentlab.linalg import trace_estimate as trace_estimate
    from tangentlab.networks import Network as Network
    from tangentlab.networks import build_network as build_network
    from tangentlab.probes import KernelEvolution as KernelEvolution
    from tangentlab.probes import alignment as alignment
    from tangentlab.probes import alignment_from_gradient as alignment_from_gradient
    from tangentlab.probes import alignment_intervals as alignment_intervals
    from tangentlab.probes import complexity as complexity
    from tangentlab.probes import complexity_intervals as complexity_intervals
    from tangentlab.probes import distance_interval as distance_interval
    from tangentlab.probes import energy_interval as energy_interval
    from tangentlab.probes import kernel_distance as kernel_distance
    from tangentlab.probes import kernel_rotation as kernel_rotation
    from tangentlab.probes import layer_kernels as layer_kernels
    from tangentlab.probes import layer_shares as layer_shares
    from tangentlab.probes import predict_risk as predict_risk
    from tangentlab.probes import spectrum as spectrum
    from tangentlab.probes import steps_to_loss as steps_to_loss
    from tangentlab.probes import target_energy as target_energy
    from tangentlab.tangent import Jacobian as Jacobian
    from tangentlab.tangent import LinearizedModule as LinearizedModule
    from tangentlab.tangent import jacobian as jacobian
    from tangentlab.tangent import linearize as linearize
    from tangentlab.tasks import eigenfunction_task as eigenfunction_task
    from tangentlab.training import ConjugateGradient as ConjugateGradient
    from tangentlab.training import Descent as Descent
    from tangentlab.training import EnsembleFlow as EnsembleFlow
    from tangentlab.training import GradientFlow as GradientFlow
    from tangentlab.training import KernelRegression as KernelRegression
    from tangentlab.training import stable_learning_rate as stable_learning_rate
    from tangentlab.training import train as train
    from tangentlab.training import train_function_space as train_function_space
    from tangentlab.training import train_function_space_many as train_function_space_many
    from tangentlab.training import train_many as train_many

__version__ = "0.1.0"

_HOMES = {
    "networks": ("Network", "build_network"),
    "data": ("load", "Data"),
    "tangent": ("jacobian", "Jacobian", "linearize", "LinearizedModule"),
    "kernels": (
        "ntk",
        "NeuralTangentKernel",
        "Gram",
        "ntk_operator",
        "low_rank",
        "tangent_projection",
        "anisotropy_directions",
        "InfiniteWidthMLP",
        "InfiniteWidthNetwork",
    ),
    "linalg": (
        "eigenpairs",
        "Eigenpairs",
        "spectral_density",
        "trace_estimate",
        "effective_dimension",
        "conjugate_gradient",
    ),
    "tasks": ("eigenfunction_task",),
    "training": (
        "Descent",
        "train",
        "train_many",
        "train_function_space",
        "train_function_space_many",
        "KernelRegression",
        "ConjugateGradient",
        "GradientFlow",
        "EnsembleFlow",
        "stable_learning_rate",
    ),
    "probes": (
        "alignment",
        "complexity",
        "kernel_distance",
        "spectrum",
        "alignment_from_gradient",
        "kernel_rotation",
        "predict_risk",
        "KernelEvolution",
        "distance_interval",
        "steps_to_loss",
        "layer_shares",
        "layer_kernels",
        "alignment_intervals",
        "complexity_intervals",
        "target_energy",
        "energy_interval",
    ),
    "experiments": (
        "compare",
        "Results",
        "study",
        "StudyResults",
        "predict",
        "rank_predictions",
        "diagnose",
        "eigenfunction_bank",
        "anisotropy_bank",
        "export_tasks",
        "read_tasks",
    ),
    "estimators": ("TangentClassifier", "TangentRegressor"),
    "_errors": ("TangentlabError",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME_OF, "tasks"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    elif name in _HOMES or name in ("tasks", "records", "report"):
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module 'tangentlab' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
