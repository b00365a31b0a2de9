"""Descent of a linearized two-layer tanh network in NumPy: Jacobian by hand, parameters moved one vector."""

import numpy as np


def random_network(*, d, h, c, seed):
    """Weights (W1, b1, W2, b2) of f(x) = W2 tanh(W1 x + b1) + b2."""
    g = np.random.default_rng(seed)
    return g.normal(size=(h, d)) / d**0.5, g.normal(size=h), g.normal(size=(c, h)) / h**0.5, g.normal(size=c)


def outputs_and_jacobian(weights, x):
    """f (n, c) and J (n, c, p), parameters in the order W1, b1, W2, b2, each row-major."""
    W1, b1, W2, b2 = weights
    n, c, h = len(x), len(b2), len(b1)
    hidden = np.tanh(x @ W1.T + b1)
    f = hidden @ W2.T + b2
    slope = W2[None] * (1 - hidden**2)[:, None, :]
    eye = np.eye(c)
    parts = [
        np.einsum("ikh,id->ikhd", slope, x).reshape(n, c, -1),
        slope,
        np.einsum("kl,ih->iklh", eye, hidden).reshape(n, c, c * h),
        np.broadcast_to(eye, (n, c, c)),
    ]
    return f, np.concatenate(parts, axis=2)


def loss_gradient(loss, f, y):
    """∂loss/∂f, row by row."""
    g = np.zeros_like(f)
    for i in range(len(f)):
        if loss == "mse":
            g[i] = f[i] - y[i]
        elif loss == "bce":
            g[i] = 1 / (1 + np.exp(-f[i])) - y[i]
        else:
            e = np.exp(f[i] - f[i].max())
            g[i] = e / e.sum() - y[i]
    return g / len(f)


def descend(J, f0, y, *, loss, batches, rates, momentum=0.0, nesterov=False, weight_decay=0.0):
    """δ (p,) after the steps of torch's SGD on f0 + J δ, with the penalty ½ weight_decay ‖δ‖²."""
    delta, velocity = np.zeros(J.shape[2]), None
    for rows, rate in zip(batches, rates, strict=True):
        f = f0[rows] + J[rows] @ delta
        g = np.einsum("ikp,ik->p", J[rows], loss_gradient(loss, f, y[rows])) + weight_decay * delta
        velocity = g.copy() if velocity is None else momentum * velocity + g
        delta = delta - rate * (g + momentum * velocity if nesterov else velocity)
    return delta
