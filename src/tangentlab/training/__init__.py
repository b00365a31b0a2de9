"""Training, primal and in function space: descent, gradient flow, kernel regression, stable rates."""

from tangentlab.training.accuracy import accuracy as accuracy
from tangentlab.training.anchored_targets import AnchoredTargets as AnchoredTargets
from tangentlab.training.batches import batches as batches
from tangentlab.training.descent import Descent as Descent
from tangentlab.training.ensemble_flow import EnsembleFlow as EnsembleFlow
from tangentlab.training.ensemble_flow import FittedEnsembleFlow as FittedEnsembleFlow
from tangentlab.training.function_space import train_function_space as train_function_space
from tangentlab.training.function_space_many import train_function_space_many as train_function_space_many
from tangentlab.training.function_space_state import FunctionSpaceState as FunctionSpaceState
from tangentlab.training.gradient_flow import FittedGradientFlow as FittedGradientFlow
from tangentlab.training.gradient_flow import GradientFlow as GradientFlow
from tangentlab.training.history import History as History
from tangentlab.training.kernel_regression import FittedKernelRegression as FittedKernelRegression
from tangentlab.training.kernel_regression import KernelRegression as KernelRegression
from tangentlab.training.loss import LOSSES as LOSSES
from tangentlab.training.product_regression import ConjugateGradient as ConjugateGradient
from tangentlab.training.product_regression import FittedByProducts as FittedByProducts
from tangentlab.training.ridge_path import RidgePath as RidgePath
from tangentlab.training.schedule import SCHEDULES as SCHEDULES
from tangentlab.training.stable_rate import stable_learning_rate as stable_learning_rate
from tangentlab.training.subset_curve import SubsetCurve as SubsetCurve
from tangentlab.training.subset_curve import subset_curve as subset_curve
from tangentlab.training.temperature import inverse_temperature as inverse_temperature
from tangentlab.training.train import TrainingState as TrainingState
from tangentlab.training.train import train as train
from tangentlab.training.train_many import train_many as train_many
