# %% [markdown]
# # Linearize a network and train it, in two ways
#
# The linearization of a network at weights θ0 is f0(x) + J(x)(θ − θ0): affine in θ, with the network's own gradients
# as features. `tl.linearize` returns it as a module. Trained by gradient descent it never leaves the span of its
# gradients, so the same training can be run on the kernel alone, in function space. This page does both and compares.

# %%
import copy
import math

import torch
from torch import nn

import tangentlab as tl

data = tl.load("digits")
task = tl.tasks.multiclass(
    data, samples=150, test_samples=300, seed=0
)  # ten classes, one output each
x, y = task.x_train.double(), task.y_train.double()
x_test, y_test = task.x_test.double(), task.y_test.double()

torch.manual_seed(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 10)).double()
before = copy.deepcopy(model.state_dict())

# %% [markdown]
# ## A module like any other
#
# It has the names of the network's parameters, so optimizers, parameter groups and `state_dict` work as they do for
# the network. At the anchor it equals the network, and it is affine in its parameters.

# %%
lin = tl.linearize(model)
print([name for name, _ in lin.named_parameters()])
print("equal at the anchor:", torch.equal(lin(x), model(x)))

optimizer = torch.optim.Adam(lin.parameters(), lr=1e-3)
for _ in range(30):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(lin(x), y)
    loss.backward()
    optimizer.step()
print(f"30 steps of Adam: loss {loss.item():.3f}")


def at(fraction):
    """The outputs on the way from the anchor to where Adam went."""
    moved = {
        name: lin.anchor[name] + fraction * (p - lin.anchor[name])
        for name, p in lin.named_parameters()
    }
    return torch.func.functional_call(lin, moved, (x[:5],)).detach()


halfway = (at(0.0) + at(1.0)) / 2
print(f"off the straight line by {float((at(0.5) - halfway).abs().max()):.0e}")

# %% [markdown]
# ## Function space
#
# One description of a descent, two executions: `tl.train` steps the module, `tl.train_function_space` steps the
# coefficients a of δ = Jᵀa on the Gram. Batches, schedule, momentum and weight decay are the same, and so is the
# result, to rounding. Ten outputs need the full kernel, (n, n, 10, 10).

# %%
descent = tl.Descent(
    loss="cross_entropy",
    learning_rate=0.02,
    momentum=0.9,
    batch_size=30,
    epochs=60,
    schedule="cosine",
    seed=0,
)
primal = tl.train(tl.linearize(model), x, y, descent)

kernel = tl.NeuralTangentKernel(model, outputs="full")
K, K_test = kernel(x), kernel(x_test, x)
f0, f0_test = model(x).detach(), model(x_test).detach()
dual = tl.train_function_space(K, f0, y, descent)

with torch.no_grad():
    outputs, outputs_dual = primal.module(x_test), dual.predict(K_test, f0_test)
difference = float((outputs - outputs_dual).norm() / outputs.norm())
print(f"{len(primal.history.loss)} steps; test outputs differ by {difference:.0e}")
print(
    f"distance travelled: {primal.distance:.6f} in parameters, {dual.distance:.6f} in function space"
)

accuracy = float((outputs_dual.argmax(1) == y_test.argmax(1)).double().mean())
network = tl.train(model, x, y, descent)
with torch.no_grad():
    accuracy_network = float(
        (network.module(x_test).argmax(1) == y_test.argmax(1)).double().mean()
    )
print(f"test accuracy: linearization {accuracy:.3f}, network {accuracy_network:.3f}")

# %% [markdown]
# ## How large may the learning rate be?
#
# Along the largest eigenvector of the kernel a step must not overshoot. For squared loss the bound is sharp; for the
# others it holds with the largest curvature their loss can have.

# %%
bound = tl.stable_learning_rate(K, loss="mse")
fates = {}
for factor in (0.9, 1.1):
    plain = tl.Descent(
        loss="mse",
        learning_rate=factor * bound,
        momentum=0.0,
        batch_size=150,
        epochs=400,
        schedule="constant",
    )
    fates[factor] = tl.train_function_space(K, f0, y, plain).history.loss
    print(f"{factor} of the bound: loss {fates[factor][0]:.3g} -> {fates[factor][-1]:.3g}")

# %% [markdown]
# ## The end of training, at once
#
# On squared loss gradient flow has a closed form: any time, up to infinity, where it is kernel regression without a
# ridge. Plain descent with a small rate follows it, at time t = rate × steps.

# %%
flow = tl.GradientFlow().fit(K, y, f0=f0)
steps, rate = 400, 0.02 * bound
slow = tl.Descent(
    loss="mse",
    learning_rate=rate,
    momentum=0.0,
    batch_size=150,
    epochs=steps,
    schedule="constant",
)
followed = tl.train_function_space(K, f0, y, slow).predict(K_test, f0_test)
flowed = flow.predict(K_test, rate * steps, f0_test=f0_test)
print(
    f"descent against flow at t = {rate * steps:.3g}: {float((followed - flowed).norm() / flowed.norm()):.1e}"
)

for t in (0.0, rate * steps, math.inf):
    hits = flow.predict(K_test, t, f0_test=f0_test).argmax(1) == y_test.argmax(1)
    print(f"t = {t:8.3g}: test accuracy {float(hits.double().mean()):.3f}")
ridgeless = tl.KernelRegression(ridge=0.0).fit(K, y, f0=f0).predict(K_test, f0_test=f0_test)

# %% [markdown]
# ## What this page claims

# %%
assert torch.equal(tl.linearize(model)(x), model(x))
assert float((at(0.5) - halfway).abs().max()) < 1e-12  # affine in its parameters
assert difference < 1e-8  # function space equals parameter space
assert abs(primal.distance - dual.distance) < 1e-8 * primal.distance
assert (
    fates[0.9][-1] < fates[0.9][0] and fates[1.1][-1] > 100 * fates[1.1][0]
)  # the bound is sharp
assert float((followed - flowed).norm() / flowed.norm()) < 0.02
at_the_end = flow.predict(K_test, math.inf, f0_test=f0_test)
assert float((at_the_end - ridgeless).norm() / ridgeless.norm()) < 1e-6
assert accuracy > 0.85 and accuracy_network > 0.85
assert all(
    torch.equal(before[name], tensor) for name, tensor in model.state_dict().items()
)  # untouched
