"""The experiments that can be run by name."""

from __future__ import annotations

from collections.abc import Callable

from tangentlab.experiments.run.compare import compare
from tangentlab.experiments.run.comparison_results import Results

EXPERIMENTS: dict[str, Callable[..., Results]] = {"compare": compare}
"""Name to the function that runs it."""
