"""What does training in function space save, and does it find the same function?

Sixteen tasks on one Gram: the signs of its leading eigenvectors, each learned by the linearization of LeNet at its
anchor with the same descent. Function space trains all of them side by side; parameter space trains them one after the
other, of which a few steps are timed and the rest is extrapolated. Prints seconds and ratios, with and without the
kernel, and the largest difference of the trained outputs, with and without rows at a kink of an activation: on all rows
after a few epochs, and on few rows after the whole descent, which parameter space really runs there.

    python benchmarks/function_space.py [--rows 10000] [--tasks 16] [--epochs 100] [--threads 2]

Figures go to benchmarks/results/function_space.json.
"""

import copy
import dataclasses
import time
from contextlib import suppress
from functools import partial

import kept_results
import torch
from kept_results import spread

import tangentlab as tl
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.linalg import product
from tangentlab.training import train_function_space_many

SHAPE = (1, 28, 28)
DTYPES = (torch.float32, torch.float64)
KINK = 1e-5
"""Share of the largest output by which float32 may move an output; it is 1e-6 or less away from kinks."""
TIMED, REPEATS = 20, 3
"""Steps of parameter space that are timed, and how often function space is."""


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


def differences(states, modules, *, network, x):
    """max |f − f'| / max |f'| over tasks and rows, f' from parameter space; and over the rows whose gradient float32
    decides.

    Where an activation's input is zero to rounding, the side of its kink, and with it the gradient of that row, depend
    on which rows the network is given at once. Such rows are those on which the trained linearization itself differs
    from its own float64 version.
    """
    exact = tl.linearize(copy.deepcopy(network).double())
    largest, decided, rows = 0.0, 0.0, set()
    for state, module in zip(states, modules):
        exact.load_state_dict(module.state_dict())
        with torch.no_grad():
            f = torch.cat([module(part) for part in x.split(500)]).double()
            f64 = torch.cat([exact(part.double()) for part in x.split(500)])
        scale = f.abs().max()
        off = (state.train_outputs - f).abs().amax(1) / scale
        kink = (f - f64).abs().amax(1) > KINK * scale
        largest, decided = max(largest, float(off.max())), max(decided, float(off[~kink].max()))
        rows |= set(kink.nonzero().flatten().tolist())
    return {"largest": largest, "largest without rows at a kink": decided, "rows at a kink": len(rows)}


def problem(network, x, tasks):
    """Gram, outputs at the anchor, and targets; seconds of the Gram."""
    kernel = NeuralTangentKernel(network, outputs=0)
    K, seconds = timed(lambda: kernel(x))
    vectors = tl.eigenpairs(K, tasks).vectors
    y = [(vectors[:, k] > 0).float() for k in range(tasks)]
    return K, tl.Network(network)(x), y, seconds


def main():
    parser = kept_results.parser(__doc__)
    for name, value in [("rows", 10_000), ("tasks", 16), ("epochs", 100), ("few", 512), ("checked", 2)]:
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
    steps = descent.steps(rows=n)
    print(f"{source}, n = {n}, {tasks} tasks, {epochs} epochs; bce, momentum 0.9, batches of 128, rate {rate:.3g}")
    print(f"kernel                                  {kernel_seconds:9.2f} s")

    timing, rows = dataclasses.replace(descent, epochs=1), 128 * TIMED
    tl.train(linear, x[:512], y[0][:512], timing)
    step = spread([timed(lambda: tl.train(linear, x[:rows], y[0][:rows], timing))[1] / TIMED for _ in range(3)])
    primal = step["median"] * steps * tasks
    print(f"parameter space, from {TIMED} steps          {primal:9.0f} s   ({1e3 * step['median']:.1f} ms a step)")
    kept = {
        "question": __doc__.splitlines()[0],
        "stamp": kept_results.stamp(options),
        "problem": {"data": source, "rows": n, "tasks": tasks, "epochs": epochs, "steps a task": steps},
        "kernel seconds": kernel_seconds,
        "parameter space": {"step": step, "seconds": primal, "bound": "extrapolated", "timed steps": TIMED},
        "function space": {},
    }

    states = {}
    for dtype in DTYPES:
        runs = [timed(partial(train_function_space_many, K, f0, y, descent, dtype=dtype)) for _ in range(REPEATS)]
        states[dtype], seconds = runs[-1][0], spread([run[1] for run in runs])
        found = {"seconds": seconds, "ratio": primal / seconds["median"]}
        found["ratio with kernel"] = primal / (seconds["median"] + kernel_seconds)
        kept["function space"][str(dtype)[6:]] = found
        print(
            f"function space, {str(dtype)[6:]} products        {seconds['median']:9.2f} s   {found['ratio']:6.0f} "
            f"times faster, {found['ratio with kernel']:.0f} with K",
            flush=True,
        )
    between = max(
        float((a.train_outputs - b.train_outputs).abs().max() / b.train_outputs.abs().max())
        for a, b in zip(*states.values())
    )
    kept["float32 against float64 products"] = between
    print(f"float32 against float64 products: {between:.1e}")
    kept["limit"] = limit(K, tasks, epochs)
    print("limit: " + ", ".join(f"{name} {value:.2f} s" for name, value in kept["limit"].items()))

    kept["difference from parameter space"] = {}
    some = torch.arange(options.few)
    for name, d, part in [
        ("all rows, 2 epochs", dataclasses.replace(descent, epochs=2), torch.arange(n)),
        (f"{options.few} rows, {epochs} epochs", dataclasses.replace(descent, learning_rate=rate / 4), some),
    ]:
        labels = [task[part] for task in y[: options.checked]]
        modules = [tl.train(linear, x[part], task, d).module for task in labels]
        found = kept["difference from parameter space"][name] = {}
        for dtype in DTYPES:
            trained = train_function_space_many(K[part][:, part], f0[part], labels, d, dtype=dtype)
            found[str(dtype)[6:]] = differences(trained, modules, network=network, x=x[part])
            said = ", ".join(f"{key} {value:.2g}" for key, value in found[str(dtype)[6:]].items())
            print(f"difference, {name}, {str(dtype)[6:]} products: {said}", flush=True)
    kept_results.write("function_space", kept, results=options.results)


def limit(K, tasks, epochs):
    """Seconds to read K from memory, and of its products with the tasks' coefficients at full speed, once an epoch."""
    n = len(K)
    product(K, torch.randn(n, 1))
    reading = min(timed(lambda: K.sum())[1] for _ in range(3))
    side = torch.randn(2048, 2048)
    product(side, side)
    multiplying = min(timed(lambda: product(side, side))[1] for _ in range(3)) / (2 * 2048**3) * 2 * n * n * tasks
    return {"reading K": reading * epochs, "float32 products": multiplying * epochs}


if __name__ == "__main__":
    main()
