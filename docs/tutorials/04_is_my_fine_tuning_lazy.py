# %% [markdown]
# # Is my fine-tuning lazy?
#
# Fine-tuning starts near a good point and moves little. If it moves so little that the network stays with its
# linearization at the pretrained weights, training is *lazy*: its result is that of a kernel method, and everything
# about it (leave-one-out errors, influence of examples, the best ridge) follows from one kernel. If not, the network
# learns new features. This page asks a small transformer, for all its parameters and for subsets: its biases, its head,
# and low-rank adapters (LoRA).

# %%
import copy

import torch
from torch import nn
from torch.nn.utils import parametrize

import tangentlab as tl

data = tl.load("digits")


class Reader(nn.Module):
    """Eight rows of an 8 × 8 image as eight tokens through one encoder layer."""

    def __init__(self, outputs):
        super().__init__()
        self.embed = nn.Linear(8, 24)
        self.positions = nn.Parameter(0.5 * torch.randn(8, 24))
        self.encoder = nn.TransformerEncoderLayer(
            24, 2, 48, dropout=0.0, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(24)
        self.head = nn.Linear(24, outputs)

    def forward(self, x):
        tokens = self.embed(x.flatten(1, 2)) + self.positions
        return self.head(self.norm(self.encoder(tokens).mean(1)))


# %% [markdown]
# ## Pretrain on digits 0 to 4, fine-tune on 5, 6 against 7, 8, 9
#
# The new task has its own classes and 80 examples. A fresh head with one output replaces the old one.

# %%
torch.manual_seed(0)
old = tl.tasks.group(data, "0/1/2/3/4", samples=500, test_samples=250, seed=0)
new = tl.tasks.group(data, "5-6/7-9", samples=80, test_samples=250, seed=0)

pretrained = Reader(5)
first = tl.Descent(
    loss="cross_entropy",
    optimizer="adam",
    learning_rate=3e-3,
    momentum=0.9,
    batch_size=50,
    epochs=15,
)
pretrained = tl.train(pretrained, old.x_train, old.y_train, first).module
with torch.no_grad():
    hits = pretrained(old.x_test).argmax(1) == old.y_test.argmax(1)
print(f"pretrained: test accuracy {float(hits.float().mean()):.3f} on digits 0 to 4")

start = Reader(1)
body = {
    name: tensor
    for name, tensor in pretrained.state_dict().items()
    if not name.startswith("head")
}
start.load_state_dict(body, strict=False)
start = start.double().eval()
x, y, x_test, y_test = (
    new.x_train.double(),
    new.y_train.double(),
    new.x_test.double(),
    new.y_test.double(),
)

# %% [markdown]
# ## The question as a measurement
#
# Train the network and its linearization by the same descent, from the same point, on the same batches. Then compare
# what they predict, and how far the kernel has turned between start and end. Nothing here is specific to this model:
# `parameters=` takes names, patterns or a predicate, so adapters or a frozen backbone are subsets like any other.


# %%
def how_lazy(model, *, parameters=None, learning_rate=0.02, epochs=60):
    """One row of the table: accuracies, agreement, turn of the kernel and distance travelled."""
    network = tl.Network(model, parameters=parameters)
    descent = tl.Descent(
        loss="bce", learning_rate=learning_rate, momentum=0.9, batch_size=20, epochs=epochs
    )
    trained = tl.train(network, x, y, descent)

    kernel = tl.NeuralTangentKernel(network, outputs=0)
    K = kernel(x)
    linear = tl.train_function_space(K, network(x), y, descent)

    with torch.no_grad():
        f = trained.module(x_test)
    f_lin = linear.predict(kernel(x_test, x), network(x_test))
    after = tl.ntk(trained.module, x, outputs=0, parameters=list(network.names))
    norm = float(network.space.norm(network.parameters))
    return {
        "network": float(((f > 0) == (y_test > 0)).double().mean()),
        "linearized": float(((f_lin > 0) == (y_test > 0)).double().mean()),
        "agreement": float(((f > 0) == (f_lin > 0)).double().mean()),
        "turn": tl.kernel_distance(K, after),
        "moved": trained.distance / norm if norm else float("inf"),
    }


class Adapter(nn.Module):
    """weight + up · down, two narrow matrices beside a weight that stays; up starts at zero, as is usual."""

    def __init__(self, weight, rank=2):
        super().__init__()
        rows, columns = weight.shape
        self.down = nn.Parameter(torch.randn(rank, columns).to(weight) / columns**0.5)
        self.up = nn.Parameter(torch.zeros(rows, rank).to(weight))

    def forward(self, weight):
        return weight + self.up @ self.down


torch.manual_seed(1)
scratch = Reader(1).double().eval()
adapted = copy.deepcopy(start)
for layer in (adapted.encoder.linear1, adapted.encoder.linear2):
    parametrize.register_parametrization(layer, "weight", Adapter(layer.weight))
adapters = ["*.up", "*.down"]

rows = {
    "pretrained, all": how_lazy(start),
    "the same, 3 epochs": how_lazy(start, epochs=3),
    "pretrained, biases": how_lazy(start, parameters="*bias"),
    "pretrained, head": how_lazy(start, parameters="head.*"),
    "pretrained, adapters": how_lazy(adapted, parameters=adapters),
    "of these, up alone": how_lazy(adapted, parameters="*.up"),
    "from scratch, all": how_lazy(scratch),
}
print(" " * 22 + "".join(f"{name:>12s}" for name in rows["pretrained, all"]))
for name, row in rows.items():
    print(f"{name:22s}" + "".join(f"{value:12.3f}" for value in row.values()))

# %% [markdown]
# ## Reading the table
#
# `turn` is the kernel's, from 0 to 1; `moved` is the distance travelled as a share of where it began (`up` began at 0).
#
# - **The head alone** is linear in its parameters: network and linearization are the same function, and the kernel
#   cannot turn. It also moves farthest. Distance is no measure of laziness.
# - **All parameters** turn the kernel by more than a third of what is possible: this fine-tuning learns features, and
#   a kernel method is not a model of it, even where the accuracies come close. After three epochs it has barely begun
#   to: early training is lazier than late training.
# - **The biases** turn the kernel less than all parameters do, and are also worth less here.
# - **The adapters** are few, 288 of 5,641 numbers, and still not lazy. There is a reason why their linearization is
#   poor: where `up` is zero, the outputs do not move with `down`, so that the tangent at the start sees half of the
#   adapters. The linearization of both is that of `up` alone. Freeze `down`, and what is left stays close to its tangent.
# - Compare networks with their linearizations by what they predict, and say for which parameters, how many steps and
#   which learning rate. One seed is an anecdote: `tl.compare` runs several and gives intervals.

# %% [markdown]
# ## When does it leave the tangent?
#
# `KernelEvolution` watches one training, at steps that get sparser. Pass it as `watch=`, or call it after each step of
# a loop of your own.

# %%
network = tl.Network(adapted, parameters=adapters)
descent = tl.Descent(loss="bce", learning_rate=0.02, momentum=0.9, batch_size=20, epochs=60)
watch = tl.KernelEvolution(x, outputs=0, parameters=adapters)
tl.train(network, x, y, descent, watch=watch)
steps, turned = watch.column("step"), watch.column("distance")
for level in (0.01, 0.1, 0.3):
    at = next(step for step, value in zip(steps, turned) if value >= level)
    print(f"turned by {level} at step {at} of {4 * 60}")

# %% [markdown]
# ## The verdict, and a page
#
# `tl.diagnose` does all of this for one network on one data set: it reads the kernel, states what the linearization
# will reach, trains both, and says *lazy*, *rich* or *in between* with what that rests on. `.report("page.html")`
# writes it with its figures.

# %%
verdicts = {}
for name, subset in (
    ("the head", "head.*"),
    ("the LoRA with down frozen", "*.up"),
    ("the LoRA", adapters),
):
    found = tl.diagnose(
        tl.Network(adapted, parameters=subset),
        x,
        y.flatten(),
        x_test=x_test,
        y_test=y_test.flatten(),
        name=name,
        task="5, 6 against 7, 8, 9",
        descent={"learning_rate": 0.02, "batch_size": 20, "epochs": 60},
    )
    verdicts[name] = found.regime
    print(f"{found.regime}: {found.headline}")
print(*found.sentences, sep="\n")

# %% [markdown]
# ## What this page claims

# %%
everything, short = rows["pretrained, all"], rows["the same, 3 epochs"]
head, biases = rows["pretrained, head"], rows["pretrained, biases"]
assert head["agreement"] == 1.0 and head["turn"] < 1e-12  # linear in its parameters
assert head["moved"] > everything["moved"]
assert everything["turn"] > 0.33
assert short["turn"] < 0.5 * everything["turn"]
assert biases["turn"] < everything["turn"]
assert everything["network"] > 0.9 and everything["network"] > biases["network"]
lora, up = rows["pretrained, adapters"], rows["of these, up alone"]
assert abs(lora["linearized"] - up["linearized"]) < 0.01  # the tangent sees one half
assert up["turn"] < 0.1 < 0.2 < lora["turn"] and lora["network"] > lora["linearized"] + 0.05
assert turned[0] == 0 and turned[-1] > 0.2
assert verdicts["the head"] == "lazy" and verdicts["the LoRA"] == "rich"
