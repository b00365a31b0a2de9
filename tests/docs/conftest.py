"""What the tests of the pages share: where they are, and their fenced blocks."""

import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root():
    return ROOT


@pytest.fixture
def blocks():
    """blocks(text, *languages) -> [(line, language, code)] of the fenced blocks, indented ones included."""

    def find(text, *languages):
        fenced = re.finditer(r"^( *)```(\w*)\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
        return [
            (text[: found.start()].count("\n") + 1, found[2], textwrap.dedent(found[3]))
            for found in fenced
            if not languages or found[2] in languages
        ]

    return find
