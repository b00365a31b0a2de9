"""The command `tangentlab`: its subcommands, and how it starts and ends."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, NoReturn

import typer

from tangentlab import __version__
from tangentlab.cli.claims import claims
from tangentlab.cli.compare import compare
from tangentlab.cli.diagnose import diagnose
from tangentlab.cli.doctor import doctor
from tangentlab.cli.exit_codes import exit_code_help
from tangentlab.cli.failures import failures_in_words, termination_as_exit, warnings_in_words
from tangentlab.cli.listing import list_catalogue
from tangentlab.cli.ntk import ntk
from tangentlab.cli.predict import predict
from tangentlab.cli.run import resume, run
from tangentlab.cli.spectrum import spectrum
from tangentlab.cli.store import check, export, report
from tangentlab.cli.tasks import tasks

app = typer.Typer(
    name="tangentlab",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=exit_code_help(),
    context_settings={"help_option_names": ["-h", "--help"]},
)


def help_of(command: Callable[..., object]) -> str:
    """The docstring of a command, a paragraph a line: the width of a help page is the terminal's, not this code's.

    >>> help_of(compare).splitlines()[0]
    'Put networks beside their linearizations: train, linearize, regress, measure, and report.'
    """
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


for command in (
    compare,
    predict,
    diagnose,
    run,
    resume,
    claims,
    report,
    export,
    check,
    ntk,
    spectrum,
    tasks,
    doctor,
):
    app.command(help=help_of(command))(command)
app.command("list")(list_catalogue)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tangentlab {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Put a network beside its own linearization and learn what the linearization says about generalization.

    Start with `tangentlab compare`.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code (see `exit_codes`).

    >>> try:
    ...     main(["--version"])
    ... except SystemExit as end:
    ...     typer.echo(end.code)
    tangentlab ...
    0
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    folder = os.getcwd()  # a network of the user's own is looked for here, as `python -m` does
    if folder not in sys.path:
        sys.path.insert(0, folder)
    with termination_as_exit(), warnings_in_words(), failures_in_words(debug=debug):
        app(args=arguments, prog_name="tangentlab")
    raise SystemExit(0)
