"""The experiments that can be run by name."""

from __future__ import annotations

from collections.abc import Callable

from tangentlab.experiments.compare import compare
from tangentlab.experiments.results import Results

EXPERIMENTS: dict[str, Callable[..., Results]] = {"compare": compare}
"""Name to the function that runs it."""
