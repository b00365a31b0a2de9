# %% [markdown]
# # The kernel of your own model, and what it predicts
#
# Any `nn.Module` has a tangent kernel at its present weights: the Gram matrix of its gradients. It is the kernel with
# which the linearized network learns, so it can be asked, before any training, what a linear learner would make of
# your data. This page takes a convolutional network of our own and 300 handwritten digits.

# %%
import torch
from torch import nn

import tangentlab as tl

data = tl.load("digits")  # arrays of your own: tl.Data.from_arrays(x, y, name="mine")
task = tl.tasks.group(data, "0-4", samples=300, test_samples=500, seed=0)  # 0-4 against 5-9
x, y, x_test, y_test = task.x_train, task.y_train, task.x_test, task.y_test


class Small(nn.Module):
    """Two convolutions, one of them used twice, and a learned temperature."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 12, 3, padding=1)
        self.again = nn.Conv2d(12, 12, 3, padding=1)
        self.readout = nn.Linear(12 * 16, 1)
        self.temperature = nn.Parameter(torch.ones(()))

    def forward(self, x):
        h = torch.relu(self.first(x))
        h = torch.relu(self.again(h)) + torch.relu(self.again(torch.tanh(h)))
        h = nn.functional.avg_pool2d(h, 2)
        return self.readout(h.flatten(1)) * self.temperature


torch.manual_seed(0)
model = Small()

# %% [markdown]
# ## The kernel
#
# `kernel.gram(x)` is the kernel on the training rows, with a description of what it is. The engine takes a rule for
# each layer where the rule reproduces autograd, and a general route for the rest: here the temperature, which belongs
# to no layer. The shared convolution counts with the cross terms of its two uses. `difference` says how far a random
# sub-block is from plain autograd.

# %%
kernel = tl.NeuralTangentKernel(model, outputs=0, dtype=torch.float64)
gram = kernel.gram(x)
K, K_test = gram.values, kernel(x_test, x)
print(gram.description)
print(
    f"shape {tuple(K.shape)}, trace / n {gram.trace / len(x):.3g}, check against autograd {gram.difference:.0e}"
)

# %% [markdown]
# The definition, on one pair of rows:

# %%
reference = Small().double()
reference.load_state_dict(model.state_dict())


def gradient(row):
    f = reference(row[None].double()).squeeze()
    return torch.cat(
        [g.flatten() for g in torch.autograd.grad(f, list(reference.parameters()))]
    )


by_hand = gradient(x[3]) @ gradient(x[7])
print(f"K[3, 7] = {float(K[3, 7]):.6f}, by autograd {float(by_hand):.6f}")

# %% [markdown]
# ## What it predicts
#
# Kernel regression with this kernel is the linearized network trained to the end on squared loss. Its exact
# leave-one-out error picks the ridge without touching the test rows. Targets are ±1, and the regression fits what
# the network's own outputs `f0` leave over.

# %%
signs, signs_test = 2 * y.double() - 1, 2 * y_test.double() - 1
with torch.no_grad():
    f0, f0_test = model(x).double(), model(x_test).double()

scale = gram.trace / len(x)
path = tl.KernelRegression().fit(K, signs, f0=f0).path([scale * 10.0**k for k in range(-5, 2)])
fit = tl.KernelRegression(ridge=path.best_ridge).fit(K, signs, f0=f0)


def accuracy(predicted, target):
    return float(((predicted > 0) == (target > 0)).double().mean())


left_out = accuracy(fit.leave_one_out, signs)
predicted = accuracy(fit.predict(K_test, f0_test=f0_test), signs_test)
print(f"ridge {path.best_ridge / scale:.0e} of the mean diagonal")
print(f"leave-one-out accuracy {left_out:.3f}, test accuracy {predicted:.3f}")

# %% [markdown]
# And the network itself, trained from the same weights:

# %%
descent = tl.Descent(loss="bce", learning_rate=0.05, batch_size=50, epochs=40, seed=0)
trained = tl.train(model, x, y, descent)
with torch.no_grad():
    network = accuracy(trained.module(x_test), signs_test)
print(f"network: test accuracy {network:.3f} after {len(trained.history.loss)} steps")

# %% [markdown]
# ## What it says about a task
#
# The same rows with other labels are another task. Two numbers place it: the alignment of the labels with the
# kernel (large is easy: it is the initial speed of training) and the complexity yᵀK⁻¹y (small is easy: it bounds the
# error). A small complexity makes the alignment large, and not the other way round, so look at both.

# %%
tasks = {
    "0-4 against 5-9": tl.tasks.group(data, "0-4", samples=300, test_samples=500, seed=0),
    "even against odd": tl.tasks.group(
        data, "0,2,4,6,8", samples=300, test_samples=500, seed=0
    ),
    "random labels": tl.tasks.random_labels(
        data, classes=2, samples=300, test_samples=500, seed=0
    ),
}
alignments, complexities = {}, {}
for name, other in tasks.items():
    labels = 2 * other.y_train.double() - 1
    grams = kernel(other.x_train)
    alignments[name] = tl.alignment(grams, labels).trace_normalized
    complexities[name] = tl.complexity(grams, labels).normalized
    print(
        f"{name:18s} alignment {alignments[name]:.4f}   complexity {complexities[name]:10.1f}"
    )

eigenvalues = tl.spectrum(K)
print(
    f"effective rank {eigenvalues.effective_rank:.1f} of {len(x)}; first share {eigenvalues.top_shares[0]:.2f}"
)

# %% [markdown]
# ## What this page claims

# %%
assert abs(float(K[3, 7] - by_hand)) <= 1e-9 * abs(
    float(by_hand)
)  # the kernel is what its name says
assert gram.difference < 1e-9
assert "by layer rules" in gram.description and "1 by " in gram.description
assert predicted > 0.8 and network > 0.8  # both learn
assert abs(left_out - predicted) < 0.06  # leave-one-out foretells the test accuracy
assert min(complexities, key=complexities.get) != "random labels"
assert max(complexities, key=complexities.get) == "random labels"  # hardest of the three
assert min(alignments, key=alignments.get) == "random labels"
assert all(
    torch.equal(a, b)
    for a, b in zip(model.state_dict().values(), reference.float().state_dict().values())
)
