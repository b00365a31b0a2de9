"""Tasks that a network defines, read and written: an index, the network with its options, and the task's own options.

`30,network=lenet,activation=gelu,form=inductive`: what comes after the index is `name=value`; the options of the task
are known by name, and all others are the network's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import nn

from tangentlab._errors import ArgumentError
from tangentlab.networks.catalogue import NETWORKS, build_network


@dataclass(frozen=True)
class NetworkSpec:
    """`index`, a `network` as `build_network` takes it, and the task's `options` as text.

    >>> found = NetworkSpec.read("eigenfunction", "30, width=8,seed=1", options=["seed"])
    >>> found.network, dict(found.options), found.name
    ('mlp:width=8', {'seed': '1'}, 'eigenfunction:30,network=mlp,width=8,seed=1')
    """

    task: str
    index: int
    network: str
    options: Mapping[str, str]

    @staticmethod
    def read(task: str, text: str, *, options: Collection[str], network: str = "mlp") -> NetworkSpec:
        """From what stands behind `task:`; `network` is the one taken where none is named."""
        first, *rest = [part.strip() for part in text.split(",")]
        got = f"{task}:{text}"
        if not first.isdecimal():
            raise refused(got, "an index, counted from 0, before its options", task=task)
        named, found, own = None, {}, []
        for option in rest:
            key, equals, value = (part.strip() for part in option.partition("="))
            if not equals:
                raise refused(got, f"options as name=value, where {option!r} is none", task=task)
            if key == "network":
                named = value
            elif key in options:
                found[key] = value
            else:
                own.append(f"{key}={value}")
        if named is None:
            written = {option.partition("=")[0] for option in own}
            head, _, usual = network.partition(":")
            own = [
                option for option in usual.split(",") if option and option.partition("=")[0] not in written
            ] + own
            named = head
        if own:
            _, more = _parts(named)
            named += ("," if more else ":") + ",".join(own)
        ordered = {name: found[name] for name in options if name in found}
        return NetworkSpec(task, int(first), named, ordered)

    @property
    def name(self) -> str:
        """The one spelling of this task."""
        head, more = _parts(self.network)
        options = [f"{name}={value}" for name, value in self.options.items()]
        return ",".join([f"{self.task}:{self.index}", f"network={head}", *([more] if more else []), *options])

    @property
    def seed(self) -> int | None:
        """The option `seed`, of the network's weights."""
        value = self.options.get("seed")
        if value is not None and not value.isdecimal():
            raise refused(self.name, "a whole number as its seed", task=self.task)
        return None if value is None else int(value)

    def build(self, shape: tuple[int, ...], *, seed: int) -> nn.Module:
        """The network for one output at its initial weights, drawn from its own seed or from the one given.

        >>> NetworkSpec.read("anisotropy", "3,width=4,depth=1", options=[]).build((6,), seed=0).readout.in_features
        4
        """
        return build_network(self.network, shape, outputs=1, seed=seed if self.seed is None else self.seed)


def refused(got: str, expected: str, *, task: str) -> ArgumentError:
    """A spec that cannot be read.

    >>> print(refused("anisotropy:x", "an index", task="anisotropy"))
    `task` must be an index, got 'anisotropy:x'. Write anisotropy:30,network=mlp,width=64.
    """
    return ArgumentError("task", expected=expected, got=repr(got), remedy=f"Write {task}:30,network=mlp,width=64.")


def _parts(network: str) -> tuple[str, str]:
    """The name of a network and its options."""
    head, _, more = network.partition(":")
    if head in NETWORKS or not more:
        return head, more
    path, _, more = more.partition(":")
    return f"{head}:{path}", more
