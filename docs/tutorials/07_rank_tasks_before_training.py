# %% [markdown]
# # Rank tasks before training
#
# Which of these tasks will be hard, and which of these networks will do best on them? The kernel of an untrained
# network tells, for its linearization, in the seconds that the kernel takes. Whether the trained networks keep to the
# prediction is another question. This page states the prediction first, trains afterwards, and counts; and it ends with
# a task on which the prediction is wrong, because there networks learn what their initial kernel does not have.

# %%
import torch

import tangentlab as tl
from tangentlab.experiments import Calibration

data = tl.load("digits")
digits = tl.tasks.multiclass(data, samples=300, test_samples=400, seed=0)
x, x_test = digits.x_train, digits.x_test
label, label_test = digits.y_train.argmax(1), digits.y_test.argmax(1)


def one_of(*chosen):
    """Targets, (n,) for the train rows and for the test rows: is the digit one of these?"""
    wanted = torch.tensor(chosen)
    return torch.isin(label, wanted).long(), torch.isin(label_test, wanted).long()


def noisy(targets, share, *, seed=0):
    """The same with a share of the labels, train and test, drawn by a coin."""
    draw = torch.Generator().manual_seed(seed)
    found = []
    for part in targets:
        coin = torch.randint(0, 2, part.shape, generator=draw)
        found.append(torch.where(torch.rand(part.shape, generator=draw) < share, coin, part))
    return tuple(found)


tasks = {
    "a zero": one_of(0),
    "an eight": one_of(8),
    "below five": one_of(0, 1, 2, 3, 4),
    "even": one_of(0, 2, 4, 6, 8),
    "prime": one_of(2, 3, 5, 7),
    "even, a fifth by a coin": noisy(one_of(0, 2, 4, 6, 8), 0.2),
    "even, half by a coin": noisy(one_of(0, 2, 4, 6, 8), 0.5),
    "a coin": noisy(one_of(0, 2, 4, 6, 8), 1.0),
}
networks = ("mlp:width=64", "lenet")
SEEDS = 2

# %% [markdown]
# ## Before
#
# `tl.predict` takes a network, rows and targets, and trains nothing. A name or a builder is built for several seeds, a
# module is taken as it stands. What it says of one network on one task:

# %%
predictions = {
    (task, network): tl.predict(network, x, y, task=task, samples=300, seeds=SEEDS)
    for task, (y, _) in tasks.items()
    for network in networks
}
print(predictions["below five", "lenet"])

# %% [markdown]
# Over all cells it is a ranking. Where the bands overlap too much, the order of two neighbours is left open ("or").

# %%
ranking = tl.rank_predictions(predictions.values())
print(ranking)

# %% [markdown]
# ## After
#
# Now train, once for each seed, with the same weights to start from.

# %%
descent = {"learning_rate": 0.05, "momentum": 0.9, "batch_size": 50, "epochs": 40}


def wrong(outputs, y):
    return float(((outputs.flatten() > 0) != (y > 0)).double().mean())


def trained_error(network, x, y, x_test, y_test, *, seeds=SEEDS, **changed):
    """Test error of the network after training, mean over seeds."""
    found = []
    for seed in range(seeds):
        model = tl.build_network(network, tuple(x.shape[1:]), outputs=1, seed=seed)
        plan = tl.Descent(loss="bce", seed=seed, **(descent | changed))
        with torch.no_grad():
            found.append(wrong(tl.train(model, x, y, plan).module(x_test), y_test))
    return sum(found) / seeds


def linearization_error(network, x, y, x_test, y_test, *, ridge=1e-3):
    """Test error of kernel regression at the initial weights, mean over seeds: what the prediction is of."""
    found = []
    for seed in range(SEEDS):
        model = tl.build_network(network, tuple(x.shape[1:]), outputs=1, seed=seed)
        kernel = tl.NeuralTangentKernel(model, outputs=0, dtype=torch.float64)
        K = kernel(x)
        with torch.no_grad():
            f0, f0_test = model(x).double(), model(x_test).double()
        fit = tl.KernelRegression(ridge=ridge * float(K.diagonal().mean()))
        fit = fit.fit(K, 2 * y.double() - 1, f0=f0)
        found.append(wrong(fit.predict(kernel(x_test, x), f0_test=f0_test), y_test))
    return sum(found) / SEEDS


cells = []
print(f"{'task':24s} {'network':13s} {'predicted':>10s} {'linearized':>11s} {'trained':>8s}")
for (task, network), prediction in predictions.items():
    y, y_test = tasks[task]
    value, low, high = prediction.error.at(-1)
    cell = {
        "network": network,
        "task": task,
        "data": data.name,
        "samples": 300,
        "seeds": SEEDS,
        "predicted": value,
        "predicted_low": low,
        "predicted_high": high,
        "linearization": linearization_error(network, x, y, x_test, y_test),
        "trained": trained_error(network, x, y, x_test, y_test),
        "baselines": {"constant": prediction.constant_error, "trace": prediction.trace},
    }
    cells.append(cell)
    print(
        f"{task:24s} {network:13s} {value:10.1%} {cell['linearization']:11.1%} {cell['trained']:8.1%}"
    )

# %% [markdown]
# ## Did it hold?
#
# `Calibration` counts: how the predicted order compares with the order after training, beside predictors that know
# less (the error of a constant; the trace of the kernel, which knows nothing of the labels), and how far the predicted
# errors lay from the measured ones.

# %%
held = Calibration.of(cells, command="this page")
for sentence in held.sentences():
    print("-", sentence)

# %% [markdown]
# That is sixteen cells of one data set, with tasks made to differ: easy to rank. The experiment behind the sentence
# that every prediction carries is `tangentlab run calibration`, on tasks and architectures that nothing was tuned on.
#
# ## Where it must fail
#
# The prediction is of the linearization. Where a network learns features that its initial kernel does not have, it does
# better than that, and no property of the initial kernel tells so. The product of three of twenty signs:

# %%
signs = tl.tasks.parity(3, dimension=20, samples=1000, test_samples=1000, seed=0)
s, s_test = (part.flatten() for part in (signs.y_train, signs.y_test))
before = tl.predict("mlp", signs.x_train, s, task="three-parity", samples=1000, seeds=SEEDS)
after = trained_error(
    "mlp", signs.x_train, s, signs.x_test, s_test, seeds=1, batch_size=32, epochs=60
)
print(before.headline)
print(f"The trained network gets {after:.1%} wrong.")

# %% [markdown]
# So read a bad prediction as "not by its linearization", and a good one as "this little at least".
# [Tutorial 4](04_is_my_fine_tuning_lazy.py) tells afterwards which of the two it was.
#
# ## What this page claims

# %%
order = [ranked.name for ranked in ranking.tasks]
assert order[0] == "a zero" and set(order[-2:]) == {"even, half by a coin", "a coin"}
assert ranking.headline.startswith("Before training: a zero is the easiest task")
assert held.rankings["predicted"].value > 0.75  # the order held
assert held.rankings["predicted"].value > held.rankings["constant"].value + 0.1
assert abs(held.rankings["trace"].value or 0.0) < 0.5
assert held.curve.inside > 0.7  # the measured linearization lies in most of the bands
assert (
    predictions["a coin", "lenet"].sentences[0].startswith(("Cannot tell", "It learns nothing"))
)
assert predictions["below five", "lenet"].sentences[0].startswith("It learns: ")
assert (
    before.error.at(-1)[1] > 0.25 and after < 0.1
)  # features, which no initial kernel foretells
