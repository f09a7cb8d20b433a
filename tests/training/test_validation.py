from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from overtile.arrays import Floats
from overtile.config import NetworkConfig, PredictionConfig
from overtile.data.sample import Annotated
from overtile.inference.predict import Predictor
from overtile.model.unet import UNet
from overtile.training.validation import compared, headline_of, task_of, validate, worth

NAMES = ("background", "object")


class Oracle(Predictor):
    """Predicts what the grey values say: 1 is certainly an object."""

    def probabilities(self, pixels: Floats, on_share: object = None) -> Floats:
        return np.stack([1 - pixels[0], pixels[0]])


def oracle() -> Oracle:
    return Oracle(network=UNet(1, 2, NetworkConfig(base_channels=1, depth=1)))


def image(labels: list[list[int]], seen: list[list[int]] | None = None) -> Annotated:
    """An image whose grey values are the foreground that will be predicted."""
    ids = np.array(labels, np.uint32)
    pixels = np.array(labels if seen is None else seen)[None] > 0
    return Annotated(name="a", pixels=pixels.astype(np.float32), labels=ids)


@pytest.mark.parametrize("kind", ["instances", "binary", "classes"])
def test_models_are_compared_by_the_headline_and_what_is_harder_to_please(kind: Any) -> None:  # noqa: ANN401
    validation = validate(oracle(), [image([[1, 0, 1]])], kind, PredictionConfig(), NAMES)
    headline, lower_is_better = headline_of(task_of(kind))
    assert validation.scores.headline == headline
    scores = compared(validation.scores.summary)
    assert next(iter(scores)) == headline
    mean = sum(scores.values()) / len(scores)
    assert validation.worth == (-mean if lower_is_better else mean)


def test_a_network_that_was_lucky_with_cells_is_not_preferred_to_one_that_finds_their_pixels() -> (
    None
):
    hardly_begun = {"rand_error": 0.098, "pixel_error": 0.175}
    well_trained = {"rand_error": 0.102, "pixel_error": 0.102}
    assert worth(well_trained) > worth(hardly_begun)
    rough = {"average_precision_50": 0.81, "average_precision_75": 0.2}
    fine = {"average_precision_50": 0.8, "average_precision_75": 0.6}
    assert worth(fine) > worth(rough)


@pytest.mark.parametrize("kind", ["instances", "binary", "classes"])
def test_a_better_prediction_is_worth_more(kind: Any) -> None:  # noqa: ANN401
    labels = [[1, 1, 0, 2, 2, 2]] if kind == "instances" else [[1, 1, 0, 1, 1, 1]]
    truth = image(labels)
    worse = image(labels, seen=[[1, 1, 1, 1, 1, 1]])
    good, bad = (
        validate(oracle(), [one], kind, PredictionConfig(), NAMES).worth for one in (truth, worse)
    )
    assert good > bad


def test_two_cells_that_are_told_apart_are_two_objects() -> None:
    truth = image([[1, 1, 0, 2]])
    validation = validate(oracle(), [truth], "instances", PredictionConfig(), NAMES)
    assert validation.predicted[0].objects.tolist() == [[1, 1, 0, 2]]
    assert validation.scores.summary["average_precision_50"] == 1


def test_objects_follow_the_settings_of_prediction() -> None:
    config = PredictionConfig(smallest_object_px=2)
    validation = validate(oracle(), [image([[1, 1, 0, 2]])], "instances", config, NAMES)
    assert validation.predicted[0].objects.tolist() == [[1, 1, 0, 0]]


def test_classes_are_scored_by_their_names() -> None:
    names = ("background", "nucleus")
    validation = validate(oracle(), [image([[0, 1]])], "classes", PredictionConfig(), names)
    assert validation.scores.summary["dice_nucleus"] == 1


def test_whole_images_are_predicted_by_the_users_own_path() -> None:
    torch.manual_seed(0)
    network = UNet(1, 2, NetworkConfig(base_channels=2, depth=1)).eval()
    predictor = Predictor(network=network)
    pixels = np.random.default_rng(0).normal(size=(1, 21, 30)).astype(np.float32)
    one = Annotated(name="a", pixels=pixels, labels=np.eye(21, 30, dtype=np.uint32))
    predicted = validate(predictor, [one], "binary", PredictionConfig(), NAMES).predicted[0]
    assert predicted.image is one
    np.testing.assert_array_equal(predicted.probabilities, predictor.probabilities(pixels))


@pytest.mark.parametrize(
    ("kind", "labels", "score", "judged", "unjudged"),
    [
        ("instances", [[1, 1, 0, 0, 0, 2]], "average_precision_50", 1 / 3, 1),
        ("binary", [[1, 1, 0, 0, 0, 2]], "pixel_error", 2 / 6, 0),
        ("classes", [[1, 1, 0, 0, 0, 1]], "mean_dice", 6 / 8, 1),
    ],
)
def test_pixels_of_which_the_labels_say_nothing_are_not_judged(
    kind: Any,  # noqa: ANN401
    labels: list[list[int]],
    score: str,
    judged: float,
    unjudged: float,
) -> None:
    one = image(labels, seen=[[1, 1, 0, 1, 1, 1]])
    ignore = np.array([[False, False, False, True, True, False]])
    found = [
        validate(oracle(), [seen], kind, PredictionConfig(), NAMES).scores.summary[score]
        for seen in (one, replace(one, ignore=ignore))
    ]
    assert found == pytest.approx([judged, unjudged])


@pytest.mark.parametrize("kind", ["instances", "binary"])
def test_strokes_are_judged_pixel_by_pixel(kind: Any) -> None:  # noqa: ANN401
    one = replace(
        image([[1, 0, 0, 2]], seen=[[1, 1, 0, 1]]), ignore=np.array([[False, True, False, False]])
    )
    scores = validate(oracle(), [one], kind, PredictionConfig(), NAMES, "classes").scores
    assert (scores.headline, scores.summary["mean_dice"]) == ("mean_dice", 1.0)
