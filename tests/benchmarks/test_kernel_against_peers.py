"""The benchmark runs, on a few rows, and what it compares us with is the same kernel."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import tangentlab as tl

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    """The benchmark's own files, importable while these tests run."""
    paths = [str(BENCHMARKS), str(BENCHMARKS / "peers")]
    sys.path[:0] = paths
    import functional_transforms
    import kernel_against_peers
    import paired_runs
    import physical_limit
    import workloads

    yield {
        "peers": functional_transforms,
        "main": kernel_against_peers,
        "pairs": paired_runs,
        "limit": physical_limit,
        "workloads": workloads,
    }
    for path in paths:
        sys.path.remove(path)


@pytest.mark.parametrize("name", ["tiny-mlp-full", "tiny-mlp-trace", "tiny-lenet-one", "tiny-lenet-full"])
@pytest.mark.parametrize(("algorithm", "chunk"), [("jacobian_contraction", None), ("jacobian_contraction", 2)])
def test_the_tutorials_jacobian_contraction_is_our_kernel(modules, name, algorithm, chunk):
    assert_same_kernel(modules, name, algorithm, chunk)


@pytest.mark.parametrize("name", ["tiny-lenet-one", "tiny-lenet-full"])
@pytest.mark.parametrize("chunk", [None, 1])
def test_the_tutorials_vector_products_are_our_kernel(modules, name, chunk):
    assert_same_kernel(modules, name, "vector_products", chunk)


def assert_same_kernel(modules, name, algorithm, chunk):
    workload = modules["workloads"].find(name)
    module = modules["workloads"].network(workload).double()
    x = modules["workloads"].inputs(workload).double()
    laps = []
    theirs = getattr(modules["peers"], algorithm)(module, x, workload.flavour, chunk=chunk, lap=laps.append)
    ours = tl.ntk(module, x, outputs=workload.flavour)
    assert laps[-1] == 2  # the products of pairs are counted as growing with n²
    assert torch.allclose(
        theirs, ours, rtol=1e-9, atol=1e-9 * float(ours.abs().max())
    )  # float64, sums of 1e5 terms


def test_the_limit_counts_what_was_counted_by_hand_for_a_multilayer_perceptron(modules):
    workload = modules["workloads"].find("mlp-full")
    counted = modules["limit"].operations(
        modules["workloads"].network(workload), workload, modules["workloads"].inputs(workload, 1)
    )
    n, q = 256, 10
    forward = 2 * n * (784 * 1024 + 1024 * 1024 + 1024 * 10)
    backward = 2 * n * q * (1024 * 1024 + 1024 * 10)
    gram = n**2 * (784 + 1024 + 1024) + (n * q) ** 2 * (1024 + 1024 + 10)
    assert (counted.forward, counted.backward, counted.weight_gradients, counted.gram) == (
        forward,
        backward,
        0,
        gram,
    )


def test_the_limit_takes_the_cheapest_form_of_each_convolution(modules):
    """ResNet-18's last stage in pairs of pixels, all else as gradients: 4.6 M multiplications a pair, not 11.2."""
    workload = modules["workloads"].find("resnet-one-64")
    module = modules["workloads"].network(workload)
    counted = modules["limit"].operations(module, workload, modules["workloads"].inputs(workload, 1))
    explicit = sum(p.numel() for p in module.parameters())
    pairwise = 4 * 512 * 512 * 9 - 256 * 512 * 9  # weights of the last stage's four 3×3 convolutions
    late = 3 * (2 * 16**2 * 512 + 16**4) + 16**2 * 256 * 9 + 16**2 * 512 + 4 * 16**2
    assert counted.gram == 64**2 * (explicit - pairwise + late)


def test_the_machines_speed_is_that_of_a_product_in_true_float32(modules):
    rate, library, error = modules["limit"].product_rate(size=256)
    assert rate > 0 and library in ("torch", "oneDNN") and error < 3e-6


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The command on the smallest workload, with one peer that is there, one that is not, and one that cannot."""
    folder = tmp_path_factory.mktemp("results")
    command = [sys.executable, str(BENCHMARKS / "kernel_against_peers.py"), "tiny-lenet-one", "--pairs", "2"]
    command += ["--threads", "1", "--results", str(folder), "--peers", "Jacobians", "tangents 3"]
    environment = {k: v for k, v in os.environ.items() if k != "NEURAL_TANGENTS_PYTHON"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), *filter(None, sys.path)])
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "kernel_tiny-lenet-one.json").read_text()), done.stdout


def test_the_command_keeps_times_memory_errors_and_both_ratios(run):
    kept, said = run
    peer = kept["peers"]["torch.func Jacobians"]
    assert kept["own"]["error"] < 2e-6 and peer["error"] < 1e-5  # float32 against explicit float64 gradients
    assert peer["bound"] == "measured" and peer["ratio"]["runs"] == 2
    assert peer["ratio"]["quartiles"][0] <= peer["ratio"]["median"] <= peer["ratio"]["quartiles"][1]
    assert 2**26 < kept["own"]["peak_bytes"] < 2**32
    assert kept["limit"]["ratio"]["median"] > 1
    assert kept["stamp"]["machine"]["threads"] == 1 and kept["stamp"]["date"].startswith("20")
    assert "times ours" in said and "times the limit" in said


def test_a_peer_that_is_not_installed_is_said_to_be_so(run):
    assert "--neural-tangents-python" in run[0]["peers"]["neural-tangents 3"]["cannot"]


def test_only_right_peers_on_all_rows_are_the_best(modules):
    seconds = {"quartiles": [0, 0], "runs": 1}
    known = {
        "small": {"bound": "extrapolated", "seconds": seconds | {"median": 0.1}},
        "wrong": {"wrong": True, "error": 0.4},
        "slow": {"bound": "measured", "seconds": seconds | {"median": 2.0}},
        "quick": {"bound": "measured", "seconds": seconds | {"median": 1.0}},
    }
    assert modules["main"].best_peer(known) == "quick"
    assert modules["main"].best_peer({}) is None


def test_a_process_that_dies_or_hangs_is_a_failure_with_words(modules):
    pairs = modules["pairs"]
    with (
        pairs.Process(
            [sys.executable, "-c", "raise SystemExit('no such thing')"], patience=60, threads=1
        ) as child,
        pytest.raises(pairs.Failure, match="no such thing"),
    ):
        child.run()
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pairs.Process(sleeper, patience=0.5, threads=1) as child, pytest.raises(pairs.Failure, match="too long"):
        child.run()


def test_rows_of_a_peer_follow_the_words_of_its_name(modules):
    fewer = modules["main"].fewer_rows
    assert fewer("torch.func Jacobians", "mlp-full", 256) == 32
    assert fewer("neural-tangents 2", "mlp-full-large", 1024) == 32
    assert fewer("neural-tangents 3", "mlp-full", 256) == 256
    assert fewer("nngeometry Jacobian", "mlp-one", 4096) == 512


def test_the_reference_is_the_gradients_own_product(modules):
    workload = modules["workloads"].find("tiny-mlp-trace")
    exact = modules["main"].Reference(workload).block(workload.rows)
    ours = tl.ntk(
        modules["workloads"].network(workload).double(),
        modules["workloads"].inputs(workload).double(),
        outputs="trace",
    )
    assert np.allclose(exact, ours.numpy(), rtol=1e-9)  # float64
