"""The faults in a training set that cost days, found in seconds, each with its remedy."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels, Pixels
from overtile.choices import LabelKind
from overtile.data.targets import consecutive, count_touching_pairs
from overtile.errors import OvertileError


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was noticed."""

    level: Literal["fault", "note"]
    """A fault stops training; a note is legal and worth knowing."""

    where: str
    """File, and page if it has several."""

    what: str
    remedy: str = ""

    def __str__(self) -> str:
        """Write the finding on one line."""
        return f"{self.where}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, kw_only=True)
class Page:
    """One image with its labels, as read."""

    name: str
    pixels: Pixels
    """(C, Y, X) grey values, native dtype."""

    labels: Labels
    """(Y, X) label values."""

    ignore: NDArray[np.bool_] | None = None
    """(Y, X), where the labels say nothing and hold 0; None if they tell of all pixels."""


def fault(error: OvertileError, where: str) -> Finding:
    """Turn an error of reading into a finding, so that one bad file does not hide the next."""
    return Finding(
        level="fault", where=str(error.path or where), what=error.fault, remedy=error.remedy
    )


def note(names: Sequence[str], what: str, of: str = "images") -> Finding:
    """Say something of some files, counted and named; `what` leads to the names."""
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return Finding(level="note", where=f"{len(names)} of the {of}", what=f"{what} {shown}")


def check_page(page: Page) -> list[Finding]:
    """Look for faults that one image and its labels show by themselves."""
    findings = []
    if page.pixels.shape[1:] != page.labels.shape:
        height, width = page.pixels.shape[1:]
        findings.append(
            Finding(
                level="fault",
                where=page.name,
                what=f"the image is {height}x{width} px, its labels {page.labels.shape[0]}x"
                f"{page.labels.shape[1]} px",
                remedy="pair images and labels of the same size; check --axes",
            )
        )
    if len(page.pixels) == 1 and np.array_equal(page.pixels[0], page.labels):
        findings.append(
            Finding(
                level="fault",
                where=page.name,
                what="its labels are the image itself",
                remedy="give the label images in the place of the images",
            )
        )
    if page.pixels.min() == page.pixels.max():
        findings.append(
            Finding(
                level="fault",
                where=page.name,
                what=f"every pixel is {page.pixels.flat[0]}",
                remedy="export the image again, or leave it out with its labels",
            )
        )
    return findings


def check_set(pages: Sequence[Page], kind: LabelKind) -> list[Finding]:
    """Look for what only the whole set shows, and for what is legal but notable.

    Parameters
    ----------
    pages : sequence of Page
        Of which every one passed `check_page`.
    kind : {"instances", "binary", "classes"}
        How the labels are read.

    Returns
    -------
    findings : list of Finding
        Faults first.
    """
    findings = _differing_channels(pages) + _same_twice(pages) + _no_background(pages, kind)
    findings += _copies(pages)
    empty = [page.name for page in pages if not page.labels.any()]
    if empty:
        findings.append(note(empty, "no foreground in the labels of"))
    if kind == "instances":
        pairs = [count_touching_pairs(page.labels) for page in pages]
        touching = [page.name for page, count in zip(pages, pairs, strict=True) if count]
        if touching:
            what = f"{sum(pairs)} pairs of objects touch, kept apart by a pixel in training, in"
            findings.append(note(touching, what))
        gaps = [page.name for page in pages if not consecutive(page.labels)]
        if gaps:
            findings.append(note(gaps, "ids are not 1…n without gaps, which is fine, in"))
    return findings


def _differing_channels(pages: Sequence[Page]) -> list[Finding]:
    usual = len(pages[0].pixels)
    return [
        Finding(
            level="fault",
            where=page.name,
            what=f"has {len(page.pixels)} channels, {pages[0].name} has {usual}",
            remedy="train on images of one kind; convert or leave out the others",
        )
        for page in pages
        if len(page.pixels) != usual
    ]


def _same_twice(pages: Sequence[Page]) -> list[Finding]:
    """One image with two label images, or one label image for two images: a wrong pair."""
    findings = []
    by_pixels: dict[bytes, Page] = {}
    by_labels: dict[bytes, Page] = {}
    for page in pages:
        twin = by_pixels.setdefault(_digest(page.pixels), page)
        if twin is not page and not np.array_equal(twin.labels, page.labels):
            findings.append(_pair_fault(page, twin, "is the same image with other labels"))
        # One value all over fits any image: empty, or nothing but foreground.
        if page.labels.min() == page.labels.max():
            continue
        twin = by_labels.setdefault(_digest(page.labels), page)
        if twin is not page and not np.array_equal(twin.pixels, page.pixels):
            findings.append(_pair_fault(page, twin, "is another image with the same labels"))
    return findings


def _copies(pages: Sequence[Page]) -> list[Finding]:
    seen: set[tuple[bytes, bytes]] = set()
    copies = []
    for page in pages:
        content = (_digest(page.pixels), _digest(page.labels))
        copies += [page.name] * (content in seen)
        seen.add(content)
    what = "same image and labels as another, which then counts twice:"
    return [note(copies, what)] if copies else []


def _no_background(pages: Sequence[Page], kind: LabelKind) -> list[Finding]:
    partial = any(page.ignore is not None for page in pages)
    if partial or kind == "instances" or not all(page.labels.all() for page in pages):
        return []
    lowest = min(page.labels.min() for page in pages)
    return [
        Finding(
            level="fault",
            where=pages[0].name,
            what="its labels, and those of all images, have no background: the lowest value is "
            f"{lowest}",
            remedy="check that these are the label images, and that 0 means background",
        )
    ]


def _pair_fault(page: Page, twin: Page, what: str) -> Finding:
    return Finding(
        level="fault",
        where=page.name,
        what=f"{what} as {twin.name}",
        remedy="one of the two pairs is wrong; mend or remove it",
    )


def _digest(array: Pixels) -> bytes:
    return hashlib.sha256(f"{array.shape}{array.dtype}".encode() + array.tobytes()).digest()
