# %% [markdown]
# # Ask the papers' questions of your own network
#
# Nothing in this package knows only its own networks. Here is a network that is in no catalogue, and measurements of
# 569 tumours: thirty numbers each, ten properties of the cell nuclei as mean, error and worst value. Of these we ask
# what the papers ask of convolutional networks and images: which tasks are easy for the initial kernel, which
# directions of its inputs the network sees, how training turns the kernel, and which layers do it.

# %%
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

import tangentlab as tl


class Panel(nn.Module):
    """A scale for each input, a layer for each group of ten, and two layers over all of them."""

    def __init__(self, width=16):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(30))
        self.groups = nn.ModuleList(nn.Linear(10, width) for _ in range(3))
        self.mix = nn.Linear(3 * width, 32)
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        parts = (x * self.scale).unflatten(1, (3, 10)).unbind(1)
        h = [nn.functional.gelu(group(part)) for group, part in zip(self.groups, parts)]
        return self.head(nn.functional.gelu(self.mix(torch.cat(h, 1))))


rows, labels = load_breast_cancer(return_X_y=True)
order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
x = torch.tensor(rows)[order].float()
x = (x - x[:400].mean(0)) / x[:400].std(0)  # the first 400 are the train rows
y = torch.tensor(labels)[order].double()

torch.manual_seed(0)
model = Panel()


def accuracy(outputs, targets):
    return float(((outputs > 0).flatten() == (targets > 0).flatten()).double().mean())


# %% [markdown]
# ## Tasks that the kernel itself defines
#
# The eigenvectors of the kernel on all rows, largest eigenvalue first, are functions of the rows. The sign of number j
# is a task of two classes, and j is how hard it is for this kernel: the papers' experiment is whether it is as hard for
# the network. Three learners answer. The linearization descends as long as the network does; kernel regression takes
# the same kernel to the end.

# %%
kernel = tl.NeuralTangentKernel(model, outputs=0, dtype=torch.float64)
gram = kernel.gram(x)
K, K_test = gram.values[:400, :400], gram.values[400:, :400]
f0, f0_test = model(x[:400]).detach(), model(x[400:]).detach()
print(gram.description)

descent = tl.Descent(loss="bce", learning_rate=0.2, momentum=0.9, batch_size=50, epochs=60)
ridge = 0.01 * gram.trace / len(x)
learnt = {}
print(f"{'index':>5s} {'network':>12s} {'linearized':>12s} {'regression':>12s}   test accuracy")
for index in (1, 3, 10, 30, 60):
    task = tl.eigenfunction_task(gram, x, index, train=400)
    trained = tl.train(model, task.x_train, task.y_train, descent).module
    linear = tl.train_function_space(K, f0, task.y_train, descent)
    fit = tl.KernelRegression(ridge=ridge).fit(K, 2 * task.y_train.double() - 1)
    with torch.no_grad():
        answers = (trained(task.x_test), linear.predict(K_test, f0_test), fit.predict(K_test))
    learnt[index] = [accuracy(outputs, task.y_test) for outputs in answers]
    print(f"{index:5d}" + "".join(f" {value:12.3f}" for value in learnt[index]))

# %% [markdown]
# The order of difficulty is the kernel's for all three. What differs is the pace: PyTorch's own initialization makes
# this kernel small, and the linearization, which cannot make it larger, has not got far with the small eigenvalues
# after 480 steps. Regression has, and there the kernel is worth about what the network is. Ask both before you call a
# linearization bad.
#
# ## Directions that the network sees
#
# How fast does the network tell two classes apart that differ along one direction of its inputs? The derivative of the
# outputs in weights *and* inputs knows: its singular vectors are the directions, from those seen first to those seen
# last. It needs no data, only a smooth activation.

# %%
values, directions = tl.anisotropy_directions(model, (30,))
print(
    "squared singular values:", ", ".join(f"{float(v):.4f}" for v in values[[0, 1, 14, 28, 29]])
)
shares = directions.unflatten(1, (3, 10)).square().sum(2)
for k in (0, 29):
    print(
        f"direction {k:2d}: "
        + ", ".join(
            f"{float(share):.0%} {name}"
            for share, name in zip(shares[k], ("means", "errors", "worst"))
        )
    )

gentle = tl.Descent(loss="bce", learning_rate=0.05, momentum=0.9, batch_size=32, epochs=40)
seen = {}
for k in (0, 29):
    task = tl.tasks.anisotropy(
        directions[k], epsilon=0.5, samples=200, test_samples=400, index=k
    )
    state = tl.train(model, task.x_train, task.y_train, gentle)
    with torch.no_grad():
        hits = accuracy(state.module(task.x_test), task.y_test)
    seen[k] = (hits, tl.steps_to_loss(state.history, 0.5, window=6).steps)
    print(
        f"two classes apart along direction {k:2d}: test accuracy {hits:.3f}, "
        f"loss 0.5 after {seen[k][1]} steps"
    )

# %% [markdown]
# Both sets are separable by one hyperplane with the same margin and the same noise. Only the direction differs.
#
# ## How training turns the kernel
#
# Now the task that comes with the data: benign or malignant. `KernelEvolution` watches a training, here or in a loop of
# your own (call it after each step). It reads the kernel on rows that training does not see.

# %%
signs = 2 * y - 1
watch = tl.KernelEvolution(x[400:], signs[400:], outputs=0, dtype=torch.float64)
state = tl.train(model, x[:400], y[:400], gentle, watch=watch)
after = state.module
for reading in watch.readings[:: max(1, len(watch.readings) // 6)]:
    print(
        f"step {reading.step:3d}: turned by {reading.distance.value:.3f}, "
        f"alignment with the labels {reading.alignment.trace_normalized:.3f}, "
        f"weights moved by {reading.relative:.1%}"
    )
turned = watch.column("distance")

# %% [markdown]
# Most of the turning is over within the first tenth of the steps. `kernel_rotation` tells where to: along each
# eigenvector of the initial kernel, how much larger the quotient is than if the kernel had only grown. The labels stand
# beside their neighbours, because even a kernel that turns at random gains on small eigenvectors. The interval is over
# rows, and 169 are few.

# %%
K1 = tl.ntk(after, x, outputs=0, dtype=torch.float64)
rotation = tl.kernel_rotation(
    gram.values[400:, 400:], K1[400:, 400:], target=signs[400:]
).target
print(
    f"towards the labels: {rotation.normalized.value:.2f} times "
    f"({rotation.normalized.low:.2f} to {rotation.normalized.high:.2f}), "
    f"their neighbours {rotation.neighbours:.2f} times"
)

# %% [markdown]
# ## Which layers
#
# A kernel is the sum of its layers' kernels, and so is its alignment with the labels. At the start the head has nearly
# everything. At the end the layers below it carry the kernel; `overfit` is what a layer aligns with on the train rows
# beyond rows held out, with its interval.

# %%
layers = {}
for name, module in (("start", model), ("end", after)):
    layers[name] = tl.layer_shares(
        module, x[:400], signs[:400], held_out=(x[400:], signs[400:])
    )
print(f"{'':10s}{'kernel: start':>14s}{'end':>7s}{'alignment: start':>19s}{'end':>7s}")
for layer, first in layers["start"].items():
    last = layers["end"][layer]
    print(
        f"{layer:10s}{first.kernel.value:14.1%}{last.kernel.value:7.1%}"
        f"{first.alignment.value:19.1%}{last.alignment.value:7.1%}"
    )

# %% [markdown]
# ## A whole experiment of the papers
#
# Everything above was one network at one seed. `tl.study` runs an experiment of the catalogue (`tangentlab list
# experiments`) on what you give it: builders, so that each seed has its own weights, and your arrays, which it splits
# and normalizes. It ends in the paper's claims, judged on your network.

# %%
study = tl.study(
    "eigenfunctions",
    {"panel": Panel},
    data=(rows, labels),
    samples=400,
    test_samples=140,
    seeds=3,
    indices=[1, 3, 10, 30],
    learning_rate=0.2,
    batch_size=50,
    epochs=30,
)
print(study.headline)
for judged in study.claims:
    found = judged.statistic
    value = "nothing to go by" if found is None else f"{found.value:.2f} over {found.n} seeds"
    print(f"  {judged.claim.id}: {judged.verdict} ({value}). {judged.claim.statement}")

# %% [markdown]
# A claim *holds* or *falls* only where its whole interval is on one side of a threshold that was fixed beforehand. Three
# seeds and four tasks seldom suffice; that is what `seeds=10` is for. Keep the records with `out="runs/panel"`: then
# `study.report()` writes the page, and `tangentlab claims runs/panel` prints the table.
#
# ## What this page claims

# %%
network, linearized, regression = zip(*learnt.values())
assert min(network[0], linearized[0], regression[0]) > 0.9  # the first task is easy for all
assert max(network[-1], linearized[-1]) < network[0] - 0.1  # the last is not
assert list(linearized) == sorted(linearized, reverse=True)
assert regression[3] > linearized[3] + 0.05  # the kernel is better than its descent was long
assert values[0] > 10 * values[-1]
assert seen[0][0] > seen[29][0] + 0.1 and seen[0][1] < seen[29][1]  # seen first, learnt first
assert turned[0] == 0 and turned[-1] > 0.3
tenth = watch.column("step").index(min(s for s in watch.column("step") if s >= 48))
assert turned[tenth] > 0.7 * turned[-1]  # kernels turn early
assert rotation.normalized.value > rotation.neighbours
assert layers["start"]["head"].kernel.value > 0.5 > layers["end"]["head"].kernel.value
for shares in layers.values():
    assert abs(sum(layer.alignment.value for layer in shares.values()) - 1) < 1e-12
assert not study.failed and len(study.records) == 3
assert [judged.claim.study for judged in study.claims] == ["eigenfunctions"] * len(study.claims)
