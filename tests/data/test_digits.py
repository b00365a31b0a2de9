"""The bundled digits, against scikit-learn's own arrays."""

import numpy as np
from sklearn.datasets import load_digits

from tangentlab.data import read_digits


def test_digits_are_scikit_learns_divided_by_sixteen():
    data, bunch = read_digits(), load_digits()
    assert (data.n, data.n_train, data.shape) == (1797, None, (1, 8, 8))
    np.testing.assert_array_equal(data.x[:, 0].numpy() * 16, bunch["images"])
    np.testing.assert_array_equal(data.y.numpy(), bunch["target"])
    assert data.classes == tuple("0123456789")


def test_digits_are_the_same_every_time():
    assert read_digits().identity == read_digits().identity
