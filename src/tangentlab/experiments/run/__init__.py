"""Runs: a comparison or a study bound to the store that holds it, called in one line, and what it found."""
