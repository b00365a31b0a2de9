"""However a weight gradient is sliced and written, products of what is written are those of the gradient itself."""

import pytest
import torch

from tangentlab.tangent.factors import Outer, Windows, as_rows
from tangentlab.tangent.patches import Geometry
from tangentlab.tangent.written_slices import ChannelSlices, KernelSlices, OuterSlices, sliced


def outer(n, q, g=1, s=3, i=4, o=5):
    inputs = torch.randn(n, g, s, i, dtype=torch.float64)
    return Outer(inputs, torch.randn(n, q, g, s, o, dtype=torch.float64))


def windows(n, q, channels=3, o=4, space=(6, 5), kernel=(3, 2), dtype=torch.float64, **geometry):
    dims = len(space)
    plain = {"stride": (1,) * dims, "dilation": (1,) * dims, "padding": (1,) * dims, "groups": 1}
    geometry = Geometry(kernel=kernel, **{**plain, **geometry})
    gradients = torch.randn(n, q, o, *geometry.positions(space), dtype=dtype)
    return Windows(torch.randn(n, channels, *space, dtype=dtype), gradients, geometry)


def products(sides, at_once):
    """⟨W[n, q], W'[m, r]⟩ over all slices, `at_once` of them in two tensors at a time."""
    n, q, total, line = sides[0].sizes
    m = sides[-1].sizes[0]
    found = torch.zeros(n, q, m, q, dtype=torch.float64)
    for start in range(0, total, at_once):
        some = slice(start, min(start + at_once, total))
        lengths = [count * line for count in ((some.stop - start) // 2, (some.stop - start + 1) // 2) if count]
        written = []
        for side in sides:
            outs = [
                torch.full((side.sizes[0], q, length), torch.nan, dtype=side.factor.gradients.dtype)
                for length in lengths
            ]
            side.write(outs, some)
            written.append(torch.cat(outs, dim=2).double())
        found += torch.einsum("nqp,mrp->nqmr", written[0], written[-1])
    return found


CASES = {
    "outer": lambda n, q: outer(n, q),
    "outer, more outputs than inputs": lambda n, q: outer(n, q, i=3, o=40),
    "outer, groups": lambda n, q: outer(n, q, g=2),
    "outer, large": lambda n, q: outer(n, q, s=64, i=400, o=400),
    "windows": lambda n, q: windows(n, q),
    "windows, one place": lambda n, q: windows(n, q, kernel=(1, 1), padding=(0, 0)),
    "windows, strides": lambda n, q: windows(n, q, stride=(2, 3)),
    "windows, groups": lambda n, q: windows(n, q, channels=4, groups=2),
    "windows of a signal": lambda n, q: windows(n, q, space=(9,), kernel=(4,), dilation=(2,)),
    "windows, large": lambda n, q: windows(n, q, channels=40, o=200, space=(12, 12), kernel=(3, 3)),
}


@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_products_of_slices_are_those_of_the_gradients(name, q):
    left, right = CASES[name](3, q), CASES[name](2, q)
    a, b = as_rows(left).rows, as_rows(right).rows
    ((one,), (other,)) = sliced([[left], [right]])
    at_once = -(-one.sizes[2] // 2)
    expected = torch.einsum("nqp,mrp->nqmr", a, b)
    # sums of up to 100,000 products in float64
    torch.testing.assert_close(products([one, other], at_once), expected, rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize("sizes", [((16, 16), (5, 5)), ((5, 5), (16, 16)), ((16, 16), (16, 16)), ((5, 5), (5, 5))])
def test_images_of_two_sizes_are_sliced_alike(sizes, q):
    left, right = (
        windows(2, q, channels=4, o=20, space=space, kernel=(2, 2), dtype=torch.float32) for space in sizes
    )
    ((one,), (other,)) = sliced([[left], [right]])
    assert type(one) is type(other)
    expected = torch.einsum("nqp,mrp->nqmr", left.rows().rows.double(), right.rows().rows.double())
    # float32 sums of a few hundred products of standard normal numbers
    torch.testing.assert_close(products([one, other], 3), expected, rtol=1e-4, atol=1e-2)


def test_the_kind_is_chosen_for_all_parts():
    few, many = (
        windows(1, 1, dtype=torch.float32, channels=4),
        windows(1, 1, dtype=torch.float32, channels=4, space=(16, 16)),
    )
    assert many.quick_as_convolution
    assert not few.quick_as_convolution
    assert isinstance(sliced([[few]])[0][0], ChannelSlices)
    assert all(isinstance(part, KernelSlices) for side in sliced([[few, many], [few]]) for part in side)
    as_outer = [few, Outer(few.outer().inputs, few.outer().gradients)]
    assert all(isinstance(part, OuterSlices) for part in sliced([as_outer])[0])


@pytest.mark.parametrize(("numbers", "kind"), [(16, KernelSlices), (8, ChannelSlices)])
def test_several_outputs_share_windows_where_the_blas_fills_registers(numbers, kind, monkeypatch):
    monkeypatch.setattr("tangentlab.linalg.registers.register_numbers", lambda: numbers)
    use = windows(2, 3, channels=4, o=8, space=(16, 16), dtype=torch.float32)
    assert isinstance(sliced([[use]])[0][0], kind)
    exact = Windows(use.pixels.double(), use.gradients.double(), use.geometry).outer().rows().rows
    # sums of 256 products of standard normal numbers, in float32
    torch.testing.assert_close(use.rows().rows.double(), exact, rtol=1e-5, atol=1e-4)


def test_a_convolution_has_slices_of_at_least_sixteen_lines():
    assert ChannelSlices(windows(1, 1, kernel=(3, 2))).least == 3
    assert ChannelSlices(windows(1, 1, kernel=(1, 1), padding=(0, 0))).least == 16
