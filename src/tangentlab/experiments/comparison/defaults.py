"""What a comparison takes where its spec leaves the choice to the data."""

from __future__ import annotations

from tangentlab.data import Data
from tangentlab.experiments.comparison.spec import ComparisonSpec

TEN_CLASSES = (
    "group:0-4",
    "group:0,2,4,6,8",
    "group:0,6,8,9",
    "group:0-1,4-5,8-9",
    "group:1,4,7",
    "random:2",
)
"""Six ways to part ten classes in two on the same rows, the last unlearnable: enough tasks to rank them."""

MOST_TEST_ROWS = 1000
MOST_TRAIN_ROWS = 1000


def resolved(spec: ComparisonSpec, data: Data) -> ComparisonSpec:
    """The spec with its open fields filled in for `data`; running it again gives the same cells.

    >>> from tangentlab.data import load
    >>> spec = resolved(ComparisonSpec(), load("digits"))
    >>> spec.samples, spec.test_samples, len(spec.tasks)
    ((100, 300, 1000), 539, 6)
    """
    test = spec.test_samples
    if test is None:
        rows = max(1, 3 * data.n // 10) if data.n_train is None else data.n - data.n_train
        test = min(MOST_TEST_ROWS, rows)
    room = data.n - test if data.n_train is None else data.n_train
    return spec.model_copy(
        update={
            "tasks": default_tasks(len(data.classes)) if spec.tasks is None else spec.tasks,
            "samples": default_samples(room) if spec.samples is None else spec.samples,
            "test_samples": test,
        }
    )


def default_tasks(classes: int) -> tuple[str, ...]:
    """Tasks for data of so many classes: groupings of ten; else all classes, and random labels beside them.

    >>> default_tasks(3)
    ('classes', 'random:3')
    """
    if classes == 10:
        return TEN_CLASSES
    return ("classes", f"random:{classes}") if classes > 1 else ("classes",)


def default_samples(room: int) -> tuple[int, ...]:
    """Three sizes about half a decade apart, the largest 1000 or all rows there are.

    >>> default_samples(60000), default_samples(105)
    ((100, 300, 1000), (10, 31, 105))
    """
    largest = min(room, MOST_TRAIN_ROWS)
    return tuple(sorted({max(2, largest // 10), max(2, 3 * largest // 10), max(2, largest)}))
