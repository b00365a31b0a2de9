"""Scikit-learn's handwritten digits, the data set that is always there."""

from __future__ import annotations

from typing import Any

import numpy as np

from tangentlab.data.data import Data


def read_digits() -> Data:
    """1797 grey images of 8 by 8 pixels in ten classes; no official split.

    Pixels are counts from 0 to 16, divided by 16. They come with scikit-learn and need no file.

    >>> data = read_digits()
    >>> data.n, data.shape, float(data.x.max()), len(data.classes)
    (1797, (1, 8, 8), 1.0, 10)
    """
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = np.asarray(bunch["images"], dtype=np.float32)[:, None] / 16
    return Data.from_arrays(images, bunch["target"], name="digits", classes=[str(i) for i in range(10)])
