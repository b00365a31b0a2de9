"""Every measured figure that the README and docs/ quote, written into them from benchmarks/results/ and nothing else.

A page holds places, `<!-- measured: NAME -->` to `<!-- end -->`, of which this command writes the inside. A test tells
when that is due, and when a place has a name that nobody writes.

    python benchmarks/quoted_figures.py            # rewrite the places
    python benchmarks/quoted_figures.py --check    # exit 1 if one would change
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import kernel_table
from kept_results import HERE, RESULTS, Kept, made, read, with_quartiles

ROOT = HERE.parent
AVX2 = RESULTS / "avx2"
"""What was measured on a processor whose registers have 256 bits: `--results benchmarks/results/avx2`."""
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PLACE = re.compile(r"(<!-- measured: ([\w-]+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def growth(results: Path = RESULTS) -> str:
    kept = read("any_n", results=results)
    rows = [
        [
            f"{one['n']:,}",
            _s(one["seconds"]),
            f"{one['seconds']['median'] / one['limit']:.1f}",
            _gib(one["peak_bytes"]),
        ]
        for one in kept["sizes"]
    ]
    lines = _table(["rows", "seconds", "times the limit", "GiB"], rows)
    steps = [f"{slope:.2f}" for slope in _slopes(kept)]
    return (
        f"{lines}\n\nSeconds grow as n to the power {kept['exponent']:.2f} from the first size to the last, and "
        f"{', '.join(steps)} from each to the next. {made(kept)}"
    )


def sixty_thousand(results: Path = RESULTS) -> str:
    runs = read("sixty_thousand", results=results)["runs"]
    rows = []
    for run in runs:
        kernel, pairs = run["kernel"], run["eigenpairs"]
        rows.append(
            [
                {"memory": "packed in memory", "disk": "tiles on disk"}[run["where"]],
                f"{run['rows']:,}",
                f"{kernel['seconds']:.0f}",
                f"{kernel['seconds'] / kernel['limit']:.1f}",
                f"{run['pairs']:,}",
                f"{pairs['seconds']:.0f}",
                f"{pairs['seconds'] / pairs['limit']:.1f}",
                f"{pairs['largest residual']:.0e}",
                _gib(pairs["peak_bytes"]),
            ]
        )
    head = ["kernel", "rows", "seconds", "times the limit", "eigenpairs", "seconds more", "times the limit"]
    share = 100 * min(run["eigenpairs"]["share of trace"] for run in runs)
    return (
        f"{_table([*head, 'largest residual / λ_1', 'GiB'], rows)}\n\nThe pairs hold {share:.1f}% of the trace. "
        f"{made(*runs)}"
    )


def sixty_thousand_in_words(results: Path = RESULTS) -> str:
    runs = {run["where"]: run for run in read("sixty_thousand", results=results)["runs"]}
    said = {
        where: f"{run['kernel']['seconds']:.0f} s, its first {run['pairs']:,} eigenpairs "
        f"{run['eigenpairs']['seconds']:.0f} s more, within {_gib(run['eigenpairs']['peak_bytes'])} GiB"
        for where, run in runs.items()
    }
    n, threads = runs["memory"]["rows"], runs["memory"]["stamp"]["machine"]["threads"]
    return (
        f"Measured with {threads} threads: the kernel of a LeNet on {n:,} images took {said['memory']}; "
        f"in a store on disk {said['disk']}."
    )


def little_memory(results: Path = RESULTS) -> str:
    kept = read("little_memory", results=results)
    return (
        f'{kept["rows"]:,} rows into a store with `memory="{kept["budget"]}"`: {kept["seconds"]:.1f} s, and the '
        f"largest resident set of the process was {kept['peak_bytes'] / 2**20:.0f} MiB, {kept['share']:.2f} of the "
        f"budget. {made(kept)}"
    )


def two_workers(results: Path = RESULTS) -> str:
    kept = read("two_workers", results=results)
    differ = {name: store["tiles that differ"] for name, store in kept["stores"].items()}
    times = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in kept["seconds"].items())
    return (
        f"Of {kept['tiles']} tiles on {kept['rows']:,} rows, {differ['two workers']} differ in a byte between one "
        f"process and two workers, and {differ['two workers, one killed']} where one of the two is killed half-way "
        f"({times}). {made(kept)}"
    )


def forecasts(results: Path = RESULTS) -> str:
    runs = read("plan_forecast", results=results)["runs"]
    rows = [
        [
            run["title"],
            f"{run['rows']:,}",
            f"{run['s forecast']['median']:.2f}",
            f"{run['s']['median']:.2f}",
            f"{run['s ratio']['median']:.2f}",
            f"{run['bytes forecast']['median'] / 2**20:,.0f}",
            f"{run['bytes']['median'] / 2**20:,.0f}",
            f"{run['bytes ratio']['median']:.2f}",
        ]
        for run in runs
    ]
    head = ["kernel", "rows", "s forecast", "s", "ratio", "MiB forecast", "MiB", "ratio"]
    return f"{_table(head, rows)}\n\n{made(*runs)}"


def function_space(results: Path = RESULTS) -> str:
    kept = read("function_space", results=results)
    problem, primal, ways = kept["problem"], kept["parameter space"], kept["function space"]
    rows = [["parameter space", f"~{primal['seconds']:,.0f}", "", ""]]
    rows += [
        [
            f"function space, {name} products",
            _s(way["seconds"]),
            f"{way['ratio']:.0f}",
            f"{way['ratio with kernel']:.0f}",
        ]
        for name, way in ways.items()
    ]
    lines = _table(["", "seconds", "times faster", "with the kernel counted"], rows)
    said = []
    for name, found in kept["difference from parameter space"].items():
        single = found["float32"]
        kinks, rest = single["rows at a kink"], single["largest without rows at a kink"]
        without = f", {rest:.0e} without the {kinks} at a kink" if kinks else ""
        said.append(f"{name}: {single['largest']:.0e}{without}")
    return (
        f"{problem['tasks']} tasks on {problem['rows']:,} rows of {problem['data']}, {problem['epochs']} epochs; "
        f"~ from {primal['timed steps']} steps of {1e3 * primal['step']['median']:.0f} ms.\n\n{lines}\n\n"
        "Largest difference of the trained outputs from those of parameter space, both in float32, over the largest "
        f"output: {'; '.join(said)}. {made(kept)}"
    )


def function_space_in_words(results: Path = RESULTS) -> str:
    kept = read("function_space", results=results)
    single, double = kept["function space"]["float32"], kept["function space"]["float64"]
    return (
        f"For {kept['problem']['tasks']} tasks on {kept['problem']['rows']:,} rows this is {single['ratio']:.0f} times "
        "as fast as parameter space with float32 products, whose outputs differ by "
        f"{kept['float32 against float64 products']:.0e} from those with float64 products, and {double['ratio']:.0f} "
        "times with these ([measured](measured.md#function-space))."
    )


def steps(results: Path = RESULTS) -> str:
    kept = read("linearized_step", results=results)
    rows = [
        [name, f"{one['rows']}", _ms(one["network"]), _ms(one["linearization"]), with_quartiles(one["ratio"])]
        for name, one in kept["networks"].items()
    ]
    head = ["network", "rows", "its step, ms", "the linearization's, ms", "ratio, with quartiles"]
    return f"{_table(head, rows)}\n\n{made(kept)}"


def many_runs(results: Path = RESULTS) -> str:
    kept = read("many_runs", results=results)
    rows = [
        [
            one["network"],
            f"{one['parameters']:,}",
            f"{one['batch']}",
            _ms(one["one by one"]),
            _ms(one["stacked"]),
            with_quartiles(one["ratio"]),
        ]
        for one in kept["networks"]
    ]
    head = ["network", "parameters", "batch", "one by one, ms", "stacked, ms", "times faster, with quartiles"]
    return f"{kept['runs']} runs at once, a step of all of them.\n\n{_table(head, rows)}\n\n{made(kept)}"


def top_eigenpairs(results: Path = RESULTS) -> str:
    runs = sorted(read("top_eigenpairs", results=results)["runs"], key=lambda run: (run["data"], run["dtype"]))
    rows = [
        [
            run["data"],
            run["dtype"],
            f"{run['rows']:,}",
            f"{run['k']:,}",
            _s(run["own"]["seconds"]),
            _s(run["eigsh"]["seconds"]),
            f"{run['ratio']['median']:.1f}",
            f"{run['own']['residuals']['largest']:.0e}",
            f"{run['eigsh']['residuals']['largest']:.0e}",
        ]
        for run in runs
    ]
    head = [
        "data",
        "",
        "rows",
        "pairs",
        "seconds",
        "`eigsh`, s",
        "times faster",
        "largest residual / λ_1",
        "`eigsh`'s",
    ]
    return f"{_table(head, rows)}\n\n{made(*runs)}"


def low_rank(results: Path = RESULTS) -> str:
    kept = read("low_rank", results=results)
    rows = [
        [
            name,
            f"{case['rows']:,}",
            f"{case['k']}",
            *(
                f"{case['left'][method][what]:.2g}"
                for what in ("rank k", "4 k columns")
                for method in ("pivoted Cholesky", "uniform Nyström")
            ),
            f"{case['iterations']['plain']} / {case['iterations']['with it']}",
        ]
        for name, case in kept["cases"].items()
    ]
    head = ["kernel", "rows", "k", "rank k: pivoted", "uniform", "4 k columns: pivoted", "uniform"]
    return f"{_table([*head, 'iterations without / with it'], rows)}\n\n{made(kept)}"


FIGURES: dict[str, Callable[[], str]] = {
    "kernels": kernel_table.table,
    "growth": growth,
    "sixty-thousand": sixty_thousand,
    "sixty-thousand-in-words": sixty_thousand_in_words,
    "little-memory": little_memory,
    "two-workers": two_workers,
    "forecasts": forecasts,
    "function-space": function_space,
    "function-space-in-words": function_space_in_words,
    "steps": steps,
    "many-runs": many_runs,
    "top-eigenpairs": top_eigenpairs,
    "low-rank": low_rank,
    **{
        f"{name}-avx2": partial(figure, AVX2)
        for name, figure in {
            "kernels": kernel_table.table,
            "growth": growth,
            "forecasts": forecasts,
            "little-memory": little_memory,
            "two-workers": two_workers,
            "function-space": function_space,
            "steps": steps,
            "top-eigenpairs": top_eigenpairs,
        }.items()
    },
}


def written(text: str) -> str:
    """A page with its places as the results are now."""
    return PLACE.sub(lambda found: f"{found[1]}\n{FIGURES[found[2]]()}\n\n{found[3]}", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    due = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if (new := written(text)) != text:
            due.append(page.name)
            if not options.check:
                page.write_text(new, encoding="utf-8")
    if options.check and due:
        sys.exit(f"other figures than are kept: {', '.join(due)}; run benchmarks/quoted_figures.py")


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _slopes(kept: Kept) -> list[float]:
    from any_n import slope

    return [slope(a, b) for a, b in zip(kept["sizes"], kept["sizes"][1:])]


def _s(seconds: Kept) -> str:
    return f"{seconds['median']:.2f}"


def _ms(seconds: Kept) -> str:
    return f"{1e3 * seconds['median']:.2f}"


def _gib(count: float) -> str:
    return f"{count / 2**30:.1f}"


if __name__ == "__main__":
    main()
