"""Linear algebra of kernels: checks before any solve, eigenpairs, positive solves, blocks of outputs.

Knows tensors only, no networks; tested against NumPy and SciPy alone.
"""

from tangentlab.linalg.floating_tensor import floating_tensor as floating_tensor
from tangentlab.linalg.floating_tensor import rounding_of as rounding_of
from tangentlab.linalg.output_blocks import KernelBlocks as KernelBlocks
from tangentlab.linalg.output_blocks import as_columns as as_columns
