"""How many numbers the processor computes with at once, from which follows which of torch's libraries is the quicker.

The BLAS behind `A @ B` computes with 256 bits at a time on some processors that have 512, where oneDNN is up to twice
as fast; where 256 bits are all there is, the BLAS makes large products up to a quarter, and many small ones at once up
to five times, faster than oneDNN. That is known by the processor, and not timed: all processes of a machine then
multiply in the same way and find the same bits.
"""

from __future__ import annotations

from functools import cache

import torch

_NUMBERS = {"AVX512": 16, "AVX2": 8}


@cache
def register_numbers() -> int:
    """Numbers of float32 in the widest register; 0 where that is not known.

    >>> register_numbers() in (0, 8, 16)
    True
    """
    return _NUMBERS.get(torch.backends.cpu.get_cpu_capability(), 0)


def blas_fills_registers() -> bool:
    """Whether the BLAS is known to use all of a register, so that large products go to it.

    >>> blas_fills_registers() in (True, False)
    True
    """
    return register_numbers() == _NUMBERS["AVX2"]
