"""QuickProducts: within this context, the products that other code asks of torch go the quick way too.

A network's own linear layers, forward and backward, call `addmm` and `mm`. On a CPU where oneDNN is twice as fast
as the BLAS behind those, this context hands them over, in the same true float32; and average pools as the products
that they are. It acts on the thread that entered it and changes no setting of the process.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tangentlab.linalg.matrix_product import product
from tangentlab.linalg.quick_pools import average_pool, average_pool_gradient, tiling_window

_WORTH = 1 << 22
"""Multiplications below which a product is left as it is."""


class QuickProducts(TorchDispatchMode):
    """Large float32 products on the CPU through `product`, and pools whose windows tile an image.

    >>> with QuickProducts():
    ...     (torch.ones(2, 3) @ torch.ones(3, 1)).flatten().tolist()
    [3.0, 3.0]
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # skipping it would import torch's compiler, a second in every process

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not kwargs:
            if func is torch.ops.aten.mm.default and _large(*args):
                return product(*args)
            if func is torch.ops.aten.addmm.default and _large(*args[1:]):
                return product(*args[1:]).add_(args[0])
            if func is torch.ops.aten.avg_pool2d.default:
                window = tiling_window(*args)
                if window is not None:
                    return average_pool(args[0], window)
            if func is torch.ops.aten.avg_pool2d_backward.default:
                window = tiling_window(*args[1:])
                if window is not None:
                    return average_pool_gradient(args[0], window)
        return func(*args, **(kwargs or {}))


def _large(A: Tensor, B: Tensor) -> bool:
    return (
        A.dtype == torch.float32
        and A.device.type == "cpu"
        and A.layout == B.layout == torch.strided
        and A.shape[0] * A.shape[1] * B.shape[1] >= _WORTH
    )
