"""The rows a task draws: one row is one input at every sample size."""

import torch

from tangentlab.data import load
from tangentlab.tasks.rows import draw_rows


def test_a_row_is_normalized_alike_at_every_size():
    options = {"test_samples": 100, "seed": 0, "normalize": True}
    small, large = (draw_rows(load("digits"), samples=n, **options) for n in (20, 1000))
    assert torch.equal(small.x_train, large.x_train[:20])
    assert torch.equal(small.labels_train, large.labels_train[:20])


def test_the_source_says_how_many_rows_were_taken():
    rows = draw_rows(load("digits"), samples=None, test_samples=None, seed=3, normalize=False)
    assert (rows.source["samples"], rows.source["test_samples"], rows.source["seed"]) == (1438, 359, 3)
