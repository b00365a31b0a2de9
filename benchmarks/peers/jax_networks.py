"""The workloads' networks in plain JAX, with the weights of the PyTorch ones: images are (n, h, w, channels) here.

Each function takes (parameters, constants) by the PyTorch names: linear weights transposed to (i, o), convolutions to
(h, w, i, o), so that JAX's structured rules meet the products they know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

Arrays = dict[str, Any]


def parameters_of(state: dict[str, np.ndarray], *, network: str) -> tuple[Arrays, Arrays]:
    """PyTorch's state, laid out for JAX: (parameters, running statistics)."""
    parameters, constants = {}, {}
    for name, value in state.items():
        if "running" in name:
            constants[name] = jnp.asarray(value)
        elif name.endswith("num_batches_tracked"):
            continue
        elif value.ndim == 4:
            parameters[name] = jnp.asarray(value.transpose(2, 3, 1, 0))
        elif value.ndim == 2 and name != "tokens.positions":
            if network == "lenet" and name == "hidden1.weight":  # flattened (16, 5, 5) there and (5, 5, 16) here
                value = value.reshape(-1, 16, 5, 5).transpose(0, 2, 3, 1).reshape(len(value), -1)
            parameters[name] = jnp.asarray(value.T)
        else:
            parameters[name] = jnp.asarray(value)
    return parameters, constants


def rows_of(x: np.ndarray) -> Any:
    return jnp.asarray(x.transpose(0, 2, 3, 1))


def _linear(p: Arrays, name: str, x: Any) -> Any:
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def _convolution(p: Arrays, name: str, x: Any, *, stride: int = 1, padding: int = 0) -> Any:
    y = lax.conv_general_dilated(
        x,
        p[f"{name}.weight"],
        (stride, stride),
        ((padding, padding), (padding, padding)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def _pool(x: Any) -> Any:
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4


def _batch_norm(p: Arrays, constants: Arrays, name: str, x: Any) -> Any:
    mean, variance = constants[f"{name}.running_mean"], constants[f"{name}.running_var"]
    return (x - mean) / jnp.sqrt(variance + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def _layer_norm(p: Arrays, name: str, x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    spread = jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return centred / spread * p[f"{name}.weight"] + p[f"{name}.bias"]


def mlp(p: Arrays, constants: Arrays, x: Any) -> Any:
    x = x.reshape(len(x), -1)  # one channel: the order of the pixels is the same
    x = jax.nn.relu(_linear(p, "hidden1", x))
    x = jax.nn.relu(_linear(p, "hidden2", x))
    return _linear(p, "readout", x)


def lenet(p: Arrays, constants: Arrays, x: Any) -> Any:
    x = _pool(jax.nn.relu(_convolution(p, "conv1", x, padding=2)))
    x = _pool(jax.nn.relu(_convolution(p, "conv2", x)))
    x = jax.nn.relu(_linear(p, "hidden1", x.reshape(len(x), -1)))
    x = jax.nn.relu(_linear(p, "hidden2", x))
    return _linear(p, "readout", x)


def resnet18(p: Arrays, constants: Arrays, x: Any) -> Any:
    def block(x: Any, name: str, stride: int) -> Any:
        branch = _convolution(p, f"{name}.conv1", x, stride=stride, padding=1)
        branch = jax.nn.relu(_batch_norm(p, constants, f"{name}.norm1", branch))
        branch = _convolution(p, f"{name}.conv2", branch, padding=1)
        branch = _batch_norm(p, constants, f"{name}.norm2", branch)
        if f"{name}.shortcut.conv.weight" in p:
            x = _convolution(p, f"{name}.shortcut.conv", x, stride=stride)
            x = _batch_norm(p, constants, f"{name}.shortcut.norm", x)
        return jax.nn.relu(x + branch)

    x = jax.nn.relu(_batch_norm(p, constants, "norm", _convolution(p, "stem", x, padding=1)))
    for stage in range(1, 5):
        x = block(x, f"stage{stage}.0", 1 if stage == 1 else 2)
        x = block(x, f"stage{stage}.1", 1)
    return _linear(p, "readout", x.mean((1, 2)))


def vit(p: Arrays, constants: Arrays, x: Any, *, patch: int = 4, heads: int = 4) -> Any:
    n, height, width, channels = x.shape
    down, across = height // patch, width // patch
    cut = x.reshape(n, down, patch, across, patch, channels).transpose(0, 1, 3, 5, 2, 4)
    patches = cut.reshape(n, down * across, channels * patch * patch)
    first = jnp.broadcast_to(p["tokens.class_token"], (n, 1, len(p["tokens.class_token"])))
    t = jnp.concatenate([first, _linear(p, "tokens.embedding", patches)], 1) + p["tokens.positions"]
    s, d = t.shape[1:]
    level = 1
    while f"block{level}.norm1.weight" in p:
        name = f"block{level}"
        h = _layer_norm(p, f"{name}.norm1", t)
        query, key, value = (
            _linear(p, f"{name}.attention.{part}", h).reshape(n, s, heads, d // heads).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        mixed = jax.nn.softmax(query @ key.transpose(0, 1, 3, 2) / (d // heads) ** 0.5, -1) @ value
        t = t + _linear(p, f"{name}.attention.join", mixed.transpose(0, 2, 1, 3).reshape(n, s, d))
        h = jax.nn.gelu(_linear(p, f"{name}.hidden", _layer_norm(p, f"{name}.norm2", t)), approximate=False)
        t = t + _linear(p, f"{name}.out", h)
        level += 1
    return _linear(p, "readout", _layer_norm(p, "norm", t)[:, 0])


NETWORKS: dict[str, Callable[..., Any]] = {"mlp": mlp, "lenet": lenet, "resnet18": resnet18, "vit": vit}
