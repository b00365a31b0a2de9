"""The costs on the page are the planner's, and the planner's counts agree with a count by hand."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = {  # positions, inputs with the bias, outputs
    "LeNet on Fashion-MNIST": [(784, 26, 6), (196, 151, 16), (1, 785, 120), (1, 121, 84), (1, 85, 1)],
    "MLP 784-1024-1024-1": [(1, 785, 1024), (1, 1025, 1024), (1, 1025, 1)],
}


@pytest.fixture(scope="module")
def scale():
    spec = importlib.util.spec_from_file_location("make_scale", ROOT / "docs" / "make_scale.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_scale"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kept(scale):
    return json.loads(scale.KEPT.read_text(encoding="utf-8"))


def test_the_page_shows_what_its_command_computes(scale):
    text = scale.PAGE.read_text(encoding="utf-8")
    assert text == scale.page(text)


@pytest.mark.slow
def test_the_planner_still_counts_what_is_kept(scale, kept):
    found = scale.ask()["plans"]
    assert len(found) == len(kept["plans"]) == 8
    for ours, theirs in zip(found, kept["plans"]):
        assert [ours[key] for key in ("network", "n", "memory", "pairs")] == [
            theirs[key] for key in ("network", "n", "memory", "pairs")
        ]
        for field in ("forward_operations", "backward_operations", "contraction_operations"):
            # what the process holds already takes from the rows it can keep, and with them from the passes saved
            assert ours[field] == pytest.approx(theirs[field], rel=0.2), field


@pytest.mark.parametrize("network", LAYERS)
def test_operations_are_those_counted_by_hand(scale, kept, network):
    for plan in (plan for plan in kept["plans"] if plan["network"] == network):
        n, rows = plan["n"], plan["rows_made"]
        forward = rows * sum(2 * s * i * o for s, i, o in LAYERS[network])
        pairs = sum(2 * (i + o) if s == 1 else 2 * i * o for s, i, o in LAYERS[network]) * n * (n + 1) / 2
        # blocks on the diagonal are whole, biases may have terms of their own and are added without a product, and the
        # first layer is not pulled back to its inputs
        assert plan["forward_operations"] == pytest.approx(forward, rel=0.05)
        assert plan["contraction_operations"] == pytest.approx(pairs, rel=0.05)
        assert plan["backward_operations"] <= 2 * forward


def test_more_workers_make_more_rows_and_never_fewer_operations(scale, kept):
    plan = scale.plan_of(kept, "LeNet on Fashion-MNIST", 1_000_000, "64GiB")
    counts = [scale.Machine("", workers, "64GiB", 1.0, 1.0).operations(plan, 1_000_000) for workers in (1, 2, 16)]
    assert counts == sorted(counts)
    assert counts[0] >= sum(plan[field] for field in scale.COUNTED[:3])
