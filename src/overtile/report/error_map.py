"""Where a prediction is wrong: mistakes in colours above the image, or above grey shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Floats, Labels
from overtile.colours import MOST_CLASSES, class_colours
from overtile.evaluation import Page, object_mistakes
from overtile.io.overlay import outlines
from overtile.report.canvas import (
    Colour,
    Indices,
    enlarge,
    fit,
    grey_values,
    jpeg,
    png,
)
from overtile.report.pictures import IGNORED, Key, Picture, key

_CLEAR: Colour = (0, 0, 0, 0)
_SHADE: Colour = (0, 0, 0, 95)
_OUTLINE: Colour = (255, 255, 255, 255)
# Okabe and Ito (2008). Blues for what the truth lacks, warm colours for what the prediction has
# too much of; a light and a dark one of each, so that red-green blindness leaves four apart.
_MISSED: Colour = (86, 180, 233, 255)
_SPLIT: Colour = (0, 114, 178, 255)
_INVENTED: Colour = (240, 228, 66, 255)
_MERGED: Colour = (213, 94, 0, 255)
_OVER_IMAGE = 170  # opacity of a colour through which the image is still seen
_GREYS: list[Colour] = [(38, 42, 46, 255), (122, 126, 130, 255), (74, 78, 82, 255)]


@dataclass(frozen=True, kw_only=True)
class ErrorMap:
    """One map, and what is counted on it."""

    picture: Picture
    counts: tuple[tuple[str, int], ...]
    """Kinds of mistakes in words, and how many there are."""


def object_map(page: Page, below: Floats | None, longest_px: int) -> ErrorMap:
    """Colour objects by the mistake that `object_mistakes` finds in them.

    Parameters
    ----------
    page : Page
        Label images (Y, X) of int.
    below : (C, Y, X) array of float32, optional
        The image, normalised; without it, predicted objects are shown as grey shapes.
    longest_px : int
        Longest side of the picture.
    """
    truth, predicted = page.truth, page.predicted
    found = object_mistakes(truth, predicted, page.ignore)
    marks = np.zeros(truth.shape, np.uint8)
    # What is drawn later lies on top: a merge hides its parts, a split cuts through a merge.
    marks[np.isin(predicted, found.invented)] = 4
    marks[np.isin(truth, found.missed)] = 1
    marks[np.isin(predicted, found.merging)] = 3
    marks[np.isin(truth, found.split) & (predicted > 0)] = 2
    words = f"{page.name}: objects that are missed, split, merged or invented in colours"
    return ErrorMap(
        picture=_drawn(
            page, marks, [_MISSED, _SPLIT, _MERGED, _INVENTED], words, below, longest_px
        ),
        counts=(
            ("merges", found.merging.size),
            ("splits", found.split.size),
            ("missed", found.missed.size),
            ("invented", found.invented.size),
        ),
    )


def membrane_map(page: Page, below: Floats | None, longest_px: int) -> ErrorMap:
    """Colour pixels where a membrane is missed or false; foreground (Y, X) is where a page is > 0.

    Other parameters are those of `object_map`.
    """
    truth, predicted = page.truth > 0, page.predicted > 0
    known = True if page.ignore is None else ~page.ignore
    missed, false = ~truth & predicted & known, truth & ~predicted & known
    marks = (missed * 1 + false * 2).astype(np.uint8)
    words = f"{page.name}: membrane that is missed or false in colours"
    picture = _drawn(page, marks, [_MERGED, _MISSED], words, below, longest_px, outlined=False)
    return ErrorMap(
        picture=picture,
        counts=(
            ("missed px", int(missed.sum())),
            ("false px", int(false.sum())),
        ),
    )


def class_map(page: Page, below: Floats | None, longest_px: int) -> ErrorMap:
    """Colour wrong pixels by their true class; parameters are those of `object_map`."""
    wrong = page.truth != page.predicted
    known = True if page.ignore is None else ~page.ignore
    shown = np.where(page.truth > 0, 2 + (page.truth.astype(np.int64) - 1) % MOST_CLASSES, 1)
    palette = [_OUTLINE, *((*colour, 255) for colour in class_colours((), MOST_CLASSES + 1))]
    words = f"{page.name}: wrong pixels in the colour of their true class"
    marks = np.where(wrong, shown, 0).astype(np.uint8)
    picture = _drawn(page, marks, palette, words, below, longest_px, outlined=False)
    counts = (("wrong px", int((wrong & known).sum())),)
    return ErrorMap(picture=picture, counts=counts)


def object_keys() -> list[Key]:
    """Explain the colours of `object_map`."""
    return [
        key(_MISSED, "missed: a true object that no predicted one covers"),
        key(_INVENTED, "invented: a predicted object where no true one is"),
        key(_MERGED, "merged: a predicted object over two or more true ones"),
        key(_SPLIT, "split: a true object in two or more predicted pieces"),
        key(_OUTLINE, "outline of the truth"),
    ]


def membrane_keys() -> list[Key]:
    """Explain the colours of `membrane_map`."""
    return [
        key(_MERGED, "missed membrane: a gap here may merge two cells"),
        key(_MISSED, "false membrane: a line here may split a cell"),
    ]


def class_error_keys(largest: int) -> list[Key]:
    """Explain the colours of `class_map` for the classes up to `largest`."""
    return [
        key(_OUTLINE, "truly background"),
        *(
            key((*colour, 255), f"truly class {index}")
            for index, colour in enumerate(class_colours((), largest + 1), 1)
        ),
    ]


def _drawn(
    page: Page,
    marks: Indices,
    colours: list[Colour],
    words: str,
    below: Floats | None,
    longest_px: int,
    *,
    outlined: bool = True,
) -> Picture:
    """Lay marks, 0 for none and n for `colours[n - 1]`, above the image or above grey shapes."""
    palette = [_CLEAR, *colours, _OUTLINE, IGNORED]
    if below is not None:
        palette[: len(colours) + 1] = [_SHADE, *((*one[:3], _OVER_IMAGE) for one in colours)]
    outline, ignored = len(colours) + 1, len(colours) + 2
    places = enlarge(fit(marks, longest_px))
    if outlined:
        places[outlines(enlarge(fit(page.truth, longest_px)))] = outline
    if page.ignore is not None:
        places[enlarge(fit(page.ignore, longest_px))] = ignored
    source = _greys(page.predicted, longest_px)
    if below is not None:
        source = jpeg(grey_values(below, longest_px))
    height, width = places.shape
    return Picture(
        source=source,
        words=f"{page.name}: {'the image' if below is not None else 'the prediction'}",
        width=width,
        height=height,
        lines=png(places, palette),
        lines_words=words,
    )


def _greys(predicted: NDArray[Any], longest_px: int) -> str:
    """Show predicted objects as grey shapes with darker outlines."""
    ids: Labels = enlarge(fit(predicted, longest_px)).astype(np.uint32)
    places = (ids > 0).astype(np.uint8)
    places[outlines(ids)] = 2
    return png(places, _GREYS)
