"""What pages say can be done can be done: code runs, links lead somewhere, targets and commands exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
RUNNING = [path for path in PAGES if "```python" in path.read_text() and path.name != "README.md"]


def of(pages):
    return pytest.mark.parametrize("path", pages, ids=lambda path: path.stem)


def test_pages_with_code_are_found():
    assert {path.stem for path in RUNNING} >= {"which_kernel", "how_to_choose", "how_to_add"}


@of(RUNNING)
def test_python_blocks_run_in_order_in_one_namespace(path, blocks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": path.stem}
    for line, _, code in blocks(path.read_text(), "python"):
        exec(compile("\n" * line + code, str(path), "exec"), names)


@of(PAGES)
def test_relative_links_lead_to_files_and_headings(path, blocks):
    text = path.read_text()
    for _, _, code in blocks(text):
        text = text.replace(code, "")
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:src|srcset)=\"([^\"]+)\"", text)
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        file = (path.parent / place).resolve() if place else path
        found = next((f for f in (file, file.with_suffix(".md"), file.with_suffix(".py")) if f.exists()), None)
        assert found, f"{path.name} links to {target}"
        assert found.is_relative_to(ROOT)
        if anchor:
            assert anchor in {anchor_of(h) for h in re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)}, (
                target
            )


def anchor_of(heading):
    """As GitHub makes them."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@of(PAGES)
def test_make_targets_exist(path):
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE))
    assert named <= rules


@of(PAGES)
def test_commands_and_their_options_exist(path, blocks):
    from typer.main import get_command

    from tangentlab.cli.app import app

    commands = get_command(app).commands
    text = path.read_text()
    lines = [line for _, _, code in blocks(text, "sh", "text") for line in code.splitlines()]
    lines += re.findall(r"`(tangentlab [^`\n]+)`", text)
    told = [line.split("#")[0].split() for line in lines if line.startswith("tangentlab ")]
    for words in told:
        name, *rest = words[1:]
        assert name in commands, " ".join(words)
        known = {o for parameter in commands[name].params for o in [*parameter.opts, *parameter.secondary_opts]}
        for option in [word.partition("=")[0] for word in rest if word.startswith("-")]:
            assert option in known, " ".join(words)


@of(PAGES)
def test_public_names_that_pages_call_exist(path):
    import tangentlab as tl

    for dotted in set(re.findall(r"\btl\.([A-Za-z_][\w.]*[A-Za-z_])\b", path.read_text())):
        value = tl
        for part in dotted.split("."):
            value = getattr(value, part)


def test_the_page_of_the_command_line_is_up_to_date():
    import importlib.util

    script = importlib.util.spec_from_file_location("make_cli", ROOT / "docs" / "make_cli.py")
    make_cli = importlib.util.module_from_spec(script)
    script.loader.exec_module(make_cli)
    assert make_cli.page() == (ROOT / "docs" / "cli.md").read_text(), "run: python docs/make_cli.py"
