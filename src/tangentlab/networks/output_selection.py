"""Which tensor of what a module returns is f(x), and its shape (n, c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import NetworkError

Selector = None | int | str | Callable[[Any], Tensor]
"""None: the tensor itself, or `.logits`; an index or a name into what is returned; or a function of it."""


def select_output(returned: Any, output: Selector, *, rows: int) -> Tensor:
    """The outputs f(x) as (n, c); axes after the first are flattened row-major into c.

    >>> select_output((torch.zeros(3, 2), "cache"), 0, rows=3).shape
    torch.Size([3, 2])
    >>> select_output({"logits": torch.zeros(3)}, None, rows=3).shape
    torch.Size([3, 1])
    """
    chosen = _choose(returned, output)
    if not isinstance(chosen, Tensor):
        raise NetworkError(
            f"The selected output is a {type(chosen).__name__}, not a tensor.",
            remedy="Choose a tensor with Network(model, output=index, name or function).",
        )
    if not chosen.is_floating_point():
        raise NetworkError(
            f"The model's output has dtype {chosen.dtype}, which has no real derivative.",
            remedy="Return real logits; select them with Network(model, output=...).",
        )
    if chosen.ndim == 0 or chosen.shape[0] != rows:
        raise NetworkError(
            f"The model returned shape {tuple(chosen.shape)} for {rows} rows.",
            remedy="Return one row of outputs for each row of inputs, rows first "
            "(batch_first=True in recurrent and attention layers).",
        )
    if chosen.numel() == 0:
        raise NetworkError("The model returned no outputs.", remedy="Return at least one output a row.")
    return chosen.reshape(rows, -1)


def _choose(returned: Any, output: Selector) -> Any:
    if callable(output):
        return output(returned)
    if isinstance(output, str):
        found = returned.get(output) if isinstance(returned, Mapping) else getattr(returned, output, None)
        if found is None:
            raise NetworkError(
                f"The model's output has no '{output}'; it has {_names(returned)}.",
                remedy="Choose one of these with Network(model, output=...).",
            )
        return found
    if isinstance(output, int):
        values = list(returned.values()) if isinstance(returned, Mapping) else returned
        if isinstance(values, Tensor) or not -len(values) <= output < len(values):
            raise NetworkError(
                f"The model's output has no part {output}; it has {_names(returned)}.",
                remedy="Choose one of these with Network(model, output=...).",
            )
        return values[output]
    if isinstance(returned, Tensor):
        return returned
    logits = returned.get("logits") if isinstance(returned, Mapping) else getattr(returned, "logits", None)
    if isinstance(logits, Tensor):
        return logits
    if isinstance(returned, (tuple, list)) and len(returned) == 1:
        return returned[0]
    raise NetworkError(
        f"The model returned {_names(returned)}, and it is not said which is f(x).",
        remedy="Name it: Network(model, output=0), output='last_hidden_state', or a function.",
    )


def _names(returned: Any) -> str:
    if isinstance(returned, Mapping):
        return ", ".join(map(repr, returned))
    if isinstance(returned, (tuple, list)):
        return f"{len(returned)} parts ({', '.join(type(part).__name__ for part in returned)})"
    return f"a {type(returned).__name__}"


def one_hot_rows(count: int, *, like: Tensor) -> Tensor:
    """The identity cotangents, (c, c), on the device and in the dtype of `like`."""
    return torch.eye(count, dtype=like.dtype, device=like.device)
