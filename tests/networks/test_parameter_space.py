"""The order of a flat vector is fixed once."""

import pytest
import torch

from tangentlab._errors import ShapeError
from tangentlab.networks import ParameterSpace


def space_and_tensors():
    tensors = {"w": torch.arange(6.0).reshape(2, 3), "s": torch.tensor(7.0), "b": torch.tensor([8.0, 9.0])}
    return ParameterSpace.of(tensors), tensors


def test_flatten_and_unflatten_are_inverse_in_the_order_of_the_names():
    space, tensors = space_and_tensors()
    vector = space.flatten(tensors)
    assert vector.tolist() == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    assert space.names == ("w", "s", "b") and space.size == 9
    back = space.unflatten(vector)
    assert all(torch.equal(back[name], tensors[name]) for name in space.names)


def test_leading_axes_are_kept():
    space, tensors = space_and_tensors()
    batch = {name: torch.stack([t, 2 * t]).unsqueeze(1) for name, t in tensors.items()}
    flat = space.flatten(batch, leading=2)
    assert flat.shape == (2, 1, 9)
    assert torch.equal(space.unflatten(flat)["w"], batch["w"])


def test_dot_and_norm_are_the_flat_vectors():
    space, tensors = space_and_tensors()
    vector = space.flatten(tensors).double()
    assert space.dot(tensors, tensors).dtype == torch.float64
    assert space.dot(tensors, tensors) == vector @ vector
    assert space.norm(tensors) == vector.norm()


def test_misfits_are_named():
    space, tensors = space_and_tensors()
    with pytest.raises(ShapeError, match=r"`δ\['b'\]`.*\(2,\).*nothing"):
        space.check("δ", {"w": tensors["w"], "s": tensors["s"]})
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(3, 2\)"):
        space.check("δ", tensors | {"w": torch.zeros(3, 2)})
    with pytest.raises(ShapeError, match="length p = 9"):
        space.unflatten(torch.zeros(8))
