"""Specs as TOML files: written whole, so that a run can be repeated from its file alone."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tangentlab._errors import ArgumentError
from tangentlab.experiments.comparison.spec import ComparisonSpec


def spec_to_toml(spec: ComparisonSpec) -> str:
    """The spec as TOML, one field a line, the descent as a table of its own.

    >>> print(spec_to_toml(ComparisonSpec.of(seeds=2)).splitlines()[0])
    networks = ["mlp", "lenet"]
    """
    fields = spec.to_dict()
    lines = [f"{name} = {_value(value)}" for name, value in fields.items() if not isinstance(value, Mapping)]
    for name, table in fields.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def spec_from_toml(text: str, *, name: str = "spec") -> ComparisonSpec:
    """The spec that a TOML text describes; `name` is what messages call it.

    >>> spec_from_toml(spec_to_toml(ComparisonSpec.of(ridge=0.1))).ridge
    0.1
    """
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ArgumentError(name, expected="valid TOML", got=f"a text where {error}", remedy="Mend it.") from error
    return ComparisonSpec.of(**fields)


def read_spec_file(path: str | Path) -> ComparisonSpec:
    """The spec in a TOML file.

    >>> read_spec_file("no/such.toml")
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `spec` must be a TOML file, got no/such.toml (No such file or directory). ...
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ArgumentError(
            "spec",
            expected="a TOML file",
            got=f"{path} ({why})",
            remedy="Write one with `tangentlab compare --print-spec > spec.toml`.",
        ) from error
    return spec_from_toml(text, name=str(path))


def _value(value: Any) -> str:
    """A TOML value: strings are those of JSON, numbers those of Python."""
    if isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(value)
