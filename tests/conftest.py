"""One process, few threads, no network; tests/oracles is importable as `oracles`."""

import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("SCIPY_ARRAY_API", "1")  # or scikit-learn skips the checks of it

sys.path.insert(0, str(Path(__file__).parent))

import pytest
import torch

torch.set_num_threads(1)  # the tests are small, and threads that wait for each other on busy cores crawl


@pytest.fixture(autouse=True)
def _same_global_random_state():
    """Modules that a test builds by torch's own initialization are the same in every order of tests."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="module")
def cluster_of_two():
    """A Dask cluster of two processes on this machine, for the tests of one file."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster


@pytest.fixture
def two(cluster_of_two):
    """Two living workers, whatever the last test did to them."""
    cluster_of_two.wait_for_workers(2)
    return cluster_of_two


@pytest.fixture(scope="session")
def fashion_mnist():
    """Fashion-MNIST where Debian's package is installed; elsewhere its tests skip by name."""
    folder = "/usr/share/datasets/fashion-mnist"
    if not Path(folder).is_dir():
        pytest.skip("needs Debian's dataset-fashion-mnist")
    from tangentlab.data import load

    return load("fashion-mnist", path=folder)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)
