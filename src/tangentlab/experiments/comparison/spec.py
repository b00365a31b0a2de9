"""What is to be compared, as one checked description: a grid of networks × tasks × sample sizes × seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from numbers import Integral
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tangentlab._errors import ArgumentError, TangentlabError
from tangentlab.experiments.comparison.learners import EVERY_NETWORK, choose_learners
from tangentlab.experiments.machine.compute_device import is_device
from tangentlab.kernels.memory_budget import parse_bytes
from tangentlab.training import Descent


class DescentSpec(BaseModel):
    """A descent without its loss, which the task decides, and without its seed, which the cell decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.05
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    batch_size: int = 32
    epochs: int = 30
    schedule: Literal["linear", "cosine", "one_cycle", "constant"] = "linear"

    def descent(self, *, loss: str, seed: int) -> Descent:
        """The descent of one cell.

        >>> DescentSpec(epochs=3).descent(loss="bce", seed=1).steps(rows=64)
        6
        """
        return Descent(loss=loss, seed=seed, **self.model_dump())


class ComparisonSpec(BaseModel):
    """A comparison of networks with their linearizations; every field has a default that makes a good first run.

    Everything here can change a reading, and nothing else can: how many workers run it is not part of it, and
    the threads a cell computes with are, because rounding depends on them.

    >>> spec = ComparisonSpec.of(networks="mlp:width=8", samples=50, seeds=2)
    >>> spec.networks, spec.samples, spec.seeds
    (('mlp:width=8',), (50,), (0, 1))
    >>> ComparisonSpec.of(epoch=3)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `epoch` must be a field of a comparison, or of its descent, got 3. Did you ...
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    networks: tuple[str, ...] = ("mlp", "lenet")
    """Names of the catalogue with options ("mlp:width=64"), or "package.module:callable"."""
    data: str = "digits"
    """A name of the catalogue or a path."""
    data_path: str | None = None
    """Where the data lie, if not where they are searched for."""
    label: str | None = None
    """The label column, for data in a table."""
    tasks: tuple[str, ...] | None = None
    """What to learn from the data: "group:0-4", "classes", "random:2", ...; None lets the data decide."""
    samples: tuple[int, ...] | None = None
    """Training rows; None lets the data decide."""
    test_samples: int | None = Field(default=None, gt=0)
    """Test rows; None lets the data decide."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Each seed draws its own rows, initial weights and batches. A single number in `of` counts them."""
    learners: tuple[str, ...] = EVERY_NETWORK
    descent: DescentSpec = DescentSpec()
    ridge: Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["leave-one-out"] = 1e-3
    """Ridge of the ridge learners, as a share of the mean diagonal of the kernel, or how each cell chooses it."""
    initialization: str = "lecun"
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of the networks; what is done with a kernel is float64."""
    kernel: Literal["auto", "full", "mean"] = "auto"
    """Kernel of several outputs: every pair of outputs, or their mean; "auto" is full as long as it stays small."""
    end_statistics: Literal["trained", "initial"] = "trained"
    """Statistics that batch normalization is frozen at for the kernel at the trained weights."""
    device: str = "cpu"
    """Where every cell is computed: "cpu", "cuda" or "cuda:1". What is handed over instead of named is moved there."""
    threads: int = Field(default=1, gt=0, le=1024)
    """Threads that one cell computes with."""
    memory: str | None = None
    """What a kernel may take beside itself, such as "2GiB"; None is a fixed share of the machine for each worker."""

    @field_validator("networks", "tasks", "samples", "seeds")
    @classmethod
    def _expect_distinct(cls, values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        if values is None:
            return None
        if not values:
            raise ValueError("at least one entry")
        if len(set(values)) != len(values):
            raise ValueError("without repetitions")
        if any(isinstance(value, int) and value < 0 for value in values):
            raise ValueError("without negative numbers")
        return values

    @field_validator("samples")
    @classmethod
    def _expect_rows(cls, values: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if values and min(values) < 2:
            raise ValueError("at least 2 training rows")
        return values

    @field_validator("memory")
    @classmethod
    def _expect_bytes(cls, words: str | None) -> str | None:
        try:
            if words is not None:
                parse_bytes(words)
        except ArgumentError as error:
            raise ValueError("a number of bytes above 0, in words such as '2GiB'") from error
        return words

    @field_validator("device")
    @classmethod
    def _expect_device(cls, name: str) -> str:
        if not is_device(name):
            raise ValueError("'cpu', 'cuda' or 'cuda:0'")
        return name

    @classmethod
    def of(cls, **fields: Any) -> ComparisonSpec:
        """A spec from loose fields: one value stands for a list of one, `seeds=3` for 0, 1, 2, "all" for five learners.

        Fields that are None keep their default. Fields of the descent may stand beside the others. What is wrong is
        told in one `ArgumentError`.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        descent = dict(_mapping("descent", given.pop("descent", {})))
        descent |= {name: given.pop(name) for name in DescentSpec.model_fields if name in given}
        for name in ("networks", "tasks", "samples"):
            if name in given:
                given[name] = _listed(given[name])
        if "seeds" in given:
            given["seeds"] = _seeds(given["seeds"])
        if "learners" in given:
            given["learners"] = choose_learners(given["learners"])
        try:
            spec = cls(**given, descent=DescentSpec(**descent))
        except ValidationError as error:
            raise _explain(error) from error
        spec.descent.descent(loss="bce", seed=0)  # the ranges of its numbers
        return spec

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain values, without those that are None and a device that is the CPU; `of(**d)` is this
        spec again.

        >>> ComparisonSpec.of(**ComparisonSpec().to_dict()) == ComparisonSpec()
        True
        """
        fields = self.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in fields.items() if (name, value) != ("device", "cpu")}


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple, set, range)) else (value,)


def _seeds(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(value)
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        remedy = "Try seeds=3; seed 0 alone is seeds=1."
        raise ArgumentError("seeds", expected="a positive number of seeds", got=value, remedy=remedy)
    return tuple(range(int(value)))


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, DescentSpec):
        return value.model_dump()
    if not isinstance(value, Mapping):
        raise ArgumentError(
            name, expected="a table of its fields", got=repr(value), remedy="Try descent={'epochs': 30}."
        )
    return value


def _explain(error: ValidationError) -> TangentlabError:
    """What pydantic found, in the words of the package; the first field leads, the others are named."""
    found = error.errors(include_url=False)
    first, others = found[0], sorted({".".join(map(str, e["loc"])) for e in found[1:]})
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        known = [*ComparisonSpec.model_fields, *DescentSpec.model_fields]
        near = get_close_matches(field, known, n=1)
        return ArgumentError(
            field,
            expected="a field of a comparison, or of its descent",
            got=repr(first["input"]),
            remedy=f"Did you mean {near[0]!r}?" if near else f"The fields are {', '.join(known)}.",
        )
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    remedy = f"Check {', '.join(others)} too." if others else "Change it, or leave it out for the default."
    return ArgumentError(
        field, expected=message[:1].lower() + message[1:], got=repr(first["input"]), remedy=remedy
    )
