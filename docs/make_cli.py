"""Write docs/cli.md from the command line itself: `python docs/make_cli.py`; a test tells when that is due."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("cli.md")

INTRODUCTION = """\
# The command line

<!-- written by docs/make_cli.py from the commands themselves: change those, then run it again -->

```sh
tangentlab compare                                    # two networks, six tasks, the bundled digits
tangentlab compare --network mlp,vit --task classes --samples 100,500 --seeds 5 --jobs 4 --out runs/mine
tangentlab compare --network my_package.models:build --data my_rows.npz
tangentlab resume runs/mine                           # goes on where it was stopped
tangentlab export runs/mine --format csv
tangentlab doctor --network my_package.models:build   # what would be checked, repaired or refused
```

A run is a folder: the resolved spec, one checked record for each cell, and `report.html`. Whatever stops it, a kill
included, finished cells are kept, and `resume` does the rest. Options that take several values repeat, or take
commas. A builder of your own is named `package.module:callable` and is looked for in the working folder too; it is
called with those of `input_shape`, `outputs`, `seed` and `generator` that it takes.
"""


def page() -> str:
    """The whole page."""
    from typer.main import get_command

    from tangentlab.cli.app import app
    from tangentlab.cli.exit_codes import MEANINGS

    command: Any = get_command(app)
    parts = [INTRODUCTION, "## Exit codes\n", "| code | meaning |\n|---|---|"]
    parts[-1] += (
        "".join(f"\n| {code} | {_cell(meaning)} |" for code, meaning in MEANINGS.items()) + "\n"
    )
    parts.append("## Commands\n")
    for name, sub in command.commands.items():
        parts.append(_command(name, sub))
    return "\n".join(parts)


def _command(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    words = [name, *(_place(a) for a in arguments), "[OPTIONS]"]
    text = [
        f"### {name}\n",
        f"```sh\ntangentlab {' '.join(words)}\n```\n",
        _prose(command.help or ""),
    ]
    told = [f"- `{_place(a)}`: {_prose(a.help)}" for a in arguments if getattr(a, "help", None)]
    if told:
        text.append("\n".join(told) + "\n")
    panels: dict[str, list[str]] = {}
    for option in options:
        names = ", ".join(f"`{n}`" for n in [*option.opts, *option.secondary_opts])
        panel = getattr(option, "rich_help_panel", None) or "Options"
        panels.setdefault(panel, []).append(f"| {names} | {_cell(option.help or '')} |")
    for panel, rows in panels.items():
        text.append(f"| {_cell(panel)} | |\n|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(text)


def _place(argument: Any) -> str:
    """What stands for an argument on a usage line."""
    return str(argument.metavar or argument.name).upper()


def _prose(text: str) -> str:
    """Help as Markdown: lines joined into paragraphs, options as code."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\b", "").replace("\f", "").strip())
    joined = [
        " ".join(line.strip() for line in paragraph.splitlines()) for paragraph in paragraphs
    ]
    return "\n\n".join(_code(paragraph) for paragraph in joined) + (
        "\n" if len(joined) > 1 or text else ""
    )


def _code(text: str) -> str:
    """Options as code and angle brackets as text, outside of what is code already."""
    parts = re.split(r"(`[^`]*`)", re.sub(r"\[/?[a-z]+\]", "", text))
    plain = r"(?<![\w-])(--[a-z][a-z-]*)"
    return "".join(
        part if part.startswith("`") else re.sub(plain, r"`\1`", part.replace("<", "&lt;"))
        for part in parts
    )


def _cell(text: str) -> str:
    return _code(" ".join(text.split())).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
