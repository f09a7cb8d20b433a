"""Predictions and truth, from files to pages that can be scored; files are not kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Floats, Labels, Pixels
from overtile.choices import Task
from overtile.errors import ConfigError, ImageError, LabelError, PairError
from overtile.evaluation import Page
from overtile.io import Image, Pair, read_image, read_labels
from overtile.io.pairs import LABEL_SUFFIXES
from overtile.progress import Progress, Silence
from overtile.workflows.annotated import page_names

_LEAST_SHARE = 1 / 64
"""Values of 16 bits and more that all lie below this share of their range are no grey values."""


@dataclass(frozen=True, kw_only=True)
class ScoredPages:
    """Pages to score. They are read anew each time that somebody iterates over them."""

    pairs: list[Pair]
    """`image` is the prediction, `labels` the truth."""

    task: Task
    ignore: int | None = None
    """Truth value of the pixels that count nowhere."""

    numbers: tuple[int, ...] | None = None
    """Pages to take, over all files, from 0; all by default."""

    progress: Progress = field(default_factory=Silence)

    def __iter__(self) -> Iterator[Page]:
        """Give pages as their task is scored, but those that are ignored altogether.

        Raises
        ------
        ImageError, LabelError, PairError
            If a file cannot be read, does not fit its partner, or cannot mean what the task needs.
        ConfigError
            If one of `numbers` does not exist.
        """
        hidden, left_out = 0, 0
        for page in self._asked_for():
            ignored = 0 if page.ignore is None else int(np.count_nonzero(page.ignore))
            hidden += ignored
            if ignored == page.truth.size:
                left_out += 1
            else:
                yield page
        if self.ignore is not None and not hidden:
            self.progress.say(f"--ignore {self.ignore}: no pixel of the truth has this value")
        if left_out:
            self.progress.say(f"pages left out, as all their pixels are ignored: {left_out}")

    def named(self, names: Collection[str], pair: Pair) -> Iterator[Page]:
        """Give the pages of a pair that have one of these names; without any, open no file."""
        (file,) = page_names(pair.image, 1)
        if any(name == file or name.startswith(f"{file} page ") for name in names):
            pages, _ = read_pages(pair, self.task, self.ignore)
            yield from (page for page in pages if page.name in names)

    def _asked_for(self) -> Iterator[Page]:
        before, last_how = 0, ""
        for place, pair in enumerate(self.pairs):
            pages, how = read_pages(pair, self.task, self.ignore)
            if how != last_how:
                self.progress.say(f"{pair.image.name}: {how}")
                last_how = how
            if place == len(self.pairs) - 1:
                self._refuse_missing(before + len(pages))
            for inside, page in enumerate(pages):
                done = place + inside / len(pages)
                self.progress.advance("scored", done, len(self.pairs), page.name)
                if self.numbers is None or before + inside in self.numbers:
                    yield page
            before += len(pages)

    def _refuse_missing(self, count: int) -> None:
        for number in self.numbers or ():
            if not 0 <= number < count:
                raise ConfigError(
                    f"--pages names page {number}, and there are pages 0…{count - 1}",
                    remedy="pages count from 0, over all files",
                )


def read_pages(pair: Pair, task: Task, ignore: int | None) -> tuple[list[Page], str]:
    """Read a prediction and its truth.

    Parameters
    ----------
    pair : Pair
        Prediction and truth.
    task : {"isbi2012", "instances", "classes"}
        `isbi2012` gives truth of bool and probabilities of float32, the others uint32.
    ignore : int, optional
        Truth value of the pixels that count nowhere; the truth is 0 there.

    Returns
    -------
    pages : list of Page
    how : str
        How the prediction was understood; empty where there is only one way.

    Raises
    ------
    ImageError, LabelError, PairError
        As for `ScoredPages`.
    """
    truth = read_labels(pair.labels)
    if task == "isbi2012":
        predicted, how = _foreground(pair.image)
    else:
        predicted, how = _whole_numbers(pair.image), ""
    _refuse_misfit(pair, predicted, truth)
    pages = []
    names = page_names(pair.image, truth.pages)
    for name, one, (other,) in zip(names, predicted, truth.pixels, strict=True):
        hidden = None if ignore is None else other == ignore
        ids = _without(other, hidden)
        if task == "classes":
            one = _without(one, hidden)  # what a tool writes there need not be a class
        pages.append(Page(name, ids > 0 if task == "isbi2012" else ids, one, hidden))
    return pages, how


def _without(labels: Labels, hidden: NDArray[np.bool_] | None) -> Labels:
    return labels if hidden is None else np.where(hidden, np.uint32(0), labels)


def _refuse_misfit(pair: Pair, predicted: Pixels, truth: Image) -> None:
    """Refuse a prediction (P, Y, X) that is not of the image that the truth is of."""
    pages, height, width = predicted.shape
    facts = (
        (pages, truth.pages, f"has {pages} pages", f"has {truth.pages}"),
        (
            (height, width),
            truth.size,
            f"is {height}x{width} px",
            f"is {truth.size[0]}x{truth.size[1]} px",
        ),
    )
    for ours, theirs, this, that in facts:
        if ours != theirs:
            raise PairError(
                f"{this}, its truth {pair.labels.name} {that}",
                remedy="compare a truth with the full-size prediction of the same image",
                path=pair.image,
            )


def _whole_numbers(path: Path) -> Pixels:
    """Read ids or class indices as (P, Y, X)."""
    try:
        return read_labels(path).pixels[:, 0]
    except LabelError as error:
        raise LabelError(
            error.fault,
            remedy="give label images; probabilities are scored by --task isbi2012",
            path=path,
        ) from error


def _foreground(path: Path) -> tuple[Floats, str]:
    """Read a probability of foreground as (P, Y, X), and say how it was understood."""
    if path.stem.endswith(LABEL_SUFFIXES):
        return _present(read_labels(path).pixels[:, 0])
    pixels = _one_channel(read_image(path))
    if pixels.dtype.kind == "f":
        _refuse_outside(pixels, path)
        return pixels.astype(np.float32), "probability of foreground"
    if np.unique(pixels).size <= 2:
        return _present(pixels)
    full = np.iinfo(pixels.dtype).max
    _refuse_ids(pixels, full, path)
    return (pixels / full).astype(np.float32), f"grey values, {full} is a probability of 1"


def _present(pixels: Pixels) -> tuple[Floats, str]:
    return (pixels > 0).astype(np.float32), "foreground where it is not 0"


def _one_channel(image: Image) -> Pixels:
    """Give (P, Y, X); grey saved as RGB has three equal channels."""
    first = image.pixels[:, 0]
    if image.channels == 1 or (image.channels == 3 and (image.pixels == first[:, None]).all()):
        return first
    raise ImageError(
        f"has {image.channels} channels where a probability has one",
        remedy="keep the channel of the foreground alone",
        path=image.path,
    )


def _refuse_outside(pixels: Pixels, path: Path) -> None:
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1:
        raise ImageError(
            f"holds values from {low:g} to {high:g}, not probabilities within [0, 1]",
            remedy="give the probability of being inside an object as float, or as 8-bit grey; "
            "object ids in a name that ends in _labels",
            path=path,
        )


def _refuse_ids(pixels: Pixels, full: int, path: Path) -> None:
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or (full > 255 and high < full * _LEAST_SHARE):
        raise ImageError(
            f"holds whole numbers from {low} to {high} of {full}: no mask, and no grey values",
            remedy="score object ids by --task instances; if they are to count as foreground, let "
            "the name end in _labels",
            path=path,
        )
