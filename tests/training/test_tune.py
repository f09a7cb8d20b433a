"""How probabilities become objects, chosen by validation images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from overtile.arrays import Labels
from overtile.config import PredictionConfig
from overtile.data.sample import Annotated
from overtile.errors import StoppedError
from overtile.inference.instances import label_instances
from overtile.training import tune
from overtile.training.tune import LEAST_OBJECTS, smallest_stroked_px, tune_objects
from overtile.training.validation import Predicted

PLAIN = PredictionConfig(smallest_object_px=3)


def seen(*images: Annotated) -> list[Predicted]:
    """What a network would say that takes grey values for the foreground."""
    return [
        Predicted(
            image=image,
            probabilities=np.stack([1 - image.pixels[0], image.pixels[0]]),
            objects=image.labels,
        )
        for image in images
    ]


def squares(bridge: float, pairs: int = 12, inside: float = 0.95) -> Annotated:
    """Pairs of squares, 7 px wide, whose rims of 1 px are fainter; a bridge joins each pair."""
    labels = np.zeros((12 * pairs, 24), np.uint32)
    pixels = np.full(labels.shape, 0.05, np.float32)
    for pair in range(pairs):
        rows = slice(12 * pair + 2, 12 * pair + 9)
        for side, first in enumerate((2, 10)):
            labels[rows, first : first + 7] = 2 * pair + side + 1
            pixels[rows, first : first + 7] = 0.55
            pixels[rows.start + 1 : rows.stop - 1, first + 1 : first + 6] = inside
        pixels[rows.start + 3, 9] = bridge
    return Annotated(name="squares", pixels=pixels[None], labels=labels)


def found(image: Annotated, config: PredictionConfig) -> Labels:
    return label_instances(image.pixels[0], config)


def test_objects_joined_by_a_faint_bridge_are_parted_and_whole() -> None:
    image = squares(bridge=0.55)
    tuned = tune_objects(seen(image), PLAIN)
    assert found(image, PLAIN).max() == 12
    parted = found(image, tuned.prediction)
    assert parted.max() == 24
    missing = (parted == 0) & (image.labels > 0)
    assert missing.sum() <= 4 * 24  # no more than the corners
    assert tuned.prediction.core > 0.55
    assert tuned.prediction.grow_px > 0
    assert tuned.prediction.smallest_object_px == 3
    assert "AP 0.5 1.000" in tuned.reason
    assert "0 merges instead of 12" in tuned.reason


def test_the_scheme_of_the_paper_stays_where_nothing_is_better() -> None:
    tuned = tune_objects(seen(squares(bridge=0.05)), PLAIN)
    assert tuned.prediction == PLAIN
    assert tuned.reason == "no other choice finds more validation objects"


def test_objects_of_a_network_that_bins_grow_by_whole_bins() -> None:
    image = squares(bridge=0.55)
    wide = Annotated(
        name=image.name,
        pixels=image.pixels.repeat(4, axis=1).repeat(4, axis=2),
        labels=image.labels.repeat(4, axis=0).repeat(4, axis=1),
    )
    tuned = tune_objects(seen(wide), PLAIN, binning=4)
    assert tuned.prediction.grow_px in (4, 8, 12)
    assert "AP 0.75 1.000" in tuned.reason


def test_candidates_are_labelled_as_prediction_labels_them() -> None:
    image = squares(bridge=0.55)
    looked_at = tune._Seen(seen(image)[0])
    candidates = list(tune._candidates(PLAIN, 1))
    assert len(candidates) == 49
    for config in [*candidates, *reversed(candidates)]:
        np.testing.assert_array_equal(looked_at.objects(config), found(image, config))


def test_few_objects_choose_nothing() -> None:
    image = squares(bridge=0.55, pairs=LEAST_OBJECTS // 2 - 1)
    tuned = tune_objects(seen(image), PLAIN)
    assert tuned.prediction == PLAIN
    assert tuned.reason == "18 validation objects are too few to choose by"


def test_of_many_images_some_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    image = squares(bridge=0.55, pairs=6)
    monkeypatch.setattr(tune, "LARGEST_PIXELS", 2 * image.labels.size)
    tuned = tune_objects(seen(*[image] * 6), PLAIN)
    assert "0 merges instead of 12" in tuned.reason  # in two of the six images


def test_a_request_to_stop_is_heeded() -> None:
    with pytest.raises(StoppedError, match="stopped while objects were tuned"):
        tune_objects(seen(squares(bridge=0.55)), PLAIN, lambda: 130)


def test_of_an_image_that_is_too_large_the_upper_rows_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = squares(bridge=0.55, pairs=60)
    monkeypatch.setattr(tune, "LARGEST_PIXELS", image.labels.size // 2)
    assert "0 merges instead of 30" in tune_objects(seen(image), PLAIN).reason


def stroked(areas: Sequence[int], below: Sequence[int]) -> Predicted:
    """Objects of these areas, each in a row of its own; strokes lie on some of them."""
    labels = np.zeros((2 * len(areas), max(areas)), np.uint32)
    for row, area in enumerate(areas):
        labels[2 * row, :area] = row + 1
    strokes = np.where(np.isin(labels, below), labels, 0).astype(np.uint32)
    strokes[:, 1:] = 0  # one pixel of each
    image = Annotated(
        name="a",
        pixels=np.zeros((1, *labels.shape), np.float32),
        labels=strokes,
        ignore=strokes == 0,
    )
    return Predicted(
        image=image,
        probabilities=np.stack([labels == 0, labels > 0]).astype(np.float32),
        objects=labels,
    )


def test_the_smallest_object_is_half_of_the_small_predicted_ones_below_strokes() -> None:
    areas = [3] + [50] * 10 + [100] * 200
    assert smallest_stroked_px([stroked(areas, range(2, 212))], PLAIN) == 25
    assert smallest_stroked_px([stroked(areas, range(1, 212))], PLAIN) == 25  # one in 211 is odd
    assert smallest_stroked_px([stroked(areas, range(12, 212))], PLAIN) == 50
    assert smallest_stroked_px([stroked(areas, range(2, 12))], PLAIN) == 0  # ten are too few
