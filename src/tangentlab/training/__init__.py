"""Training, primal and in function space: descent, gradient flow, kernel regression, stable rates."""

from tangentlab.training.anchored_targets import AnchoredTargets as AnchoredTargets
from tangentlab.training.gradient_flow import FittedGradientFlow as FittedGradientFlow
from tangentlab.training.gradient_flow import GradientFlow as GradientFlow
from tangentlab.training.kernel_regression import FittedKernelRegression as FittedKernelRegression
from tangentlab.training.kernel_regression import KernelRegression as KernelRegression
from tangentlab.training.ridge_path import RidgePath as RidgePath
from tangentlab.training.stable_rate import stable_learning_rate as stable_learning_rate
