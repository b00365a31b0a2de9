"""Θ: empirical neural tangent kernels of any network, and those of infinite width in closed form."""

from tangentlab.kernels.anisotropy import anisotropy_directions as anisotropy_directions
from tangentlab.kernels.columns import kernel_columns as kernel_columns
from tangentlab.kernels.empirical_ntk import ntk as ntk
from tangentlab.kernels.empirical_ntk import ntk_operator as ntk_operator
from tangentlab.kernels.gram import Gram as Gram
from tangentlab.kernels.infinite_mlp import InfiniteWidthMLP as InfiniteWidthMLP
from tangentlab.kernels.infinite_module import infinite_width_of as infinite_width_of
from tangentlab.kernels.infinite_width import InfiniteKernels as InfiniteKernels
from tangentlab.kernels.infinite_width import InfiniteWidthNetwork as InfiniteWidthNetwork
from tangentlab.kernels.kernel import NeuralTangentKernel as NeuralTangentKernel
from tangentlab.kernels.low_rank_kernel import low_rank as low_rank
from tangentlab.kernels.memory_budget import MemoryBudgetWarning as MemoryBudgetWarning
from tangentlab.kernels.operator import KernelOperator as KernelOperator
from tangentlab.kernels.plan import Plan as Plan
from tangentlab.kernels.random_projection import TangentProjection as TangentProjection
from tangentlab.kernels.random_projection import tangent_projection as tangent_projection
from tangentlab.kernels.tile_store import TileStore as TileStore
from tangentlab.kernels.tile_work import TileWork as TileWork
from tangentlab.kernels.tile_work import write_tile as write_tile
from tangentlab.kernels.tiled_gram import TiledGram as TiledGram
