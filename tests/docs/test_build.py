"""The pages build without a warning, and none is left out."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_sphinx_builds_every_page_with_warnings_as_errors(tmp_path):
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "-q",
        "docs",
        str(tmp_path / "html"),
        "-d",
        str(tmp_path / "trees"),
    ]
    environment = os.environ | {"TUTORIAL_OUTPUTS": "0"}  # they run in a test of their own
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    tutorials = {f"tutorials/{path.stem}" for path in (ROOT / "docs" / "tutorials").glob("*.py")}
    for page in pages | tutorials:
        assert (tmp_path / "html" / f"{page}.html").is_file()
    told = (tmp_path / "html" / "tutorials" / "01_kernel_of_your_model.html").read_text()
    assert "%%" not in re.sub(r"<script.*?</script>", "", told, flags=re.DOTALL)


def test_every_public_name_is_on_the_reference_page():
    import tangentlab as tl

    text = (ROOT / "docs" / "api.md").read_text()
    for name in tl.__all__:
        if name not in ("tasks", "TangentlabError"):
            assert re.search(rf"auto(class|function):: {name}$", text, re.MULTILINE), name
