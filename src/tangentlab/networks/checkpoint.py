"""Checkpoints: parameters and buffers of a module on disk, read without running anything that a file may hold."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from tangentlab._errors import DataError
from tangentlab.networks.private_copy import private_copy

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")


def at_checkpoint(module: nn.Module, path: str | Path) -> nn.Module:
    """A copy of `module` with the parameters and buffers of a file: an anchor other than the initial one.

    Reads `.safetensors`, and `.pt`, `.pth` or `.bin` files that hold a state dictionary of tensors and nothing else.
    A dictionary under "state_dict" or "model", and the prefix "module." of a parallel wrapper, are seen through.

    Raises DataError when the file is missing, damaged, or names other parameters than the module's.

    >>> import tempfile
    >>> from safetensors.torch import save_file
    >>> a, b = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_file(a.state_dict(), Path(folder) / "a.safetensors")
    ...     moved = at_checkpoint(b, Path(folder) / "a.safetensors")
    >>> torch.equal(moved.weight, a.weight)
    True
    """
    found = _unwrapped(_read(Path(path)))
    copy = private_copy(module)
    for tensor, own in zip(copy.parameters(), module.parameters()):
        tensor.requires_grad_(own.requires_grad)
    copy.train(module.training)
    own = copy.state_dict()
    missing, unexpected = sorted(set(own) - set(found)), sorted(set(found) - set(own))
    misfits = [name for name in own if name in found and found[name].shape != own[name].shape]
    if missing or unexpected or misfits:
        parts = [
            f"{len(names)} {what} (such as '{names[0]}')"
            for names, what in ((missing, "missing"), (unexpected, "unknown"), (misfits, "of another shape"))
            if names
        ]
        raise DataError(
            f"The checkpoint {path} does not fit {type(module).__name__}: {', '.join(parts)}.",
            remedy="Build the network with the options it was trained with.",
        )
    copy.load_state_dict(found)
    return copy


def _read(path: Path) -> object:
    if path.suffix not in SUFFIXES:
        raise DataError(
            f"The checkpoint {path} is none of {', '.join(SUFFIXES)}.",
            remedy="Save a state dictionary as safetensors.",
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(f"There is no checkpoint {path}.", remedy="Check the path.") from None
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(
            f"The checkpoint {path} cannot be read ({reason[:160]}).", remedy="Save it again; the file is damaged."
        ) from error
    except Exception as error:  # torch refuses pickles of anything but tensors by an error of its own
        raise DataError(
            f"The checkpoint {path} holds more than tensors, which is not read.",
            remedy="Save module.state_dict() alone, best as safetensors.",
        ) from error


def _unwrapped(found: object) -> dict[str, Tensor]:
    while isinstance(found, dict) and not any(isinstance(value, Tensor) for value in found.values()):
        inner = found.get("state_dict", found.get("model"))
        if not isinstance(inner, dict):
            raise DataError("The checkpoint holds no tensors.", remedy="Save module.state_dict().")
        found = inner
    assert isinstance(found, dict)
    return {str(name).removeprefix("module."): value for name, value in found.items() if isinstance(value, Tensor)}
