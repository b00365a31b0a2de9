"""What a study will take is forecast from counts of its work and a few measured seconds."""

from dataclasses import replace

from tangentlab.experiments import STUDIES, named_sources
from tangentlab.experiments.run.study_run import units_of
from tangentlab.experiments.study.forecast import StudyForecast, forecast_study
from tangentlab.experiments.study.network_rates import NetworkRates
from tangentlab.experiments.study.rates import Algebra, Growth
from tangentlab.experiments.study.work import Work, steps_of


def units(**given):
    study = STUDIES["spectrum"]
    settings = study.settings("small", data="digits", networks=["mlp:width=8"], samples=100, **given)
    return units_of(study, settings, named_sources(settings)), named_sources(settings)


def test_more_units_take_more_time_and_more_workers_less():
    cells, sources = units(seeds=4)
    found = forecast_study(STUDIES["spectrum"], cells, sources)
    assert found.known
    assert 0 < found.longest < found.seconds
    assert found.longest <= found.elapsed(jobs=4) < found.elapsed(jobs=1) == found.seconds


def test_what_a_unit_computes_weighs_by_its_counts():
    cells, sources = units(seeds=1)

    def seconds(work):
        return forecast_study(replace(STUDIES["spectrum"], work=lambda _: work), cells, sources).seconds

    little, much = seconds(Work(solves=(1000,))), seconds(Work(solves=(10_000,), descents=((100_000, 32),)))
    assert much > 50 * little


def test_every_study_is_forecast_at_every_scale_it_counts():
    """Counts alone, without a measurement: they are of the network's kinds, positive, and larger at larger scales."""
    for name, study in STUDIES.items():
        sums = []
        for scale in ("small", "full"):
            settings = study.settings(scale)
            work = [study.work(unit) for unit in study.units(settings)]
            assert all(
                n > 0 and m > 0 for each in work for n, m in (*each.kernels, *each.infinite, *each.eigenpairs)
            )
            assert all(steps > 0 and batch > 0 for each in work for steps, batch in each.descents)
            sums.append(sum(n * m for each in work for n, m in each.kernels))
        assert 0 < sums[0] <= sums[1], name


def test_rows_and_precision_are_those_of_the_units_kernels():
    study = STUDIES["freeze"]
    settings = study.settings("small", data="digits", dimension=7, samples=100, networks=["mlp:width=4"])
    found = {unit["task"]: study.work(unit) for unit in study.units(settings)}
    assert (found["parity"].shape, found["halves"].shape) == ((7,), ())
    assert found["parity"].double
    cells = units_of(study, settings, named_sources(settings))
    for unit in cells[:2]:
        rates = NetworkRates.measured(unit, named_sources(settings), study.work(unit.settings))
        assert rates.plan.dtype == "float64"
        assert tuple(rates.x.shape[1:]) == ((7,) if unit["task"] == "parity" else (1, 8, 8))
        assert rates.covers(found["parity"])
        assert not rates.covers(Work(descents=((1, 9),)))


def test_kernels_cost_by_pairs_and_rows_and_half_where_they_are_symmetric():
    cells, sources = units(seeds=1)
    rates = NetworkRates.measured(cells[0], sources, Work(kernels=((100, 100),)))
    plan = replace(
        rates.plan, block=10, kept_blocks=10**6, check_seconds=5.0, row_seconds=1.0, pair_seconds=2.0, pairs=1
    )
    plan = replace(plan, seconds=5.0 + plan.rows_made + 2.0)  # nothing for writing
    known = replace(rates, plan=plan)
    assert known.kernel(20, 10) == 5.0 + 30 + 2.0 * 200
    assert known.kernel(20, 20) == 5.0 + 20 + 2.0 * 300  # three of four tiles of 10 rows


def test_infinite_width_is_counted_where_it_has_a_closed_form_within_bounds():
    study = STUDIES["width-scaling"]
    settings = study.settings("small", data="digits", samples=[20, 40], test_samples=20, widths=[8])
    (unit, *_), sources = units_of(study, settings, named_sources(settings)), named_sources(settings)
    work = study.work(unit.settings)
    rates, algebra = NetworkRates.measured(unit, sources, work), Algebra(*(Growth(0.0, 0.0),) * 2, 0.0, 0.0, 0.0)
    only = Work(infinite=work.infinite, most_covariances=work.most_covariances)
    assert rates.seconds(only, algebra) > 0.0
    assert rates.seconds(replace(only, most_covariances=10), algebra) == 0.0


def test_a_study_that_does_not_say_has_no_forecast():
    cells, sources = units(seeds=1)
    found = forecast_study(replace(STUDIES["spectrum"], work=None), cells, sources)
    assert found == StudyForecast(units=1, seconds=0.0, longest=0.0, known=False)


def test_steps_drop_the_incomplete_batch():
    assert steps_of(1000, batch=128, epochs=2) == 14
    assert steps_of(50, batch=128, epochs=2) == 2
