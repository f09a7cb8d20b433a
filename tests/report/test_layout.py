from __future__ import annotations

from collections.abc import Callable

from overtile.report import Story
from overtile.report.layout import fill, score_rows

StoryMaker = Callable[..., Story]


def test_mean_and_sd_are_over_images(full_story: StoryMaker) -> None:
    scores = full_story().scores
    assert scores is not None
    row = score_rows(scores)[0]
    assert row.mean == f"{scores.spread.mean:.3f}"
    assert row.sd == f"{scores.spread.sd:.3f}"
    assert score_rows(full_story(images=1).scores or scores)[0].sd == ""


def test_a_file_name_that_is_no_text_does_not_stop_a_page() -> None:
    assert fill("page.css", story="\udcff").encode()
