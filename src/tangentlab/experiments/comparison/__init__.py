"""A comparison: its spec, the learners it sets side by side, the grid of its cells, and one cell, computed."""
