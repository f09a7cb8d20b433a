"""What an evaluation comes to: a summary, a spread and one row per image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from overtile.choices import Task
from overtile.config import Settings
from overtile.errors import OvertileError, PairError


class Page(NamedTuple):
    """One image to score; a plain tuple of the same parts does as well."""

    name: str
    truth: NDArray[Any]
    predicted: NDArray[Any]
    ignore: NDArray[np.bool_] | None = None
    """Pixels that count nowhere; same shape."""


Pages: TypeAlias = Iterable[Page | tuple[str, NDArray[Any], NDArray[Any]]]
"""Images to score, read one after the other."""

Row: TypeAlias = dict[str, str | int | float]
"""One image: its name under `image`, then its numbers."""


class Spread(Settings):
    """How much the headline differs between images."""

    mean: float
    """Mean over images; every image counts the same."""

    sd: float
    """Sample standard deviation (n − 1) over images; 0 for a single image."""

    low: float = 0.0
    high: float = 1.0
    """Where the mean over many more images like these lies with 95 % confidence, by Student's t,
    cut to the range of the score: all of it for a single image, which tells nothing of others."""


class Confusion(Settings):
    """Pixels of all images by true and predicted class."""

    class_names: tuple[str, ...]
    """One for each row and column, the background first."""

    pixels: tuple[tuple[int, ...], ...]
    """Rows are the truth, columns the prediction."""


class TaskScores(Settings):
    """Scores of one task over a set of images; serialises to JSON, and all numbers are finite."""

    task: Task
    convention: str
    """What each number means: measures of one name differ, and only alike ones compare."""

    headline: str
    """The number to quote: the first of `summary`, and a key of every row."""

    summary: dict[str, float]
    """Numbers over all images, the most important first."""

    spread: Spread
    per_image: list[Row]
    """The worst image first."""

    confusion: Confusion | None = None
    """Which class was taken for which; of task `classes` only."""


def task_scores(
    task: Task,
    convention: str,
    summary: dict[str, float],
    rows: list[Row],
    *,
    lower_is_better: bool,
    confusion: Confusion | None = None,
) -> TaskScores:
    """Sort `rows` by the first number of `summary`, the worst first, and add its spread."""
    headline = next(iter(summary))
    values = np.array([row[headline] for row in rows], np.float64)
    order = np.argsort(-values if lower_is_better else values, kind="stable")
    return TaskScores(
        task=task,
        convention=convention,
        headline=headline,
        summary=summary,
        spread=spread_of(values),
        per_image=[rows[index] for index in order],
        confusion=confusion,
    )


def spread_of(values: NDArray[np.float64], lowest: float = 0.0) -> Spread:
    """Describe how much a number differs between images, and how sure its mean is.

    Parameters
    ----------
    values : (N,) array of float64
        One for each image, in [lowest, 1].
    lowest : float
    """
    mean = float(values.mean())
    if values.size < 2:
        return Spread(mean=mean, sd=0.0, low=lowest, high=1.0)
    sd = float(values.std(ddof=1))
    reach = float(stdtrit(values.size - 1, 0.975)) * sd / math.sqrt(values.size)
    return Spread(mean=mean, sd=sd, low=max(lowest, mean - reach), high=min(1.0, mean + reach))


def check_any(images: Sequence[object]) -> None:
    """Refuse an evaluation of nothing.

    Raises
    ------
    PairError
        If there is no image.
    """
    if not images:
        raise PairError(
            "there is no image to score", remedy="give at least one prediction with its truth"
        )


@contextmanager
def about(name: str) -> Iterator[None]:
    """Name the image in any error about its arrays."""
    try:
        yield
    except OvertileError as error:
        raise error.at(name) from None
