"""Θ: empirical neural tangent kernels of any network."""

from tangentlab.kernels.empirical_ntk import ntk as ntk
from tangentlab.kernels.kernel import Gram as Gram
from tangentlab.kernels.kernel import NeuralTangentKernel as NeuralTangentKernel
from tangentlab.kernels.operator import KernelOperator as KernelOperator
from tangentlab.kernels.operator import ntk_operator as ntk_operator
