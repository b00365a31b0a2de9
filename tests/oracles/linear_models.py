"""A random linear model and its kernels, in each form that a kernel of several outputs can have; NumPy alone."""

import numpy as np

FORMS = {
    "shared": lambda K: np.ascontiguousarray(K[:, :, 0, 0]),
    "diagonal": lambda K: np.einsum("ijkk->ijk", K),
    "full": lambda K: K,
}


def linear_model(form, *, n, m, c, p, seed=0):
    """K, K_test, y, f0, f0_test of a model in p parameters; p below n·c gives kernels of deficient rank."""
    draw = np.random.default_rng(seed).standard_normal
    J, J_test = draw((n, c, p)), draw((m, c, p))
    full, full_test = np.einsum("ikp,jlp->ijkl", J, J), np.einsum("ikp,jlp->ijkl", J_test, J)
    return FORMS[form](full), FORMS[form](full_test), draw((n, c)), draw((n, c)), draw((m, c))
