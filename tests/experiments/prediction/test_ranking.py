import pytest

from tangentlab._errors import ArgumentError
from tangentlab.experiments import rank_predictions


@pytest.mark.parametrize("other", [None, [1]])
def test_only_predictions_are_ranked(other):
    with pytest.raises(ArgumentError, match="several of `predict`"):
        rank_predictions(other)
