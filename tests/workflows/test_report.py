from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from overtile.errors import ImageError, OvertileError, RecordError
from overtile.records import write_record
from overtile.report import Story
from overtile.training.run import HISTORY_NAME, RECORD_NAME, RunFolder
from overtile.training.validation import worth
from overtile.workflows import report as reporting
from overtile.workflows.report import report_run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """The trained run, to be changed, in a folder whose name a shell would split."""
    return shutil.copytree(trained, tmp_path / "my run")


@pytest.fixture
def stories(monkeypatch: pytest.MonkeyPatch) -> list[Story]:
    """What would be told on a page, instead of the page."""
    told: list[Story] = []

    def note(story: Story) -> str:
        told.append(story)
        return "page"

    monkeypatch.setattr(reporting, "render", note)
    return told


def test_training_leaves_the_page(trained: Path) -> None:
    page = (trained / "report.html").read_text("utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "cell2.tif" in page


def test_the_page_is_written_again_from_the_run_folder(run: Path, stories: list[Story]) -> None:
    page = report_run(run)
    assert page == run / "report.html"
    assert page.read_text("utf-8") == "page"


def test_the_story_is_that_of_record_and_history(run: Path, stories: list[Story]) -> None:
    report_run(run)
    (story,) = stories
    record, history = RunFolder(run).record(), RunFolder(run).history()
    assert (story.name, story.finished) == ("my run", True)
    assert (story.facts, story.decisions) == (
        record.facts,
        (*record.decisions, *history.late_decisions),
    )
    assert story.losses == tuple(entry[:4] for entry in history.losses)
    assert (story.warnings, story.best_step) == (history.warnings, history.best_step)
    assert 'name = "tiny"' in story.recipe_toml
    assert story.parameters > 100


def test_scores_are_those_of_the_best_model(run: Path, stories: list[Story]) -> None:
    report_run(run)
    scores = stories[0].scores
    assert scores is not None
    history = RunFolder(run).history()
    assert worth(scores.summary) == pytest.approx(history.best)
    assert [one.name for one in stories[0].predictions] == ["cell2.tif"]


def test_examples_and_tiles_are_of_training_images(run: Path, stories: list[Story]) -> None:
    report_run(run)
    assert [one.name for one in stories[0].examples] == ["cell0.tif", "cell1.tif", "cell3.tif"]
    # Output tiles of 32 px, with a context of 8 px on each side.
    assert stories[0].augmented[0].classes.shape == (32, 32)
    assert stories[0].augmented[0].pixels.shape == (1, 48, 48)
    assert 0 < len(stories[0].weighed) <= len(stories[0].augmented)


def test_commands_can_be_copied_into_a_shell(run: Path, stories: list[Story]) -> None:
    report_run(run)
    assert f"overtile predict '{run}' IMAGES --out DIR" in dict(stories[0].commands).values()


def test_a_stopped_run_is_told_with_the_way_to_go_on(run: Path, stories: list[Story]) -> None:
    history = RunFolder(run).history().model_copy(update={"finished": False})
    RunFolder(run).write_history(history)
    report_run(run)
    first = stories[0].commands[0]
    assert "stopped" in first[0]
    assert first[1].endswith(f"--out '{run}' --resume")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"is not a run folder: there is no run\.json"):
        report_run(tmp_path)


@pytest.mark.parametrize("name", [HISTORY_NAME, "model.safetensors"])
def test_a_run_that_was_killed_at_once_is_told(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(OvertileError, match=name):
        report_run(run)


def test_a_run_whose_images_are_gone_is_told_with_their_place(run: Path, tmp_path: Path) -> None:
    gone = {"images": str(tmp_path / "gone")}
    write_record(run / RECORD_NAME, RunFolder(run).record().model_copy(update=gone))
    with pytest.raises(ImageError, match="gone: does not exist"):
        report_run(run)
