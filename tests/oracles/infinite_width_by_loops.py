"""Kernels of ReLU networks of infinite width on two images, with every pair of pixels and nothing but NumPy.

Layers are tuples: ("conv", size, stride, (before, after), weight_std, bias_std), ("relu",), ("pool", size),
("flatten",), ("gap",), ("dense", weight_std, bias_std). NTK parametrization.
"""

import numpy as np


def kernels(layers, x, y):
    """(NNGP, NTK) of images (channels, height, width)."""
    pair = [[np.einsum("cij,ckl->ijkl", a, b) / len(a) for b in (x, y)] for a in (x, y)]
    tangent = np.zeros_like(pair[0][1])
    for layer in layers:
        kind = layer[0]
        if kind == "relu":
            new, slopes = [[None, None], [None, None]], None
            for a in (0, 1):
                for b in (0, 1):
                    q1 = np.einsum("ijij->ij", pair[a][a])[:, :, None, None]
                    q2 = np.einsum("ijij->ij", pair[b][b])[None, None]
                    new[a][b], slope = _relu(q1, q2, pair[a][b])
                    slopes = slope if (a, b) == (0, 1) else slopes
            pair, tangent = new, tangent * slopes
            continue
        apply = MAPS[kind](*layer[1:])
        tangent = apply(tangent)
        pair = [[apply(k) for k in row] for row in pair]
        if kind in ("conv", "dense"):
            weight, bias = layer[-2:]
            pair = [[weight**2 * k + bias**2 for k in row] for row in pair]
            tangent = weight**2 * tangent + pair[0][1]
    return pair[0][1].item(), tangent.item()


def _relu(q1, q2, k):
    size = np.sqrt(q1 * q2)
    angle = np.arccos(np.clip(np.divide(k, size, out=np.zeros_like(k), where=size > 0), -1, 1))
    return size * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi), (np.pi - angle) / (2 * np.pi)


def _conv(size, stride, pads, *_):
    def apply(k):
        padded = np.pad(k, [pads] * 4)
        sides = [(n - size) // stride + 1 for n in padded.shape]
        out = np.zeros(sides)
        for i, j, l, m in np.ndindex(*sides):
            for a, b in np.ndindex(size, size):
                out[i, j, l, m] += padded[i * stride + a, j * stride + b, l * stride + a, m * stride + b]
        return out / size**2

    return apply


def _pool(size):
    def apply(k):
        sides = [n // size for n in k.shape]
        out = np.zeros(sides)
        for place in np.ndindex(*sides):
            out[place] = k[tuple(slice(p * size, (p + 1) * size) for p in place)].mean()
        return out

    return apply


def _flatten():
    return lambda k: np.einsum("ijij->", k).reshape(1, 1, 1, 1) / (k.shape[0] * k.shape[1])


MAPS = {
    "conv": _conv,
    "pool": _pool,
    "flatten": _flatten,
    "gap": lambda: lambda k: k.mean().reshape(1, 1, 1, 1),
    "dense": lambda *_: lambda k: k,
}
