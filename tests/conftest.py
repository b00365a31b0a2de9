"""One process, few threads, no network; tests/oracles is importable as `oracles`."""

import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

sys.path.insert(0, str(Path(__file__).parent))

import pytest
import torch


@pytest.fixture(autouse=True)
def _global_random_state_is_untouched():
    """No call of the package may read-and-advance torch's global random state."""
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(before, torch.random.get_rng_state()), "the test moved torch's global random state"


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)
