"""Runs to tell about: one of which everything is known, and one before its first step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from overtile.choices import LabelKind
from overtile.colours import class_colours
from overtile.evaluation import TaskScores, score_classes, score_instances, score_isbi2012
from overtile.report import Example, Prediction, Story, Tile, render

NAMES = ("background", "nucleus", "debris")


def task_scores_of(kind: LabelKind, predictions: list[Prediction]) -> TaskScores:
    if kind == "binary":
        return score_isbi2012((one.name, one.truth > 0, one.foreground) for one in predictions)
    pages = ((one.name, one.truth, one.predicted) for one in predictions)
    return score_instances(pages) if kind == "instances" else score_classes(pages, NAMES)


def make_story(
    kind: LabelKind = "instances",
    shape: tuple[int, int] = (40, 60),
    channels: int = 1,
    images: int = 3,
    tile_size: int = 60,
) -> Story:
    """A run of which everything is known."""
    rng = np.random.default_rng(0)
    pixels = rng.uniform(-1, 1, (channels, *shape)).astype(np.float32)
    labels = (np.indices(shape).sum(axis=0) // 3 % 3).astype(np.uint32)
    predictions = []
    for number in range(images):
        # Every image misses one row more of the objects than the last.
        wrong = labels.copy()
        wrong[: number * shape[0] // images] = 0
        one = Prediction(
            name=f"held {number}",
            pixels=pixels,
            truth=labels,
            predicted=wrong,
            foreground=(wrong > 0) * np.float32(0.9),
            scores={},
        )
        predictions.append(one)
    scores = task_scores_of(kind, predictions)
    rows = {row["image"]: row for row in scores.per_image}
    rim = tile_size // 6
    tile = Tile(
        pixels=rng.uniform(-1, 1, (channels, tile_size, tile_size)).astype(np.float32),
        classes=rng.integers(0, 3, (tile_size - 2 * rim,) * 2).astype(np.uint8),
        weights=rng.uniform(0.5, 10, (tile_size - 2 * rim,) * 2).astype(np.float32),
    )
    headline = scores.headline
    return Story(
        name="run-7",
        version="1.2.3",
        created="2026-03-02T10:14:00+00:00",
        finished=True,
        device="CPU, 8 threads",
        label_kind=kind,
        class_names=NAMES,
        class_colours=class_colours((), len(NAMES)),
        facts=(("Pixel size", "0.65 µm"),),
        decisions=("Tiles of 388 px, because memory allows it.",),
        recipe_toml='name = "paper"\n',
        training_names=("first.tif", "second.tif"),
        validation_names=tuple(one.name for one in predictions),
        commands=(("Segment new images:", "overtile predict run-7 IMAGES --out DIR"),),
        headline=headline,
        lower_is_better=headline.endswith("_error"),
        losses=[(n, n * 1.5, 1 / n, 1e-3) for n in range(1, 30)],
        validations=[{"step": 20, "seconds": 30.0, headline: scores.summary[headline]}],
        best_step=20,
        scores=scores,
        seconds=45.0,
        parameters=31030658,
        peak_memory_mb=2345,
        examples=[Example(name="first.tif", pixels=pixels, labels=labels)],
        weighed=[tile],
        augmented=[tile, tile],
        predictions=[replace(one, scores=rows[one.name]) for one in predictions],
    )


def make_empty(story: Story) -> Story:
    """The same run before its first step, with nothing held out."""
    return replace(
        story,
        finished=False,
        validation_names=(),
        losses=(),
        validations=(),
        best_step=None,
        scores=None,
        seconds=0.0,
        parameters=0,
        peak_memory_mb=0.0,
        examples=(),
        weighed=(),
        augmented=(),
        predictions=(),
        facts=(),
        decisions=(),
        commands=(),
    )


@cache
def make_page(kind: LabelKind = "instances") -> str:
    """The page of the full story."""
    return render(make_story(kind))


@pytest.fixture
def full_story() -> Callable[..., Story]:
    return make_story


@pytest.fixture
def empty() -> Callable[[Story], Story]:
    return make_empty


@pytest.fixture
def full_page() -> Callable[..., str]:
    return make_page
