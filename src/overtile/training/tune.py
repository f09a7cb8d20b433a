"""How probabilities become objects, chosen by the validation images: thresholds and growth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from overtile.arrays import Labels
from overtile.config import PredictionConfig
from overtile.evaluation import Page, score_instances
from overtile.inference.grow import grow
from overtile.inference.instances import foreground, label_cores
from overtile.progress import StopRequest, heed, never
from overtile.training.validation import Predicted

LEAST_OBJECTS = 20
"""Fewer annotated objects than this are not chosen by."""

LARGEST_PIXELS = 4_000_000
"""More pixels than this are not looked at: every second image is left out, or two of three, …; of
an image that is larger itself, rows below."""

_SMALL_PERCENTILE = 1.0
_ALONE = (0.3, 0.4, 0.6, 0.7)
_CORES = (0.5, 0.6, 0.7, 0.8, 0.9)
_THRESHOLDS = (0.3, 0.4, 0.5)
_GROWTHS = (1, 2, 3)
_FIGURES = ("average_precision_50", "average_precision_75", "merges", "splits")


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What was chosen, and why."""

    prediction: PredictionConfig
    reason: str
    found: float | None
    """Mean of the average precisions at IoU 0.5 and 0.75; None where nothing was chosen by."""


def tune_objects(
    predicted: Sequence[Predicted],
    config: PredictionConfig,
    should_stop: StopRequest = never,
    *,
    binning: int = 1,
) -> Tuned:
    """Choose the thresholds and the growth that find most objects.

    The paper's scheme, connected components above one half, stays unless another gives a higher
    mean of the average precisions at IoU 0.5 and 0.75.

    Parameters
    ----------
    predicted : sequence of Predicted
        Validation images.
    config : PredictionConfig
        What is kept where nothing better is found; its smallest object is kept in any case.
    should_stop : callable, optional
    binning : int
        Side of the bins that the network sees, in pixels: cores grow by one to three of them.

    Raises
    ------
    StoppedError
        If `should_stop` gave an exit code.
    """
    chosen = _some(predicted)
    labels = [one.image.labels for one in chosen]
    objects = sum(np.unique(ids[ids > 0]).size for ids in labels)
    if objects < LEAST_OBJECTS:
        reason = f"{objects} validation objects are too few to choose by"
        return Tuned(prediction=config, reason=reason, found=None)
    seen = [_Seen(one) for one in chosen]
    before = best = _figures(seen, config)
    kept = config
    for candidate in _candidates(config, binning):
        heed(should_stop, "stopped while objects were tuned", "go on with --resume")
        figures = _figures(seen, candidate)
        if sum(figures[:2]) > sum(best[:2]):
            kept, best = candidate, figures
    found = sum(best[:2]) / 2
    if kept is config:
        reason = "no other choice finds more validation objects"
        return Tuned(prediction=config, reason=reason, found=found)
    return Tuned(
        prediction=kept,
        found=found,
        reason=f"cores above {kept.core:g} that grow by {kept.grow_px} px above "
        f"{kept.threshold:g} give validation AP 0.5 {best[0]:.3f} and AP 0.75 {best[1]:.3f} "
        f"instead of {before[0]:.3f} and {before[1]:.3f}, {best[2]:.0f} merges instead of "
        f"{before[2]:.0f}, {best[3]:.0f} splits instead of {before[3]:.0f}",
    )


def smallest_stroked_px(predicted: Sequence[Predicted], config: PredictionConfig) -> int:
    """Guess the smallest object where only strokes are labelled.

    Of the predicted objects, those are real that a stroke lies on. Strokes meet small ones more
    rarely than there are such, so half the area is taken that 99 in 100 of them reach.

    Parameters
    ----------
    predicted : sequence of Predicted
        Validation images, of which strokes are labelled.
    config : PredictionConfig
        By which their objects are found; areas are those of the cores.

    Returns
    -------
    smallest : int
        In pixels; 0 if fewer than `LEAST_OBJECTS` lie below strokes.
    """
    areas = [np.zeros(0)]
    for one in predicted:
        cores = label_cores(foreground(one.probabilities), config)
        stroked = np.unique(cores[one.image.labels > 0])
        areas.append(np.bincount(cores.ravel())[stroked[stroked > 0]].astype(np.float64))
    found = np.concatenate(areas)
    if found.size < LEAST_OBJECTS:
        return 0
    return int(np.percentile(found, _SMALL_PERCENTILE) / 2)


class _Seen:
    """An image and its likely foreground, labelled by one candidate after the other."""

    def __init__(self, predicted: Predicted) -> None:
        self.image = predicted.image
        self._inside = foreground(predicted.probabilities)
        self._last: PredictionConfig | None = None
        self._cores = self._grown = np.zeros((0, 0), np.uint32)

    def objects(self, config: PredictionConfig) -> Labels:
        """Label as prediction does, from where the last candidate left it: most differ little."""
        last, grown_px = self._last, 0
        if last is None or last.core != config.core:
            self._cores = self._grown = label_cores(self._inside, config)
        elif last.threshold == config.threshold and last.grow_px <= config.grow_px:
            grown_px = last.grow_px
        else:
            self._grown = self._cores
        mask = self._inside > config.threshold
        self._grown = grow(self._grown, mask, config.grow_px - grown_px, before=grown_px)
        self._last = config
        return self._grown


def _candidates(config: PredictionConfig, binning: int) -> Iterator[PredictionConfig]:
    for threshold in _ALONE:
        yield config.model_copy(update={"threshold": threshold})
    for core, threshold, growth in product(_CORES, _THRESHOLDS, _GROWTHS):
        yield config.model_copy(
            update={"core_threshold": core, "threshold": threshold, "grow_px": growth * binning}
        )


def _figures(seen: Sequence[_Seen], config: PredictionConfig) -> tuple[float, float, float, float]:
    pages = (
        Page(one.image.name, one.image.labels, one.objects(config), one.image.ignore)
        for one in seen
    )
    summary = score_instances(pages).summary
    first, second, merges, splits = (summary[name] for name in _FIGURES)
    return first, second, merges, splits


def _some(predicted: Sequence[Predicted]) -> list[Predicted]:
    pixels = sum(one.image.labels.size for one in predicted)
    return [_upper_part(one) for one in predicted[:: max(1, -(-pixels // LARGEST_PIXELS))]]


def _upper_part(one: Predicted) -> Predicted:
    """Give an image, or of a larger one the labelled rows that are as many pixels."""
    first, count = one.image.first_row, max(1, LARGEST_PIXELS // one.image.labels.shape[1])
    rows = slice(first, first + count)
    return Predicted(
        image=one.image.with_rows(rows),
        probabilities=one.probabilities[:, rows],
        objects=one.objects[rows],
    )
