"""Identity of things: canonical JSON and the bytes of arrays, hashed.

Two descriptions are the same thing exactly when their fingerprints agree; a record is named by one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; arrays and tensors enter by dtype, shape and digest.

    >>> canonical_json({"b": 1, "a": (2.0, None)})
    '{"a":[2.0,null],"b":1}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=_encode
    )


def fingerprint(value: Any, *, length: int = 16) -> str:
    """First hexadecimal digits of the SHA-256 of the canonical JSON.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def array_digest(array: Any) -> str:
    """SHA-256 over dtype, shape and bytes of an array or tensor.

    >>> array_digest(np.zeros(2)) == array_digest(np.zeros(3))
    False
    """
    if hasattr(array, "detach"):
        import torch

        tensor = array.detach().cpu().contiguous()
        kind, shape = str(tensor.dtype), tuple(tensor.shape)
        array = tensor.flatten().view(torch.uint8).numpy() if tensor.numel() else np.zeros(0, np.uint8)
    else:
        array = np.asarray(array)
        kind, shape = array.dtype.str, array.shape
    digest = hashlib.sha256(f"{kind}|{shape}|".encode())
    digest.update(array.tobytes())
    return digest.hexdigest()


def _encode(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return {"dtype": str(value.dtype), "shape": list(value.shape), "sha256": array_digest(value)}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "__fspath__"):
        return str(value)
    raise TypeError(f"cannot fingerprint a {type(value).__name__}")
