"""Validation by the user's own path: whole images, the same tiles, the same scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from overtile.arrays import Floats, Labels
from overtile.choices import LabelKind, Task
from overtile.config import PredictionConfig
from overtile.data.sample import Annotated
from overtile.data.targets import class_map
from overtile.evaluation import Page, TaskScores, score_classes, score_instances, score_isbi2012
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

    def __str__(self) -> str:
        """Tell the scores that models are compared by."""
        scores = compared(self.scores.summary)
        return ", ".join(f"{name} {value:.4f}" for name, value in scores.items())

    @property
    def worth(self) -> float:
        """What models are compared by."""
        return worth(self.scores.summary)


_COMPARED = {
    "rand_error": ("rand_error", "pixel_error"),
    "average_precision_50": ("average_precision_50", "average_precision_75"),
    "mean_dice": ("mean_dice",),
}


def compared(summary: Mapping[str, float]) -> dict[str, float]:
    """Give the scores of a validation by which models are compared, the headline first.

    One alone would hang on chance where little is held out: a few pixels decide whether two cells
    merge or an object counts, and networks that have hardly begun to learn may be lucky. The other
    is harder to please.

    Parameters
    ----------
    summary : mapping of str to float
        All scores of a validation; which of them there are tells the task.
    """
    names = next(names for headline, names in _COMPARED.items() if headline in summary)
    return {name: summary[name] for name in names}


def worth(summary: Mapping[str, float]) -> float:
    """Give the mean of the scores that are `compared`, turned so that higher is better.

    Examples
    --------
    >>> worth({"rand_error": 0.25, "pixel_error": 0.5, "warping_error": 0.01})
    -0.375
    """
    scores = compared(summary)
    mean = sum(scores.values()) / len(scores)
    return -mean if "rand_error" in scores else mean


def task_of(kind: LabelKind) -> Task:
    """Say what is scored where labels of a kind tell of whole objects."""
    return "isbi2012" if kind == "binary" else kind


def headline_of(task: Task) -> tuple[str, bool]:
    """Name the score by which models are compared, and say whether lower is better."""
    if task == "isbi2012":
        return "rand_error", True
    return ("average_precision_50" if task == "instances" else "mean_dice"), False


def validate(
    predictor: Predictor,
    images: Iterable[Annotated],
    kind: LabelKind,
    config: PredictionConfig,
    class_names: Sequence[str],
    task: Task | None = None,
) -> Validation:
    """Predict and score all `images`.

    Instances are scored by average precision, binary labels by the errors of ISBI 2012, classes by
    Dice: what `overtile evaluate` gives for the same images. With `task` "classes", labels of any
    kind are scored by Dice. Pixels of which the labels say nothing count nowhere.
    """
    predicted = [_predict(predictor, image, kind, config) for image in images]
    scores = score_predicted(predicted, kind, class_names, task or task_of(kind))
    return Validation(scores=scores, predicted=predicted)


def read_anew(
    predicted: Iterable[Predicted], kind: LabelKind, config: PredictionConfig
) -> list[Predicted]:
    """Turn the same probabilities into objects by another `config`."""
    return [replace(one, objects=objects(one.probabilities, kind, config)) for one in predicted]


def _predict(
    predictor: Predictor, image: Annotated, kind: LabelKind, config: PredictionConfig
) -> Predicted:
    probabilities = predictor.probabilities(image.pixels)
    return Predicted(
        image=image, probabilities=probabilities, objects=objects(probabilities, kind, config)
    )


def score_predicted(
    predicted: Sequence[Predicted], kind: LabelKind, class_names: Sequence[str], task: Task
) -> TaskScores:
    """Score what was predicted; pixels of which the labels say nothing count nowhere."""
    if task == "isbi2012":
        return score_isbi2012(
            Page(one.image.name, one.image.labels > 0, foreground(one.probabilities), ignore)
            for one in predicted
            for ignore in [one.image.ignore]
        )
    if task == "instances":
        return score_instances(
            Page(one.image.name, one.image.labels, one.objects, one.image.ignore)
            for one in predicted
        )
    return score_classes(
        (
            Page(
                one.image.name,
                class_map(one.image.labels, kind),
                class_map(one.objects, kind),
                one.image.ignore,
            )
            for one in predicted
        ),
        class_names,
    )
