"""What a study will take is forecast from counts of its work and a few measured seconds."""

from dataclasses import replace

from tangentlab.experiments import STUDIES, named_sources
from tangentlab.experiments.run.study_run import units_of
from tangentlab.experiments.study.forecast import StudyForecast, forecast_study
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

    little, much = seconds(Work(solves=(1000,))), seconds(Work(solves=(10_000,), steps=100_000))
    assert much > 100 * little


def test_a_study_that_does_not_say_has_no_forecast():
    cells, sources = units(seeds=1)
    found = forecast_study(replace(STUDIES["spectrum"], work=None), cells, sources)
    assert found == StudyForecast(units=1, seconds=0.0, longest=0.0, known=False)


def test_steps_drop_the_incomplete_batch():
    assert steps_of(1000, batch=128, epochs=2) == 14
    assert steps_of(50, batch=128, epochs=2) == 2
