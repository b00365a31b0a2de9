import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab.training.accuracy import accuracy, balanced_accuracy

T = torch.tensor


def test_bce_counts_every_output_by_its_sign():
    f, y = T([[1.0, -1.0], [2.0, 3.0]]), T([[1.0, 0.0], [0.0, 1.0]])
    assert accuracy(f, y, loss="bce") == 0.75


def test_cross_entropy_counts_rows_by_their_largest_output():
    f = T([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert accuracy(f, T([1, 0, 0]), loss="cross_entropy") == pytest.approx(2 / 3)
    assert accuracy(f, T([[0, 1], [1, 0], [1, 0]]), loss="cross_entropy") == pytest.approx(2 / 3)


@pytest.mark.parametrize(("codes", "border"), [((0.0, 1.0), 0.5), ((-1.0, 1.0), 0.0)])
def test_mse_with_one_output_goes_to_the_nearer_code(codes, border):
    y = T([codes[0], codes[1]])
    assert accuracy(T([[border - 0.1], [border + 0.1]]), y, loss="mse") == 1.0
    assert accuracy(T([[border + 0.1], [border - 0.1]]), y, loss="mse") == 0.0


def test_targets_that_are_all_1_do_not_say_what_the_other_code_is():
    f, y = T([[0.4], [0.6], [-0.1]]), T([1.0, 1.0, 1.0])
    with pytest.raises(DataError, match="are all 1"):
        accuracy(f, y, loss="mse")
    assert accuracy(f, y, loss="mse", codes=(-1, 1)) == pytest.approx(2 / 3)
    assert accuracy(f, y, loss="mse", codes=(0, 1)) == pytest.approx(1 / 3)
    assert accuracy(f, -y, loss="mse") == pytest.approx(1 / 3)
    with pytest.raises(DataError, match="not all 0 or 1"):
        accuracy(f, -y, loss="mse", codes=(0, 1))
    with pytest.raises(ArgumentError, match="lower first"):
        accuracy(f, y, loss="mse", codes=(1, -1))


def test_mse_with_several_outputs_compares_the_largest():
    f = T([[0.2, 0.1], [0.6, 0.5]])
    assert accuracy(f, T([[1.0, 0.0], [0.0, 1.0]]), loss="mse") == 0.5
    assert accuracy(f, T([[1.0, -1.0], [1.0, -1.0]]), loss="mse") == 1.0


def test_a_tie_is_the_class_0():
    assert accuracy(torch.zeros(2, 1), T([0, 1]), loss="bce") == 0.5
    assert accuracy(torch.zeros(2, 2), T([0, 1]), loss="cross_entropy") == 0.5


@pytest.mark.parametrize(("f", "y"), [(torch.zeros(2, 1), T([0.3, 1.0])), (torch.zeros(1, 2), T([[1.0, 1.0]]))])
def test_a_regression_has_no_accuracy(f, y):
    with pytest.raises(DataError, match="do not name classes"):
        accuracy(f, y, loss="mse")


def test_outputs_come_as_rows_and_columns():
    with pytest.raises(ShapeError, match="`f`"):
        accuracy(torch.zeros(3), torch.zeros(3), loss="bce")


def test_balanced_accuracy_weighs_classes_alike_whatever_their_rows():
    y = torch.tensor([[1.0]] * 8 + [[0.0]] * 2)
    f = torch.tensor([[1.0]] * 6 + [[-1.0]] * 2 + [[-1.0], [0.0]])  # an output of 0 decides for the class 0
    assert balanced_accuracy(f, y) == pytest.approx((6 / 8 + 1) / 2)
    assert balanced_accuracy(f[:8], y[:8]) == pytest.approx(6 / 8)
