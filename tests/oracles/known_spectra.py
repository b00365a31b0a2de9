"""Kernels whose eigenvalues are known: of the inner product, on the sphere and on the hypercube. NumPy and SciPy alone."""

from math import comb

import numpy as np
from scipy.special import eval_gegenbauer, roots_jacobi


def relu_ntk(u):
    """The infinite-width tangent kernel of a ReLU network with one hidden layer, for unit rows with ⟨x, x'⟩ = u."""
    u = np.clip(u, -1, 1)
    angle = np.arccos(u)
    first = (np.sqrt(1 - u * u) + u * (np.pi - angle)) / np.pi
    return first + u * (np.pi - angle) / np.pi


def sphere_multiplicity(dimension, degree):
    """Spherical harmonics of a degree on the unit sphere of R^dimension."""
    if degree == 0:
        return 1
    return comb(dimension + degree - 1, degree) - (comb(dimension + degree - 3, degree - 2) if degree > 1 else 0)


def sphere_spectrum(kernel, dimension, degrees, *, nodes=400):
    """(eigenvalue, multiplicity) of kernel(⟨x, x'⟩) on the uniform sphere, by the Funk–Hecke formula."""
    half = (dimension - 2) / 2
    u, weight = roots_jacobi(nodes, half - 0.5, half - 0.5)
    weight = weight / weight.sum()
    values = []
    for k in range(degrees):
        polynomial = eval_gegenbauer(k, half, u) / eval_gegenbauer(k, half, 1.0)
        values.append((weight * kernel(u) * polynomial).sum())
    return np.array(values), np.array([float(sphere_multiplicity(dimension, k)) for k in range(degrees)])


def cube(dimension):
    """All corners of {±1}^dimension, (2^d, d)."""
    return 1.0 - 2.0 * ((np.arange(2**dimension)[:, None] >> np.arange(dimension)) & 1)


def cube_spectrum(kernel, dimension):
    """(eigenvalue, multiplicity) of kernel(⟨x, x'⟩/d): its mean against a parity of k coordinates, k = 0, ..., d."""
    corners = cube(dimension)
    row = kernel(corners.sum(1) / dimension)
    values = [np.mean(row * corners[:, :k].prod(1)) for k in range(dimension + 1)]
    return np.array(values), np.array([float(comb(dimension, k)) for k in range(dimension + 1)])
