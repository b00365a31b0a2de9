"""What only a fit has is asked of its learner: one sentence, and still an `AttributeError`."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from tangentlab._errors import NotFittedError
from tangentlab.training import EnsembleFlow, GradientFlow, KernelRegression


@pytest.mark.parametrize("learner", [KernelRegression(), GradientFlow(), EnsembleFlow()])
def test_a_learner_that_is_not_fitted_says_what_to_write(learner):
    name = type(learner).__name__
    with pytest.raises(NotFittedError, match=f"This {name} is not fitted.*Write {name}.*fit.*predict"):
        learner.predict(np.eye(2))
    with pytest.raises(AttributeError, match=f"'{name}' object has no attribute 'predikt'"):
        learner.predikt  # pyright: ignore
    assert not hasattr(learner, "coefficients")
    assert type(copy.deepcopy(learner)) is type(learner) is type(pickle.loads(pickle.dumps(learner)))


def test_fields_of_the_fit_are_known_too():
    with pytest.raises(NotFittedError, match="no `solution`"):
        KernelRegression().solution  # pyright: ignore
