from __future__ import annotations

from dataclasses import replace

from overtile.evaluation.scores import Spread, TaskScores
from overtile.report.story import Story

YOUNG = Story(
    name="run",
    version="1.0",
    created="2026-03-02T10:14:00+00:00",
    finished=False,
    device="CPU",
    label_kind="binary",
    class_names=("background", "object"),
    class_colours=((86, 180, 233),),
    facts=(),
    decisions=(),
    recipe_toml="",
    training_names=("a",),
    validation_names=("b",),
    commands=(),
    headline="rand_error",
    lower_is_better=True,
)


def test_a_run_that_has_just_begun_has_no_steps_and_no_score() -> None:
    assert YOUNG.steps == 0
    assert YOUNG.headline_value is None


def test_steps_are_those_of_the_last_loss() -> None:
    story = replace(YOUNG, losses=((10, 1.0, 0.5, 1e-3), (20, 2.0, 0.4, 1e-3)))
    assert story.steps == 20


def test_the_headline_is_that_of_the_best_step() -> None:
    validations = (
        {"step": 10.0, "seconds": 1.0, "rand_error": 0.1},
        {"step": 20.0, "seconds": 2.0, "rand_error": 0.2},
    )
    story = replace(YOUNG, validations=validations, best_step=10)
    assert story.headline_value == 0.1


def test_scores_of_the_kept_weights_come_before_the_history() -> None:
    scores = TaskScores(
        task="isbi2012",
        convention="",
        headline="rand_error",
        summary={"rand_error": 0.05},
        spread=Spread(mean=0.05, sd=0.0),
        per_image=[],
    )
    assert replace(YOUNG, scores=scores).headline_value == 0.05
