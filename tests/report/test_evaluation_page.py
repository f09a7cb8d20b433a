from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest

from overtile.choices import Task
from overtile.evaluation import Page, TaskScores, score_classes, score_instances, score_isbi2012
from overtile.report import Evaluation, ScoredImage, render_evaluation

TRUTH = np.kron(np.array([[1, 1, 0, 2, 2]], np.uint32), np.ones((9, 9), np.uint32))
TASKS: tuple[Task, ...] = ("instances", "isbi2012", "classes")


def pages_of(task: Task, images: int = 3) -> list[Page]:
    """Images of which each misses 22 columns more than the last."""
    pages = []
    for number in range(images):
        found = TRUTH.copy()
        found[:, : 22 * number] = 0
        if task == "isbi2012":
            probability = (found > 0).astype(np.float32)
            pages.append(Page(f"cell{number}", TRUTH > 0, probability))
        else:
            pages.append(Page(f"cell{number}", TRUTH, found))
    return pages


def scores_of(task: Task, pages: list[Page]) -> TaskScores:
    if task == "isbi2012":
        return score_isbi2012(pages)
    if task == "instances":
        return score_instances(pages)
    return score_classes(pages, ("background", "class 1", "class 2"))


def page_of(task: Task = "instances", shown: int = 3, name: str = "results") -> str:
    pages = pages_of(task)
    return render_evaluation(
        Evaluation(
            predicted=name,
            truth="truth",
            version="1.2.3",
            scores=scores_of(task, pages),
            images=(ScoredImage(page=page) for page in pages[:shown]),
        )
    )


def text_of(page: str) -> str:
    return unescape(re.sub(r"<style>.*?</style>|<[^>]*>", "", page, flags=re.DOTALL))


@pytest.mark.parametrize("task", TASKS)
def test_the_page_stands_alone(task: Task) -> None:
    page = page_of(task)
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r"<script|<link|https?:|@import", page)
    assert all(source.startswith("data:image/") for source in re.findall(r'src="([^"]*)', page))
    ids = set(re.findall(r'id="([^"]*)', page))
    assert {target[1:] for target in re.findall(r'href="([^"]*)', page)} <= ids
    for tag in ("section", "article", "figure", "table", "div", "ul", "dl"):
        assert len(re.findall(rf"<{tag}\b", page)) == page.count(f"</{tag}>")


@pytest.mark.parametrize("task", TASKS)
def test_scores_convention_and_every_image_are_told(task: Task) -> None:
    text = text_of(page_of(task))
    scores = scores_of(task, pages_of(task))
    assert f"{scores.summary[scores.headline]:.3f}" in text
    for sentence in scores.convention.rstrip(".").split("; "):
        assert sentence in text
    table = text[text.rindex("Every image") :]
    assert all(f"cell{number}" in table for number in range(3))


@pytest.mark.parametrize("task", TASKS)
def test_the_worst_image_is_drawn_first(task: Task) -> None:
    page = page_of(task)
    assert re.findall(r"<h3><bdi>(cell\d)</bdi></h3>", page) == ["cell2", "cell1", "cell0"]


def test_images_that_are_not_drawn_are_counted() -> None:
    text = text_of(page_of(shown=1))
    assert "The 1 worst of 3 images; the table below has all." in text


def test_membranes_and_objects_have_legends_of_their_own() -> None:
    text = text_of(page_of("isbi2012"))
    assert text.index("Objects") < text.index("merged: a predicted") < text.index("missed membrane")
    assert "The prediction at threshold 0.5" in text


def test_hostile_names_are_only_text() -> None:
    hostile = "<script>alert(1)</script>\"'&</title></style>"
    page = page_of(name=hostile)
    assert "<script" not in page
    assert hostile in text_of(page)


def test_unknown_pixels_are_explained_where_there_are_any() -> None:
    pages = [pages_of("instances")[1]._replace(ignore=TRUTH == 2)]
    evaluation = Evaluation(
        predicted="p",
        truth="t",
        version="1",
        scores=score_instances(pages),
        images=[ScoredImage(page=page) for page in pages],
    )
    assert "counts nowhere" in text_of(render_evaluation(evaluation))
    assert "counts nowhere" not in text_of(page_of())


def test_classes_taken_for_another_are_counted() -> None:
    # Of three images with 9 x 18 pixels of class 1, the first alone has any of them.
    assert "<bdi>class 1</bdi></th><td>324</td><td>162</td><td>0</td>" in page_of("classes")
