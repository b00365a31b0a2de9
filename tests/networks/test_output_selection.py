"""Which tensor is f, and how it becomes (n, c)."""

from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch

from tangentlab._errors import NetworkError
from tangentlab.networks.output_selection import one_hot_rows, select_output

LOGITS, HIDDEN = torch.ones(3, 2), torch.zeros(3, 4, 5)
ROWS = {"rows": 3}


@pytest.mark.parametrize(
    ("returned", "output", "expected"),
    [
        (LOGITS, None, LOGITS),
        ((LOGITS,), None, LOGITS),
        ({"logits": LOGITS, "hidden": HIDDEN}, None, LOGITS),
        (SimpleNamespace(logits=LOGITS, loss=None), None, LOGITS),
        ((HIDDEN, LOGITS), 1, LOGITS),
        ((HIDDEN, LOGITS), -1, LOGITS),
        (OrderedDict(a=HIDDEN, b=LOGITS), 1, LOGITS),
        ({"a": LOGITS}, "a", LOGITS),
        (SimpleNamespace(scores=LOGITS), "scores", LOGITS),
        ((HIDDEN, LOGITS), lambda out: out[1], LOGITS),
        (HIDDEN, None, HIDDEN.flatten(1)),
        (LOGITS[:, 0], None, LOGITS[:, :1]),
    ],
)
def test_selection(returned, output, expected):
    assert torch.equal(select_output(returned, output, **ROWS), expected)


@pytest.mark.parametrize(
    ("returned", "output", "words"),
    [
        ((HIDDEN, LOGITS), None, r"2 parts \(Tensor, Tensor\).*output=0"),
        ({"a": LOGITS, "b": LOGITS}, None, "'a', 'b'"),
        (SimpleNamespace(scores=LOGITS), None, "SimpleNamespace"),
        ({"a": LOGITS}, "b", "no 'b'; it has 'a'"),
        ((LOGITS,), 1, "no part 1"),
        (LOGITS, 0, "no part 0"),
        ({"logits": None}, None, "'logits'"),
        ((LOGITS, "cache"), 1, "is a str, not a tensor"),
        (LOGITS.long(), None, "int64"),
        (LOGITS.to(torch.complex64), None, "complex64"),
        (LOGITS.sum(), None, r"shape \(\) for 3 rows"),
        (LOGITS[:2], None, r"shape \(2, 2\) for 3 rows.*batch_first"),
        (LOGITS[:, :0], None, "no outputs"),
    ],
)
def test_refusals(returned, output, words):
    with pytest.raises(NetworkError, match=words):
        select_output(returned, output, **ROWS)


def test_identity_cotangents():
    assert torch.equal(one_hot_rows(3, like=torch.zeros(1).double()), torch.eye(3).double())
