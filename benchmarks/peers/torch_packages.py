"""Kernels as packages for PyTorch give them, brought to our index order (n, m, c, c) by views.

They come with the extra `benchmarks`.
Each raises what its package raises where it cannot, and the benchmark writes that down.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def nngeometry_gram(module: nn.Module, x: Tensor, flavour: int | str) -> Tensor:
    """nngeometry's `GramMatrix`: c² backwards, Hadamard form for linear layers; (c, n, c, n)."""
    from nngeometry import GramMatrix

    data = GramMatrix(module, (x.clone(),), function=lambda *d: module(d[0])).to_torch()
    return _flavoured(data.permute(1, 3, 0, 2), flavour)


def nngeometry_jacobian(module: nn.Module, x: Tensor, flavour: int | str) -> Tensor:
    """nngeometry's `Jacobian` (c, n, p) and one product."""
    from nngeometry import Jacobian

    J = Jacobian(module, (x.clone(),), function=lambda *d: module(d[0])).to_torch()
    if flavour == "trace":
        J = J.permute(1, 0, 2).flatten(1)
        return J @ J.T
    c, n, p = J.shape
    J = J.reshape(c * n, p)
    return _flavoured((J @ J.T).view(c, n, c, n).permute(1, 3, 0, 2), flavour)


def asdfghjkl_hadamard(module: nn.Module, x: Tensor, flavour: int | str) -> Tensor:
    """asdfghjkl's class-wise kernel in Hadamard form: (n, n, c), the pairs of one class only."""
    import asdl

    return _class_wise(asdl.empirical_class_wise_hadamard_ntk, module, x, flavour)


def asdfghjkl_direct(module: nn.Module, x: Tensor, flavour: int | str) -> Tensor:
    """asdfghjkl's class-wise kernel from per-sample gradients."""
    import asdl

    return _class_wise(asdl.empirical_class_wise_direct_ntk, module, x, flavour)


def _class_wise(kernel, module: nn.Module, x: Tensor, flavour: int | str) -> Tensor:
    if flavour == "full":
        raise NotImplementedError("gives the kernel of each class with itself, not of every pair of outputs")
    return kernel(module, x).sum(-1)


def _flavoured(full: Tensor, flavour: int | str) -> Tensor:
    if flavour == "full":
        return full
    return torch.diagonal(full, dim1=2, dim2=3).sum(-1)
