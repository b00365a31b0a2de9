"""Linear algebra of kernels: checks before any solve, eigenpairs at any size, positive solves, blocks of outputs.

Knows tensors only, no networks; tested against NumPy and SciPy alone.
"""

from tangentlab.linalg.block_eigenpairs import BlockEigenpairs as BlockEigenpairs
from tangentlab.linalg.block_eigenpairs import block_eigenpairs as block_eigenpairs
from tangentlab.linalg.block_krylov import KrylovPairs as KrylovPairs
from tangentlab.linalg.block_krylov import krylov_eigenpairs as krylov_eigenpairs
from tangentlab.linalg.columns import Columns as Columns
from tangentlab.linalg.columns import expect_diagonal as expect_diagonal
from tangentlab.linalg.conjugate_gradient import IterativeSolution as IterativeSolution
from tangentlab.linalg.conjugate_gradient import conjugate_gradient as conjugate_gradient
from tangentlab.linalg.eigenpairs import Eigenpairs as Eigenpairs
from tangentlab.linalg.eigenpairs import eigenpairs as eigenpairs
from tangentlab.linalg.eigenpairs import fix_signs as fix_signs
from tangentlab.linalg.floating_tensor import floating_tensor as floating_tensor
from tangentlab.linalg.floating_tensor import rounding_of as rounding_of
from tangentlab.linalg.lanczos_quadrature import LanczosQuadrature as LanczosQuadrature
from tangentlab.linalg.lanczos_quadrature import lanczos_quadrature as lanczos_quadrature
from tangentlab.linalg.linear_map import LinearMap as LinearMap
from tangentlab.linalg.low_rank import LowRank as LowRank
from tangentlab.linalg.low_rank_preconditioner import LowRankPreconditioner as LowRankPreconditioner
from tangentlab.linalg.matrix_product import product as product
from tangentlab.linalg.nystrom import uniform_nystrom as uniform_nystrom
from tangentlab.linalg.output_blocks import KernelBlocks as KernelBlocks
from tangentlab.linalg.output_blocks import as_columns as as_columns
from tangentlab.linalg.output_blocks import diagonal_blocks as diagonal_blocks
from tangentlab.linalg.pivoted_cholesky import pivoted_cholesky as pivoted_cholesky
from tangentlab.linalg.positive import NumericalWarning as NumericalWarning
from tangentlab.linalg.positive import expect_positive as expect_positive
from tangentlab.linalg.positive import negative_band as negative_band
from tangentlab.linalg.positive import noise_floor as noise_floor
from tangentlab.linalg.positive import refuse_negative as refuse_negative
from tangentlab.linalg.positive import spectral_norm as spectral_norm
from tangentlab.linalg.positive import symmetric as symmetric
from tangentlab.linalg.positive_factor import PositiveFactor as PositiveFactor
from tangentlab.linalg.positive_factor import expect_ridge as expect_ridge
from tangentlab.linalg.positive_factor import factor_positive as factor_positive
from tangentlab.linalg.sketched_nystrom import sketched_nystrom as sketched_nystrom
from tangentlab.linalg.solve_positive import Solution as Solution
from tangentlab.linalg.solve_positive import relative_residual as relative_residual
from tangentlab.linalg.solve_positive import solve_positive as solve_positive
from tangentlab.linalg.spectral_density import SpectralDensity as SpectralDensity
from tangentlab.linalg.spectral_density import spectral_density as spectral_density
from tangentlab.linalg.symmetric_tiles import SymmetricTiles as SymmetricTiles
from tangentlab.linalg.trace_estimate import TraceEstimate as TraceEstimate
from tangentlab.linalg.trace_estimate import effective_dimension as effective_dimension
from tangentlab.linalg.trace_estimate import trace_estimate as trace_estimate
