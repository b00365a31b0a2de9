import pytest
import torch
import torch.nn.functional as F

from tangentlab._errors import ArgumentError, DataError, NotFiniteError, ShapeError, UnknownNameError
from tangentlab.training.loss import LOSSES, check_targets, find_loss


def case(loss, *, labels=False, n=6, c=4):
    g = torch.Generator().manual_seed(1)
    f = 3 * torch.randn(n, c, generator=g, dtype=torch.float64)
    if loss == "mse":
        return f, torch.randn(n, c, generator=g, dtype=torch.float64)
    if loss == "bce":
        return f, torch.rand(n, c, generator=g, dtype=torch.float64).round()
    y = torch.randint(c, (n,), generator=g)
    return f, y if labels else F.one_hot(y, c).double()


CASES = [("mse", False), ("bce", False), ("cross_entropy", False), ("cross_entropy", True)]


def test_values_are_those_of_the_notation():
    f, y = case("mse")
    assert LOSSES["mse"].value(f, y).item() == pytest.approx(0.5 * ((f - y) ** 2).sum(1).mean().item(), rel=1e-14)
    f, y = case("bce")
    by_hand = -(y * F.logsigmoid(f) + (1 - y) * F.logsigmoid(-f)).sum(1).mean().item()
    assert LOSSES["bce"].value(f, y).item() == pytest.approx(by_hand, rel=1e-14)
    f, y = case("cross_entropy", labels=True)
    by_hand = -torch.stack([f[i].log_softmax(0)[y[i]] for i in range(len(f))]).mean().item()
    assert LOSSES["cross_entropy"].value(f, y).item() == pytest.approx(by_hand, rel=1e-14)
    assert LOSSES["cross_entropy"].value(f, F.one_hot(y).double()).item() == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize(("name", "labels"), CASES)
def test_gradients_are_those_of_autograd(name, labels):
    f, y = case(name, labels=labels)
    f.requires_grad_()
    (expected,) = torch.autograd.grad(LOSSES[name].value(f, y), f)
    torch.testing.assert_close(LOSSES[name].gradient(f.detach(), y), expected, rtol=1e-13, atol=1e-15)


def test_the_cross_entropy_gradient_holds_for_targets_that_do_not_sum_to_one():
    f, y = case("cross_entropy")
    f.requires_grad_()
    (expected,) = torch.autograd.grad(LOSSES["cross_entropy"].value(f, 0.7 * y), f)
    torch.testing.assert_close(LOSSES["cross_entropy"].gradient(f.detach(), 0.7 * y), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_curvature_bounds_the_hessian_of_a_row_and_is_attained(name):
    y = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    g = torch.Generator().manual_seed(0)
    rows = [torch.zeros(1, 2, dtype=torch.float64)]
    rows += [3 * torch.randn(1, 2, generator=g, dtype=torch.float64) for _ in range(20)]
    tops = []
    for f in rows:
        H = torch.autograd.functional.hessian(lambda f: LOSSES[name].value(f, y), f).reshape(2, 2)
        tops.append(torch.linalg.eigvalsh(H).max().item())
    assert max(tops) == pytest.approx(LOSSES[name].curvature, rel=1e-12)


@pytest.mark.parametrize("name", ["bce", "cross_entropy"])
def test_huge_logits_stay_finite(name):
    f = torch.tensor([[1e4, -1e4]], dtype=torch.float64)
    y = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    assert torch.isfinite(LOSSES[name].value(f, y))
    assert torch.isfinite(LOSSES[name].gradient(f, y)).all()


def test_the_mean_over_rows_does_not_depend_on_their_number():
    for name, labels in CASES:
        f, y = case(name, labels=labels)
        twice = LOSSES[name].value(torch.cat([f, f]), torch.cat([y, y]))
        assert twice.item() == pytest.approx(LOSSES[name].value(f, y).item(), rel=1e-14)


def test_targets_come_out_as_the_loss_reads_them():
    assert check_targets(torch.tensor([0, 1]), "bce", rows=2, outputs=1).tolist() == [[0.0], [1.0]]
    assert check_targets(torch.tensor([0.5, -3.0]), "mse", rows=2).shape == (2, 1)
    assert check_targets(torch.tensor([2.0, 0.0]), "cross_entropy", rows=2, outputs=3).tolist() == [2, 0]
    assert check_targets(torch.tensor([[1, 0]]), "cross_entropy", rows=1).dtype == torch.float32
    assert check_targets(torch.tensor([[0.25, 0.75]]), "cross_entropy", rows=1).tolist() == [[0.25, 0.75]]


@pytest.mark.parametrize(
    ("y", "loss", "rows", "outputs", "error", "words"),
    [
        (torch.zeros(3), "bce", 4, None, ShapeError, "each of the 4 rows"),
        (torch.zeros(0), "bce", 0, None, ShapeError, "`y`"),
        (torch.zeros(2, 1, 1), "mse", 2, None, ShapeError, "`y`"),
        (torch.zeros(2, 2), "mse", 2, 3, ShapeError, "there are 3 outputs"),
        (torch.tensor([0.0, float("inf")]), "mse", 2, None, NotFiniteError, "`y`"),
        (torch.tensor([0.0, 2.0]), "bce", 2, None, DataError, "reach 2"),
        (torch.tensor([0, 3]), "cross_entropy", 2, 3, DataError, "0 ≤ y < 3"),
        (torch.tensor([-1, 1]), "cross_entropy", 2, None, DataError, "0 ≤ y < c"),
        (torch.tensor([0.5, 1.0]), "cross_entropy", 2, None, DataError, "integers"),
        (torch.tensor([[0.5, 0.2]]), "cross_entropy", 1, None, DataError, "sum to one"),
        (torch.tensor([[1.0]]), "cross_entropy", 1, None, ArgumentError, "one output"),
        (torch.tensor([0, 0]), "cross_entropy", 2, 1, ArgumentError, "one output"),
        (None, "mse", 1, None, ArgumentError, "an array of targets, got NoneType"),
        ("ab", "mse", 2, None, ArgumentError, "an array of targets, got str"),
        (torch.zeros(1, device="meta"), "mse", 1, None, ArgumentError, "meta device"),
        (torch.zeros(1), "hinge", 1, None, UnknownNameError, "bce, cross_entropy, mse"),
    ],
)
def test_targets_that_a_loss_cannot_read_are_refused(y, loss, rows, outputs, error, words):
    with pytest.raises(error, match=words):
        check_targets(y, loss, rows=rows, outputs=outputs)


@pytest.mark.parametrize("name", ["MSE", None, 3, ["bce"]])
def test_a_name_that_is_no_loss_is_refused(name):
    with pytest.raises(UnknownNameError, match="`loss` must be one of"):
        find_loss(name)
