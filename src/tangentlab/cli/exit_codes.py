"""Exit codes: what a script can rely on."""

from __future__ import annotations

OK, ERROR, USAGE, SOME_FAILED, DAMAGED, REQUEUE = 0, 1, 2, 3, 4, 75
INTERRUPTED, TERMINATED = 130, 143

MEANINGS = {
    OK: "everything asked for was done",
    ERROR: "refused or failed, with one sentence that says why and what to do: bad data, an unknown network, data "
    "set or task, a value out of range, a folder that cannot be written",
    USAGE: "the command line itself is malformed: an unknown option, a number that is none",
    SOME_FAILED: "the grid went through and some of its cells failed; the report names them",
    DAMAGED: "the store holds damaged files; `tangentlab check STORE --repair` removes them",
    REQUEUE: "stopped by SIGUSR1 after the cells that had begun; `tangentlab resume STORE` goes on",
    INTERRUPTED: "stopped by Ctrl-C; finished cells are kept",
    TERMINATED: "stopped by SIGTERM; finished cells are kept",
}
"""Code to meaning."""


def exit_code_help() -> str:
    """The codes as one paragraph for `--help`.

    >>> exit_code_help().startswith("Exit codes: 0 ")
    True
    """
    short = {
        OK: "done",
        ERROR: "error",
        USAGE: "malformed command line",
        SOME_FAILED: "some cells failed",
        DAMAGED: "damaged store",
        REQUEUE: "stopped by SIGUSR1, resume it",
        INTERRUPTED: "Ctrl-C",
        TERMINATED: "SIGTERM",
    }
    return "Exit codes: " + " · ".join(f"{code} {words}" for code, words in short.items()) + "."
