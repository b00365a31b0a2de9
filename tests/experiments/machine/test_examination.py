import pytest
import torch

from tangentlab.experiments import examine
from tangentlab.networks import build_network


class Noisy(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.utils.skip_init(torch.nn.Linear, 3, 1)
        torch.nn.init.ones_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return self.linear(x) + torch.randn(len(x), 1)


class Mixing(Noisy):
    def forward(self, x):
        return self.linear(x - x.mean(0))


class Exploding(Noisy):
    def forward(self, x):
        return self.linear(x) / 0.0


class Strict(Noisy):
    def forward(self, x):
        raise ValueError("no such rows")


def statuses(make, shape=(3,)):
    built = make()
    return {check.name: check for check in examine(lambda: built, shape)}


def test_a_sound_network_passes_every_check():
    checks = statuses(lambda: build_network("lenet", (1, 8, 8), outputs=10, seed=0), (1, 8, 8))
    assert len(checks) == 9
    assert {check.status for check in checks.values()} == {"passed"}


@pytest.mark.parametrize(
    ("network", "name", "told"),
    [
        (Noisy, "determinism", "random numbers"),
        (Mixing, "rows", "mixes the rows"),
        (Exploding, "finiteness", "not finite"),
        (Strict, "forward pass", "no such rows"),
    ],
)
def test_a_refusal_names_the_check_and_the_remedy(network, name, told):
    *passed, last = statuses(network).values()
    assert "refused" not in {check.status for check in passed}
    assert (last.name, last.status) == (name, "refused")
    assert told in last.found
    assert last.remedy


def test_train_mode_and_in_place_layers_are_repaired():
    def make():
        linear = torch.nn.utils.skip_init(torch.nn.Linear, 3, 1)
        torch.nn.init.ones_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
        return torch.nn.Sequential(torch.nn.Dropout(0.5), linear, torch.nn.ReLU(inplace=True))

    checks = statuses(make)
    assert checks["train mode"].status == "repaired"
    assert "'0' (Dropout)" in checks["train mode"].found
    assert checks["in-place layers"].status == "repaired"


def test_two_builds_that_differ_are_refused_and_the_rest_is_still_looked_at():
    seeds = iter(range(9))
    checks = examine(lambda: build_network("mlp:width=3", (3,), outputs=1, seed=next(seeds)), (3,))
    assert (checks[0].status, len(checks)) == ("refused", 9)


def test_a_network_that_is_none_is_refused_before_anything_else():
    (check,) = examine(lambda: build_network("mlp", (), outputs=1, seed=0), ())
    assert (check.name, check.status) == ("it builds", "refused")
