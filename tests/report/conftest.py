"""Made-up records for the report's tests: every name says that nothing here was measured."""

import hashlib
import shutil

import numpy as np
import pytest

from tangentlab.records import Record, Store

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LEARNERS = ["network", "linear-init", "linear-end", "ridge-init", "ridge-end"]


def _cell(network, task, samples, seed, *, learners, gain, rng, index):
    """One made-up cell: accuracy grows with log n; the network leads by `gain(network, task, samples)`."""
    ease = 0.9 - 0.06 * index
    level = ease - 0.25 * (samples / 50) ** -0.5
    shift = {
        "network": gain(network, task, samples),
        "linear-end": 0.02,
        "ridge-init": -0.01,
        "ridge-end": 0.015,
    }
    luck = rng.normal(0, 0.012)
    readings = {"learners": {}}
    for learner in learners:
        accuracy = float(np.clip(level + shift.get(learner, 0.0) + luck + rng.normal(0, 0.003), 0, 1))
        readings["learners"][learner] = {
            "train_loss": 0.02 + rng.random() / 50,
            "train_accuracy": 1.0,
            "test_loss": 1.2 - accuracy,
            "test_accuracy": accuracy,
            "seconds": 0.5 + rng.random(),
        }
    k = np.arange(1, 65)
    for anchor, power, scale in (("init", 1.1, 3.0), ("end", 1.6, 30.0)):
        align = 0.5 * ease * (1.0 if anchor == "init" else 1.5) * (1 + rng.normal(0, 0.02))
        readings.setdefault("anchors", {})[anchor] = {
            "alignment": {"rayleigh": align * scale * 9, "trace_normalized": align, "unbiased": align * scale},
            "complexity": {"norm": 40 / align, "lower_bound": 3 / align, "normalized": 0.01 / align},
            "trace": scale * samples,
            "spectrum": (scale * samples * k**-power * np.exp(rng.normal(0, 0.05, 64))).tolist(),
            "effective_rank": 20.0 / power,
            "stable_learning_rate": 2 / scale,
        }
    steps = np.unique(np.geomspace(1, 400, 30).astype(int))
    readings |= {
        "kernel_distance": float(0.15 + 0.1 * np.log10(samples) + rng.normal(0, 0.01)),
        "distance_travelled": 3.0,
        "relative_distance": 0.1,
        "parameters": 12345,
        "classes": ["fake a", "fake b"],
        "warnings": [],
        "history": {"step": steps.tolist(), "loss": (0.7 * steps**-0.6).tolist()},
    }
    return readings


def make_records(
    networks=("fake-lenet", "fake-mlp"),
    tasks=("fake-group", "fake-parity", "fake-random"),
    sizes=(100, 300, 1000),
    seeds=3,
    learners=tuple(LEARNERS),
    gain=lambda network, task, samples: (0.02 if network == "fake-lenet" else 0.0) * np.log(samples / 250),
    failing=(),
    rename=lambda text: text,
):
    records = []
    rng = np.random.default_rng(0)
    for network in networks:
        for index, task in enumerate(tasks):
            for samples in sizes:
                for seed in range(seeds):
                    spec = {
                        "network": rename(network),
                        "data": "fake-digits",
                        "task": rename(task),
                        "samples": samples,
                        "seed": seed,
                        "learners": list(learners),
                        "test_samples": 500,
                        "ridge": 1e-3,
                        "descent": {"loss": "bce", "learning_rate": 0.05, "epochs": 30},
                    }
                    name = hashlib.sha256(repr((network, task, samples, seed)).encode()).hexdigest()[:16]
                    readings = _cell(
                        network, task, samples, seed, learners=learners, gain=gain, rng=rng, index=index
                    )
                    error = None
                    if (network, samples, seed) in failing:
                        readings, error = (
                            {},
                            {
                                "message": "The loss became not finite at step 12.",
                                "remedy": "Lower --learning-rate.",
                                "log": f"logs/{name}.log",
                            },
                        )
                    records.append(
                        Record(
                            fingerprint=name,
                            spec=spec,
                            status="failed" if error else "done",
                            readings=readings,
                            error=error,
                            versions={"tangentlab": "0.0.fake", "torch": "0.0.fake", "python": "3.fake"},
                            machine={"processor": "a made-up machine", "cores": 2},
                            timings={"seconds": 1.0},
                            created="2000-01-01T00:00:00+00:00",
                        )
                    )
    return records


@pytest.fixture(scope="session")
def make():
    """The generator itself, for tests that need a grid of their own."""
    return make_records


@pytest.fixture(scope="session")
def records():
    """108 made-up cells: 2 networks, 3 tasks, 3 sizes, 3 seeds, 5 learners, two of them failed."""
    return make_records(failing={("fake-mlp", 1000, 1)})


@pytest.fixture
def fill(tmp_path):
    """Put records into a new store."""

    def filled(records, spec=None, name="run"):
        store = Store.create(tmp_path / name, spec or {"networks": ["fake-lenet", "fake-mlp"]})
        for record in records:
            store.put(record)
        return store

    return filled


@pytest.fixture(scope="session")
def browser():
    """A browser for pages; its tests skip by name where none is installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser is installed ({', '.join(BROWSERS)})")
    with playwright.sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()
