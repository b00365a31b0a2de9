"""What does training in function space save, and does it find the same function?

Sixteen tasks on one Gram: the signs of its leading eigenvectors, each learned by the linearization of LeNet at its
anchor with the same descent. Function space trains all of them side by side; parameter space trains them one after the
other, of which a few steps are timed and the rest is extrapolated. Prints seconds and ratios, with and without the
kernel, and the largest difference of the trained outputs: on all rows after a few epochs, and on few rows after the
whole descent, which parameter space really runs there.

    python benchmarks/function_space.py [--rows 10000] [--tasks 16] [--epochs 100] [--threads 2]
"""

import argparse
import dataclasses
import time
from contextlib import suppress
from functools import partial

import torch

import tangentlab as tl
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.linalg import product
from tangentlab.training import train_function_space_many

SHAPE = (1, 28, 28)


def images(rows):
    """Fashion-MNIST where it is at hand, else images with its power spectrum, about."""
    with suppress(tl.TangentlabError):
        return tl.load("fashion-mnist").x[:rows], "Fashion-MNIST"
    source = torch.Generator().manual_seed(0)
    frequency = torch.fft.fftfreq(28)[:, None].abs() + torch.fft.rfftfreq(28)[None].abs() + 1 / 28
    noise = torch.fft.rfft2(torch.randn(rows, *SHAPE, generator=source)) / frequency**1.5
    x = torch.fft.irfft2(noise, s=(28, 28))
    return (x - x.mean()) / x.std(), "random images with a falling spectrum"


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def gap(states, modules, x):
    """max |f − f'| / max |f'| over tasks and rows, f' from parameter space."""
    worst = 0.0
    for state, module in zip(states, modules):
        with torch.no_grad():
            f = torch.cat([module(part) for part in x.split(500)]).double()
        worst = max(worst, float((state.train_outputs - f).abs().max() / f.abs().max()))
    return worst


def problem(network, x, tasks):
    """Gram, outputs at the anchor, and targets; seconds of the Gram."""
    kernel = NeuralTangentKernel(network, outputs=0)
    K, seconds = timed(lambda: kernel(x))
    vectors = tl.eigenpairs(K, tasks).vectors
    y = [(vectors[:, k] > 0).float() for k in range(tasks)]
    return K, tl.Network(network)(x), y, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in [
        ("rows", 10_000),
        ("tasks", 16),
        ("epochs", 100),
        ("few", 512),
        ("checked", 2),
        ("threads", 2),
    ]:
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    n, tasks, epochs = options.rows, options.tasks, options.epochs
    network = tl.build_network("lenet", SHAPE, outputs=1, seed=0).eval()
    linear = tl.linearize(network)
    x, source = images(n)
    problem(network, x[:256], 2)
    K, f0, y, kernel_seconds = problem(network, x, tasks)
    rate = 0.5 * tl.stable_learning_rate(K, loss="bce", momentum=0.9)
    descent = tl.Descent(loss="bce", learning_rate=rate, momentum=0.9, batch_size=128, epochs=epochs)
    print(
        f"torch {torch.__version__}, {options.threads} threads, {source}, n = {n}, {tasks} tasks, {epochs} epochs"
    )
    print(
        f"descent: bce, momentum 0.9, batches of 128, learning rate {rate:.3g}; {descent.steps(rows=n)} steps a task"
    )
    print(f"kernel                                  {kernel_seconds:9.2f} s")

    some = dataclasses.replace(descent, epochs=1)
    rows = 128 * 20
    tl.train(linear, x[:512], y[0][:512], some)
    seconds = sorted(timed(lambda: tl.train(linear, x[:rows], y[0][:rows], some))[1] for _ in range(3))[1]
    primal = seconds / 20 * descent.steps(rows=n) * tasks
    print(f"parameter space, from 20 steps          {primal:9.0f} s   ({1e3 * seconds / 20:.1f} ms a step)")

    states = {}
    for dtype in (torch.float32, torch.float64):
        states[dtype], seconds = timed(partial(train_function_space_many, K, f0, y, descent, dtype=dtype))
        ratio, whole = primal / seconds, primal / (seconds + kernel_seconds)
        name = str(dtype)[6:]
        print(
            f"function space, {name} products        {seconds:9.2f} s   {ratio:6.0f} times faster, {whole:.0f} with K"
        )
    _, seconds = timed(lambda: train_function_space_many(K, f0, y[:1], descent))
    print(
        f"function space, float64, one task       {seconds:9.2f} s   {primal / tasks / seconds:6.0f} times faster"
    )
    between = max(
        float((a.train_outputs - b.train_outputs).abs().max() / b.train_outputs.abs().max())
        for a, b in zip(states[torch.float32], states[torch.float64])
    )
    print(f"float32 against float64 products: {between:.1e}")

    product(K, torch.randn(n, 1))
    reading = min(timed(lambda: K.sum())[1] for _ in range(3))
    side = torch.randn(2048, 2048)
    product(side, side)
    multiplying = min(timed(lambda: product(side, side))[1] for _ in range(3)) / (2 * 2048**3) * 2 * n * n * tasks
    print(
        f"limit: reading K {reading * epochs:.2f} s, float32 products at full speed {multiplying * epochs:.2f} s"
    )

    start = dataclasses.replace(descent, epochs=2)
    small = dataclasses.replace(descent, learning_rate=rate / 4)
    few = torch.arange(options.few)
    for name, d, part in [
        ("all rows, 2 epochs", start, torch.arange(n)),
        (f"{options.few} rows, whole", small, few),
    ]:
        labels = [task[part] for task in y[: options.checked]]
        modules = [tl.train(linear, x[part], task, d).module for task in labels]
        for dtype in (torch.float32, torch.float64):
            found = train_function_space_many(K[part][:, part], f0[part], labels, d, dtype=dtype)
            print(f"difference, {name}, {str(dtype)[6:]} products: {gap(found, modules, x[part]):.1e}", flush=True)


if __name__ == "__main__":
    main()
