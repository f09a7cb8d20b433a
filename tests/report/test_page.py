from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from overtile.report import Story, render
from overtile.report.page import MOST_PREDICTIONS, worst_first

StoryMaker: TypeAlias = Callable[..., Story]
PageMaker: TypeAlias = Callable[..., str]
Emptier: TypeAlias = Callable[[Story], Story]


def text_of(page: str) -> str:
    """What a reader sees of a page, and its style sheet."""
    return unescape(re.sub(r"<[^>]*>", "", page))


def test_a_file_name_that_is_not_text_can_be_written(full_story: StoryMaker) -> None:
    page = render(replace(full_story(), training_names=("bad\udcff.tif",)))
    assert "bad?.tif" in page
    assert page.encode()


def test_the_headline_is_told_with_its_meaning(full_story: StoryMaker) -> None:
    story = full_story("binary")
    text = text_of(render(story))
    assert f"{story.headline_value:.3f}" in text
    assert "How wrongly pixels are grouped into objects" in text
    assert "Measured on 3 held-out images" in text
    assert "lower is better" in text


def test_a_run_without_held_out_images_says_so_plainly(
    full_story: StoryMaker, empty: Emptier
) -> None:
    text = text_of(render(empty(full_story())))
    assert "No score: no image was held out" in text
    assert "Measured on" not in text


def test_a_run_not_yet_validated_says_so(full_story: StoryMaker, empty: Emptier) -> None:
    story = empty(full_story())
    text = text_of(render(replace(story, validation_names=("held 0",))))
    assert "1 image is held out, but no validation has run so far" in text


def test_a_run_with_history_but_no_scores_quotes_the_history(full_story: StoryMaker) -> None:
    story = replace(full_story(), scores=None, predictions=())
    text = text_of(render(story))
    assert f"{story.headline_value:.3f}" in text
    assert "There is no score yet" in text


@pytest.mark.parametrize("finished", [True, False])
def test_the_page_says_whether_the_run_is_finished(finished: bool, full_story: StoryMaker) -> None:
    text = text_of(render(replace(full_story(), finished=finished)))
    assert ("not finished" in text) is not finished


def test_what_went_wrong_is_told_at_the_top(full_story: StoryMaker) -> None:
    page = text_of(render(replace(full_story(), warnings=("the loss is flat; try another rate",))))
    assert "Warning: the loss is flat; try another rate." in page
    assert page.index("Warning:") < page.index("What to do next")
    assert "Warning:" not in text_of(render(full_story()))


def test_classes_have_a_legend_and_their_own_pictures(full_page: PageMaker) -> None:
    text = text_of(full_page("classes"))
    assert "nucleus" in text
    assert "truth only" not in text


def test_predictions_are_told_the_worst_first(full_story: StoryMaker) -> None:
    for kind in ("classes", "binary"):
        story = full_story(kind)
        assert [one.name for one in worst_first(story)] == ["held 2", "held 1", "held 0"]


def test_a_prediction_without_a_score_comes_last(full_story: StoryMaker) -> None:
    story = full_story()
    unscored = replace(story.predictions[0], name="unscored", scores={})
    story = replace(story, predictions=[unscored, *story.predictions])
    assert worst_first(story)[-1].name == "unscored"


def test_more_images_than_are_shown_are_counted(full_story: StoryMaker) -> None:
    page = render(full_story(images=MOST_PREDICTIONS + 2))
    assert f"The {MOST_PREDICTIONS} worst of {MOST_PREDICTIONS + 2} images" in page
    assert "held 0" in page


def test_the_convention_of_the_scores_is_told(full_story: StoryMaker) -> None:
    story = full_story()
    assert story.scores is not None
    assert story.scores.convention in text_of(render(story))


def test_commands_decisions_and_recipe_are_told_as_given(full_page: PageMaker) -> None:
    text = text_of(full_page())
    for words in (
        "overtile predict run-7 IMAGES --out DIR",
        "Tiles of 388 px, because memory allows it.",
        'name = "paper"\n',
        "0.65 µm",
        "second.tif",
        "2.3 GB",
        "0.644",  # 29 steps in 45 s
    ):
        assert words in text


def test_the_same_story_gives_the_same_page(full_story: StoryMaker, full_page: PageMaker) -> None:
    assert render(full_story()) == full_page()


def test_even_a_page_of_noise_in_colour_is_below_8_mb(full_story: StoryMaker) -> None:
    story = full_story(shape=(70, 70), channels=3, tile_size=500)
    noise = np.random.default_rng(1).uniform(-1, 1, (3, 700, 700)).astype(np.float32)
    example = story.examples[0]
    one = story.predictions[0]
    story = replace(
        story,
        examples=[replace(example, pixels=noise, labels=grown(example.labels))] * 10,
        weighed=[story.weighed[0]] * 10,
        augmented=[story.augmented[0]] * 10,
        predictions=[
            replace(
                one,
                pixels=noise,
                truth=grown(one.truth),
                predicted=grown(one.predicted),
                foreground=grown(one.foreground),
            )
        ]
        * 10,
    )
    assert len(render(story)) < 8e6


def grown(array: NDArray[Any]) -> NDArray[Any]:
    """Every pixel becomes a square of ten."""
    return array.repeat(10, axis=0).repeat(10, axis=1)
