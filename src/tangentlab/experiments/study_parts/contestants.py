"""One task, learnt from more and more rows by a network and by the kernels of its path.

=================  =====================================================================================
`network`          trained by the unit's descent
`linearization`    f0 + J(θ − θ0), trained by the same descent on the same batches
`initial`          kernel regression with Θ_0
`infinite`         kernel regression with Θ_∞, that of the network as its width grows, where it is known
`after`            kernel regression with Θ_T(n), the kernel after training on the same n rows
`after-constant`   kernel regression with Θ_T(m), the kernel after training on the first m of them
=================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tangentlab._errors import UnknownNameError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.fits import fit_linearization
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.contest import MOST_DOUBLE, Contest, Errors, Round, epochs_on
from tangentlab.experiments.study_parts.ridge_rules import regression_solves
from tangentlab.probes import kernel_distance
from tangentlab.tasks import Task


def _network(on: Round) -> Errors:
    return on.rates(on.end(on.task.x_train), on.end(on.task.x_test)) | {"distance": on.trained.distance}


def _linearization(on: Round) -> Errors:
    descent = on.contest.descent(on.rows)
    fit = fit_linearization(on.part(on.contest.start), on.task, descent, centred=False, name="linearization")
    told = {"warnings": list(fit.warnings)} if fit.warnings else {}
    return on.rates(fit.train_outputs, fit.test_outputs) | told


def _initial(on: Round) -> Errors:
    return on.regress(on.contest.start.gram.values, on.contest.start.cross)


def _infinite(on: Round) -> Errors:
    return on.regress(*on.contest.infinite)


def _after(on: Round) -> Errors:
    end, start = on.contest.anchor(on.end, on.task), on.part(on.contest.start)
    found = on.regress(end.gram.values, end.cross)
    return found | {"kernel_distance": kernel_distance(start.gram.values, end.gram.values)}


def _after_constant(on: Round) -> Errors | None:
    if on.contest.unit["constant_samples"] > on.rows:
        return None
    return on.regress(on.contest.constant.gram.values, on.contest.constant.cross)


CONTESTANTS: dict[str, Callable[[Round], Errors | None]] = {
    "network": _network,
    "linearization": _linearization,
    "initial": _initial,
    "infinite": _infinite,
    "after": _after,
    "after-constant": _after_constant,
}
"""Name to what it finds, in the order in which learners are told; None where it does not apply."""


def contest_of(unit: StudyUnit, sources: Sources, task: Task) -> Findings:
    """Errors of the unit's `learners` on its `samples` of a task's rows; kernels regress under both ridge rules.

    Readings: `task`, `classes`, `test_rows`, `constant_rows`, and `points`, one for each number of rows: `rows`,
    `epochs` and under `learners` the errors of each (of `kernel_errors` for kernels, `error_rates` for the others).
    """
    return findings_of(Contest.of(unit, sources, task))


def findings_of(contest: Contest) -> Findings:
    """Those of `contest_of`, of a contest that is then still there, with its kernels."""
    unit, task = contest.unit, contest.task
    for name in unit["learners"]:
        if name not in CONTESTANTS:
            raise UnknownNameError("learners", name, CONTESTANTS)
    clock, points, warnings = Clock(), [], []
    wanted = {name: find for name, find in CONTESTANTS.items() if name in unit["learners"]}
    if "infinite" in wanted and isinstance(contest.closed_form, str):
        warnings.append(f"The learner 'infinite' is left out. {contest.closed_form}")
        del wanted["infinite"]
    for rows in sorted({min(n, len(task.x_train)) for n in unit["samples"]}):
        on, found = Round(contest, rows), {}
        for name, find in wanted.items():
            with clock.part(name):
                errors = find(on)
            if errors is not None:
                warnings += errors.pop("warnings", [])
                found[name] = errors
        points.append({"rows": rows, "epochs": contest.descent(rows).epochs, "learners": found})
    readings = {
        "task": task.name,
        "classes": list(task.classes),
        "test_rows": len(task.x_test),
        "constant_rows": unit["constant_samples"],
        "points": points,
        "warnings": list(dict.fromkeys(warnings)),
    }
    return Findings(readings, clock.seconds)


def contest_work(settings: Mapping[str, Any]) -> Work:
    """What a unit computes: kernels at each anchor, descents of the network, and factorizations for the ridges."""
    learners, batch, few = set(settings["learners"]), settings["batch_size"], settings["constant_samples"]
    most, m = max(settings["samples"]), settings["test_samples"]
    shared = bool(learners & {"initial", "linearization", "after"}) + ("after-constant" in learners)
    work = Work(
        kernels=((most, most), (m, most)) * shared,
        double=most <= MOST_DOUBLE,
        infinite=((most, most), (m, most)) if "infinite" in learners else (),
        most_covariances=settings["most_covariances"],
        outputs=(most + m) * shared,
        shape=() if settings["data"] else (settings["dimension"],),
    )
    if "after-constant" in learners:
        work += Work(descents=((steps_of(few, batch=batch, epochs=epochs_on(settings, samples=few)), batch),))
    for n in settings["samples"]:
        steps = steps_of(n, batch=batch, epochs=epochs_on(settings, samples=n))
        told = ["initial", "after", "after-constant"] if n >= few else ["initial", "after"]
        work += Work(
            kernels=((n, n), (m, n)) if "after" in learners else (),
            outputs=(n + m) * len(learners & {"network", "after"}),
            descents=((steps, batch),) if learners & {"network", "after"} else (),
            span=((steps, batch, n),) if "linearization" in learners else (),
            eigenpairs=((n, 1),) if "linearization" in learners else (),
            solves=regression_solves(n, double=most <= MOST_DOUBLE) * len(learners & {*told}),
            infinite_solves=regression_solves(n, double=True) if "infinite" in learners else (),
        )
    return work
