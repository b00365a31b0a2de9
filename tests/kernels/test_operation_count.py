"""Operations and bytes are counted as they happen, with values and without."""

import torch

from tangentlab.kernels.operation_count import OperationCount


def counted(work):
    with OperationCount() as count:
        work()
    return count


def test_products_and_convolutions_are_counted_forward_and_backward():
    weight = torch.randn(4, 3, 3, 3, requires_grad=True)
    x = torch.randn(2, 3, 8, 8)
    forward = 2 * 2 * 4 * 8 * 8 * 27

    def work():
        torch.nn.functional.conv2d(x, weight, padding=1).sum().backward()

    assert counted(work).operations == 2 * forward  # the inputs need no gradient
    A = torch.randn(300, 200)
    assert counted(lambda: A @ A.T).operations == 2 * 300 * 200 * 300


def test_the_peak_is_what_was_alive_together():
    def work():
        a = torch.zeros(1000, dtype=torch.float32)
        b = a + 1
        del a
        c = b.view(10, 100)[3:].mul_(2)  # views and in-place work take nothing
        return c + 1

    assert counted(work).peak == 4000 + 4000


def test_what_was_there_before_is_not_counted():
    x = torch.zeros(1000)
    count = counted(lambda: x.add_(1).view(10, 100))
    assert (count.peak, count.live) == (0, 0)


def test_without_values_the_same_is_counted():
    def work(device):
        a = torch.zeros(30, 20, device=device)
        return (a @ a.T) * (a @ a.T)

    real, none = counted(lambda: work("cpu")), counted(lambda: work("meta"))
    assert (real.operations, real.peak, real.moved) == (none.operations, none.peak, none.moved)


def test_a_convolution_holds_copies_of_what_it_reads_and_writes():
    x, weight = torch.randn(2, 20, 8, 8), torch.randn(4, 20, 3, 3)
    count = counted(lambda: torch.nn.functional.conv2d(x, weight, padding=1))
    written, read = 4 * 2 * 4 * 64, 4 * 2 * 32 * 64  # channels rounded up to 16s
    assert count.peak == written + read + 4 * written
    assert count.live == 0

    def backward():
        z = torch.nn.functional.conv2d(x.requires_grad_(), weight, padding=1)
        torch.autograd.grad(z.sum(), x)

    with torch.device("meta"):
        x, weight = torch.empty(2, 20, 8, 8), torch.empty(4, 20, 3, 3)
    assert counted(backward).peak >= written + 2 * read + 4 * written


def test_a_convolution_in_double_precision_writes_its_windows_out():
    x, weight = torch.randn(3, 2, 8, 8, dtype=torch.float64), torch.randn(4, 2, 3, 3, dtype=torch.float64)
    count = counted(lambda: torch.nn.functional.conv2d(x, weight, padding=1))
    assert count.peak == 8 * 3 * (4 * 64 + 2 * 9 * 64)
