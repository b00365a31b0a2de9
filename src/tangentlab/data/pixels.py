"""8-bit images of any usual layout, as float32 (n, channels, height, width) in [0, 1]."""

from __future__ import annotations

from torch import Tensor

from tangentlab._errors import ShapeError

CHANNELS = (1, 3, 4)


def unit_pixels(images: Tensor, *, name: str = "images") -> Tensor:
    """uint8 images divided by 255, channels first.

    Shapes: (n, h, w), grey; (n, channels, h, w); (n, h, w, channels). With four axes the channels are
    those of size 1, 3 or 4, looked for on the second axis and then on the last.

    >>> import torch
    >>> unit_pixels(torch.full((2, 5, 6, 3), 51, dtype=torch.uint8)).shape
    torch.Size([2, 3, 5, 6])
    >>> unit_pixels(torch.full((1, 1, 1), 51, dtype=torch.uint8))
    tensor([[[[0.2000]]]])
    """
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[1] not in CHANNELS and images.shape[3] in CHANNELS:
        images = images.permute(0, 3, 1, 2)
    elif images.ndim != 4 or images.shape[1] not in CHANNELS:
        raise ShapeError(
            name,
            expected="8-bit images (n, h, w), (n, channels, h, w) or (n, h, w, channels)",
            got=str(tuple(images.shape)),
            remedy="Pass float32 rows to have their shape kept as it is.",
        )
    return images.detach().float().div_(255).contiguous()
