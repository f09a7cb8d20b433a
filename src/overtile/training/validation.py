"""Validation by the user's own path: whole images, the same tiles, the same scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from overtile.arrays import Floats, Labels
from overtile.choices import LabelKind
from overtile.config import PredictionConfig
from overtile.data.sample import Annotated
from overtile.evaluation import TaskScores, score_classes, score_instances, score_isbi2012
from overtile.inference.instances import foreground, objects
from overtile.inference.predict import Predictor


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """The prediction of one validation image."""

    image: Annotated
    probabilities: Floats
    """(K, Y, X)."""

    objects: Labels
    """(Y, X) ids, or class indices for labels of kind `classes`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Validation:
    """Scores of one network on all validation images."""

    scores: TaskScores
    predicted: list[Predicted]

    @property
    def headline(self) -> float:
        """The number by which models are compared, turned so that higher is better."""
        value = self.scores.summary[self.scores.headline]
        return -value if self.scores.headline.endswith("_error") else value


def headline_of(kind: LabelKind) -> tuple[str, bool]:
    """Name the score by which models are compared, and say whether lower is better."""
    if kind == "binary":
        return "rand_error", True
    return ("average_precision_50" if kind == "instances" else "mean_dice"), False


def validate(
    predictor: Predictor,
    images: Iterable[Annotated],
    kind: LabelKind,
    config: PredictionConfig,
    class_names: Sequence[str],
) -> Validation:
    """Predict and score all `images`.

    Instances are scored by average precision, binary labels by the errors of ISBI 2012, classes by
    Dice: what `overtile evaluate` gives for the same images.
    """
    predicted = [_predict(predictor, image, kind, config) for image in images]
    return Validation(scores=_score(predicted, kind, class_names), predicted=predicted)


def _predict(
    predictor: Predictor, image: Annotated, kind: LabelKind, config: PredictionConfig
) -> Predicted:
    probabilities = predictor.probabilities(image.pixels)
    return Predicted(
        image=image, probabilities=probabilities, objects=objects(probabilities, kind, config)
    )


def _score(
    predicted: Sequence[Predicted], kind: LabelKind, class_names: Sequence[str]
) -> TaskScores:
    if kind == "binary":
        return score_isbi2012(
            (one.image.name, one.image.labels > 0, foreground(one.probabilities))
            for one in predicted
        )
    pages = ((one.image.name, one.image.labels, one.objects) for one in predicted)
    return score_instances(pages) if kind == "instances" else score_classes(pages, class_names)
