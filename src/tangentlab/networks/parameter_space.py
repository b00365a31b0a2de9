"""ParameterSpace: the vector space in which a network's selected parameters live.

The order of the names is fixed here, once; every flat vector in the project has this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import ShapeError


@dataclass(frozen=True)
class ParameterSpace:
    """Names and shapes of the parameters, (p,) in all; dictionaries to flat vectors and back.

    >>> space = ParameterSpace.of({"w": torch.zeros(2, 3), "b": torch.zeros(2)})
    >>> space.size
    8
    >>> space.flatten(space.unflatten(torch.arange(8.0))).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """

    shapes: tuple[tuple[str, torch.Size], ...]

    @staticmethod
    def of(parameters: Mapping[str, Tensor]) -> ParameterSpace:
        """The space of a dictionary of tensors, in its order."""
        return ParameterSpace(tuple((name, tensor.shape) for name, tensor in parameters.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names, in the order of the flat vector."""
        return tuple(name for name, _ in self.shapes)

    @property
    def size(self) -> int:
        """The number of parameters p."""
        return sum(shape.numel() for _, shape in self.shapes)

    def check(self, argument: str, tensors: Mapping[str, Tensor]) -> None:
        """Refuse a dictionary whose names or shapes are not this space's."""
        for name, shape in self.shapes:
            got = tensors.get(name)
            if got is None or got.shape != shape:
                raise ShapeError(
                    f"{argument}['{name}']",
                    expected=f"a tensor of shape {tuple(shape)}",
                    got="nothing" if got is None else str(tuple(got.shape)),
                    remedy="Give one tensor for each selected parameter, under its name in the module.",
                )

    def flatten(self, tensors: Mapping[str, Tensor], *, leading: int = 0) -> Tensor:
        """Concatenate the tensors into (..., p), keeping `leading` axes in front."""
        parts = [tensors[name].reshape(*tensors[name].shape[:leading], -1) for name, _ in self.shapes]
        return torch.cat(parts, dim=leading)

    def unflatten(self, vector: Tensor) -> dict[str, Tensor]:
        """Split the last axis of a (..., p) vector into named tensors."""
        if vector.shape[-1] != self.size:
            raise ShapeError(
                "vector",
                expected=f"of length p = {self.size}",
                got=str(tuple(vector.shape)),
                remedy="Flatten it in this space.",
            )
        parts = vector.split([shape.numel() for _, shape in self.shapes], dim=-1)
        front = vector.shape[:-1]
        return {name: part.reshape(front + shape) for (name, shape), part in zip(self.shapes, parts)}

    def dot(self, a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Tensor:
        """⟨a, b⟩, accumulated in float64."""
        return torch.stack([(a[n].double() * b[n].double()).sum() for n in self.names]).sum()

    def norm(self, a: Mapping[str, Tensor]) -> Tensor:
        """‖a‖, accumulated in float64."""
        return self.dot(a, a).sqrt()
