"""The sizes a network is built for, checked before a layer is made."""

from __future__ import annotations

from math import prod
from numbers import Integral

from tangentlab._errors import ShapeError


def expect_input_shape(input_shape: tuple[int, ...], *, name: str = "input_shape") -> tuple[int, ...]:
    """The shape of one row of the inputs, without the rows' own axis.

    Raises `ShapeError` if it is empty or a size is not a positive whole number.

    >>> expect_input_shape((1, 8, 8))
    (1, 8, 8)
    """
    sizes = tuple(input_shape) if isinstance(input_shape, (tuple, list)) else (input_shape,)
    whole = all(isinstance(size, Integral) and not isinstance(size, bool) and size >= 1 for size in sizes)
    if not sizes or not whole:
        raise ShapeError(
            name,
            expected="the positive sizes of one row, such as (784,) or (1, 28, 28)",
            got=input_shape,
            remedy="Give x.shape[1:] of the inputs x.",
        )
    return tuple(int(size) for size in sizes)


def expect_image(network: str, input_shape: tuple[int, ...], *, least: int = 1) -> tuple[int, int, int]:
    """(channels, height, width) of an image of at least `least` pixels a side; raises `ShapeError` otherwise.

    >>> expect_image("lenet", (3, 32, 32), least=4)
    (3, 32, 32)
    >>> expect_image("lenet", (784,))
    Traceback (most recent call last):
    tangentlab._errors.ShapeError: `input_shape` must be (channels, height, width) for the network lenet,
    got (784,). Reshape the rows to images such as (1, 28, 28), or take the network mlp.
    """
    shape = expect_input_shape(input_shape)
    if len(shape) != 3:
        raise ShapeError(
            "input_shape",
            expected=f"(channels, height, width) for the network {network}",
            got=shape,
            remedy=f"Reshape the rows to images such as {_image_of(shape)}, or take the network mlp.",
        )
    channels, height, width = shape
    if min(height, width) < least:
        raise ShapeError(
            "input_shape",
            expected=f"an image of at least {least} by {least} pixels for the network {network}",
            got=shape,
            remedy="Enlarge the images, check that channels come first, or take the network mlp.",
        )
    return channels, height, width


def _image_of(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A likely image shape behind rows that are none: a square where the entries allow one."""
    if len(shape) == 2:
        return (1, shape[0], shape[1])
    entries = prod(shape)
    for channels in (1, 3):
        side = round((entries / channels) ** 0.5)
        if channels * side * side == entries:
            return (channels, side, side)
    return (1, 28, 28)
