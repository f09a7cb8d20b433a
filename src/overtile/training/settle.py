"""The last word of a run: how the probabilities of its best model are read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from overtile.config import PredictionConfig
from overtile.data.sample import Annotated
from overtile.inference.predict import Predictor
from overtile.progress import StopRequest, heed, never
from overtile.training.calibrate import fit_temperature, measure_reliability
from overtile.training.run import RunRecord
from overtile.training.tune import smallest_stroked_px, tune_objects
from overtile.training.validation import Predicted, validate

VIEWED_PX = 500_000
"""So many validation pixels tell what turned versions give: they cost eight times as much."""

VIEWED_PX_A_MINUTE = 20_000
"""At most so many for each minute of the run, so that it keeps to its time."""

_SMALLEST_VIEW_PX = 256


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What was chosen, and why."""

    prediction: PredictionConfig
    decisions: tuple[str, ...]
    found: float | None
    """How well validation objects are found then; None where nothing was chosen by it."""


def choose(
    predicted: Sequence[Predicted], record: RunRecord, should_stop: StopRequest = never
) -> Settled:
    """Choose thresholds and growth of objects, if the recipe wants it, and the temperature.

    Parameters
    ----------
    predicted : sequence of Predicted
        Images that the network has not learnt from.
    record : RunRecord
    should_stop : callable, optional

    Raises
    ------
    StoppedError
        If `should_stop` gave an exit code.
    """
    prediction, decisions, found = record.recipe.prediction, [], None
    kind, sparse = record.label_kind, record.partial.sparse
    tunes = record.recipe.training.tune_objects and kind != "classes"
    if tunes and kind == "instances":
        tuned = tune_objects(
            predicted, prediction, should_stop, binning=record.recipe.network.binning
        )
        prediction, found = tuned.prediction, tuned.found
        decisions.append(f"objects: {tuned.reason}" + ", on the painted pixels" * sparse)
    if tunes and sparse and not prediction.smallest_object_px:
        smallest = smallest_stroked_px(predicted, prediction)
        prediction = prediction.model_copy(update={"smallest_object_px": smallest})
        reason = "half of what 99 in 100 predicted ones that strokes lie on have"
        decisions += [f"smallest object: {smallest} px, {reason}"] * bool(smallest)
    temperature = fit_temperature(predicted, kind)
    before, after = (measure_reliability(predicted, kind, t).error for t in (1.0, temperature))
    decisions.append(
        f"uncertainty: temperature {temperature:g}, so that how sure the network is and how often "
        f"it is right differ by {100 * after:.2g} % instead of {100 * before:.2g} %"
    )
    return Settled(
        prediction=prediction.model_copy(update={"temperature": temperature}),
        decisions=tuple(decisions),
        found=found,
    )


def what_views_give(
    predictor: Predictor,
    images: Sequence[Annotated],
    prediction: PredictionConfig,
    record: RunRecord,
    should_stop: StopRequest = never,
) -> str:
    """Compare validation scores of the plain prediction and of the mean over eight versions.

    Parameters
    ----------
    predictor : Predictor
    images : sequence of Annotated
        The first of them, as many as the length of the run allows, are looked at.
    prediction : PredictionConfig
    record : RunRecord
    should_stop : callable, optional

    Raises
    ------
    StoppedError
        If `should_stop` gave an exit code.
    """
    most = VIEWED_PX
    if record.minutes is not None:
        most = min(most, math.ceil(VIEWED_PX_A_MINUTE * record.minutes))
    few = _first(images, most)
    offset = record.recipe.augmentation.label_offset_px
    viewed = replace(predictor, test_time="flips8", label_offset_px=offset)
    plain, mean = (
        validate(
            one,
            _heeding(few, should_stop),
            record.label_kind,
            prediction,
            record.class_names,
            record.task,
        ).scores
        for one in (predictor, viewed)
    )
    name = plain.headline
    seen, there = (sum(one.labels.size for one in some) for some in (few, images))
    share = "" if seen == there else f" on {100 * seen / there:.0f} % of the held-out pixels"
    return (
        f"turned versions: the mean over eight, `predict --tta flips8`, gives validation {name} "
        f"{mean.summary[name]:.3f} instead of {plain.summary[name]:.3f}{share}, in eight times "
        "the time"
    )


def _first(images: Sequence[Annotated], pixels: int) -> list[Annotated]:
    """Take images from the first on, the last one only as far down, until there are so many pixels.

    Rows are taken from the first that is labelled on; of the last image as many as it has columns,
    at least, up to `_SMALLEST_VIEW_PX`.
    """
    few: list[Annotated] = []
    for image in images:
        left = pixels - sum(one.labels.size for one in few)
        if left <= 0:
            break
        width = image.labels.shape[1]
        count = max(math.ceil(left / width), min(width, _SMALLEST_VIEW_PX))
        few.append(image.with_rows(slice(image.first_row, image.first_row + count)))
    return few


def _heeding(images: Sequence[Annotated], should_stop: StopRequest) -> Iterator[Annotated]:
    for image in images:
        heed(should_stop, "stopped while turned versions were compared", "go on with --resume")
        yield image
