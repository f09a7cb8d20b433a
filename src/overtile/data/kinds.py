"""What a set of label images means: instances, binary foreground, or class indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from skimage.measure import label as label_pieces

from overtile.arrays import Labels
from overtile.choices import LabelKind
from overtile.errors import LabelError

LARGEST_CLASSES = 64
"""More class indices than this are taken for a mistake."""

_PAGES_LOOKED_AT = 16
_PAGES_TO_JUDGE = 5
_SAVED_GREY_MARGIN = 32


@dataclass(frozen=True, kw_only=True)
class LabelReading:
    """How labels are read."""

    kind: LabelKind
    classes: int
    """Number of classes that the network tells apart, background included."""

    sentence: str
    """What was understood and why, for the user."""


def understand_labels(pages: Sequence[Labels], asked: LabelKind | None = None) -> LabelReading:
    """Decide what the values of label images mean, or check that they can mean what is asked.

    Parameters
    ----------
    pages : sequence of (Y, X) arrays of uint32
        All label images of a training set.
    asked : {"instances", "binary", "classes"}, optional
        What the user says.

    Returns
    -------
    reading : LabelReading

    Raises
    ------
    LabelError
        If there is no foreground at all, or the values cannot mean what is asked.
    """
    values = np.unique(np.concatenate([np.unique(page) for page in pages]))
    present = values[values > 0]
    if present.size == 0:
        raise LabelError(
            f"no label image has any foreground ({len(pages)} looked at, all values are 0)",
            remedy="check that these are the label images, and that 0 means background",
        )
    _refuse_smeared_mask(present)
    kind, why = (asked, "as asked") if asked else _guess(pages, present)
    if kind == "classes":
        return _as_classes(present, why)
    shown = f"values {_some(values)}" if kind == "binary" else f"ids up to {present.max()}"
    return LabelReading(kind=kind, classes=2, sentence=f"{kind}: {shown}, {why}")


def _guess(pages: Sequence[Labels], present: Labels) -> tuple[LabelKind, str]:
    if present.size == 1:
        return "binary", f"because 0 and {present[0]} are the only ones"
    few = present.size <= 8 and present.max() <= LARGEST_CLASSES
    pieces = _Pieces.of(pages)
    if few and (pieces.are_many or _recurs(pages, present)):
        return "classes", "because the same few values recur in many pieces or images"
    if all(np.unique(page[page > 0]).size <= 1 for page in pages):
        return "binary", "because no image shows two of them"
    if pieces.are_many or pieces.are_specks:
        raise LabelError(
            f"values {_some(present)} lie in {pieces.pieces} pieces, which are neither objects nor "
            "classes",
            remedy="check that images and labels are not exchanged; number objects 1…n, classes "
            "0, 1, 2, …, or say what they are with --labels",
        )
    return "instances", "because each value is an object of its own"


@dataclass(frozen=True)
class _Pieces:
    """Connected pieces of equal value, on some of the pages."""

    pieces: int
    ids: int
    foreground_px: int
    all_px: int

    @classmethod
    def of(cls, pages: Sequence[Labels]) -> _Pieces:
        looked_at = pages[:: -(-len(pages) // _PAGES_LOOKED_AT)]
        return cls(
            pieces=sum(int(label_pieces(page, connectivity=1).max()) for page in looked_at),
            ids=sum(np.unique(page[page > 0]).size for page in looked_at),
            foreground_px=sum(int(np.count_nonzero(page)) for page in looked_at),
            all_px=sum(page.size for page in looked_at),
        )

    @property
    def are_many(self) -> bool:
        """Whether values are far fewer than pieces: an object is rarely in many."""
        return self.pieces > 3 * self.ids

    @property
    def are_specks(self) -> bool:
        """Whether the image is full of pieces of a pixel or so, as grey values are."""
        return self.foreground_px < 4 * self.pieces and 2 * self.foreground_px > self.all_px


def _recurs(pages: Sequence[Labels], present: Labels) -> bool:
    """Say whether most images show all values, or many lack a low one, as ids 1…n would not."""
    shown = [set(np.unique(page[page > 0]).tolist()) for page in pages if page.any()]
    complete = sum(len(values) == present.size for values in shown)
    gapped = sum(bool(values) and max(values) > len(values) for values in shown)
    enough = len(shown) >= _PAGES_TO_JUDGE
    return enough and (complete > 0.5 * len(shown) or gapped > 0.2 * len(shown))


def _as_classes(present: Labels, why: str) -> LabelReading:
    largest = int(present.max())
    if largest >= LARGEST_CLASSES:
        raise LabelError(
            f"values {_some(present)} as class indices would make {largest + 1} classes",
            remedy="number the classes 0, 1, 2, … or say --labels binary or --labels instances",
        )
    return LabelReading(
        kind="classes",
        classes=largest + 1,
        sentence=f"classes: indices 0…{largest}, {why}",
    )


def _refuse_smeared_mask(present: Labels) -> None:
    """Grey levels around 0 and 255 are a mask that a lossy format or a resampling has smeared."""
    near_black = present <= _SAVED_GREY_MARGIN
    near_white = (present >= 255 - _SAVED_GREY_MARGIN) & (present <= 255)
    extremes = bool((near_black | near_white).all() and present.max() <= 255)
    if extremes and near_white.sum() > 1 and near_black.any() and 255 in present:
        raise LabelError(
            f"values {_some(present)} look like a black-and-white mask that was smeared",
            remedy="save masks without loss (PNG or TIFF) and without resampling",
        )


def _some(values: Labels) -> str:
    shown = ", ".join(str(value) for value in values[:6])
    return shown + (f", … {values[-1]}" if values.size > 6 else "")
