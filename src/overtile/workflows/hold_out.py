"""Which annotated images judge instead of being learnt from."""

from __future__ import annotations

from dataclasses import dataclass

from overtile.choices import LabelKind
from overtile.data.check import Page
from overtile.data.partial import shows
from overtile.errors import ConfigError
from overtile.training.split import (
    hold_out_fraction,
    hold_out_pages,
    keep_classes,
    shown_classes,
    spread,
)
from overtile.workflows.annotated import AnnotatedSet, image_digest
from overtile.workflows.start_from import Seen

NEW = Seen()
"""By a network that starts from random weights."""


@dataclass(frozen=True, kw_only=True)
class HoldOut:
    """What is kept from training to validate on; at most one of the three ways."""

    fraction: float | None = None
    """Share of the images."""

    pages: tuple[int, ...] | None = None
    """Numbers of pages over all files, from 0."""

    images: str | None = None
    labels: str | None = None
    """Places of their own."""

    left_out: tuple[int, ...] = ()
    """Numbers of pages that are neither learnt from nor judged."""

    def __post_init__(self) -> None:
        if (self.images is None) != (self.labels is None):
            raise ConfigError(
                "validation needs images and labels",
                remedy="give both --validation-images and --validation-labels",
            )
        given = [self.fraction is not None, self.pages is not None, self.images is not None]
        if sum(given) > 1:
            raise ConfigError(
                "validation images are named in more than one way",
                remedy="use one of --validation, --validation-pages and --validation-images",
            )
        if self.fraction is not None and not 0 <= self.fraction < 1:
            raise ConfigError(
                f"--validation is a share of the images, got {self.fraction:g}",
                remedy="give a number from 0 up to, but not including, 1",
            )


def choose_held_out(
    found: AnnotatedSet, hold_out: HoldOut, default_fraction: float, seen: Seen = NEW
) -> list[int]:
    """Choose whole images of a set.

    Parameters
    ----------
    found : AnnotatedSet
    hold_out : HoldOut
        By pages, or by a share.
    default_fraction : float
        Share to hold out where `hold_out` does not say it.
    seen : Seen, optional
        By the model that training starts from. Images that it has learnt from are not held out,
        unless named; those that judged it judge again.

    Returns
    -------
    positions : list of int
        In `found.pages`, ascending.

    Raises
    ------
    ConfigError
        If a page that is named is not there, or none is left.
    """
    if hold_out.pages is not None:
        return hold_out_pages(found.numbers, hold_out.pages)
    fraction = default_fraction if hold_out.fraction is None else hold_out.fraction
    held_out, free = hold_out_fraction(len(found.pages), fraction), list(range(len(found.pages)))
    if seen.learnt:
        held_out, free = _unseen(found, seen, len(held_out))
    kind = found.demand().kind
    return keep_classes([_shown(page, kind) for page in found.pages], held_out, free)


def _unseen(found: AnnotatedSet, seen: Seen, most: int) -> tuple[list[int], list[int]]:
    """Hold out what judged before, and of new images as large a share as of all: they are there to
    be learnt from. Give also what could be held out.
    """
    digests = [image_digest(page) for page in found.pages]
    judged = [n for n, digest in enumerate(digests) if digest in seen.judges - seen.learnt]
    new = [n for n, digest in enumerate(digests) if digest not in seen.judges | seen.learnt]
    again = spread(judged, most)
    share = round(most * len(new) / len(digests))
    if not again and len(new) > 1:
        share = max(1, share)
    held_out = sorted([*again, *spread(new, min(share, most - len(again)))])
    return held_out, sorted([*judged, *new])


def _shown(page: Page, kind: LabelKind) -> frozenset[int]:
    """Name what a page teaches: classes, or 1 for objects; of a part also 0 for background."""
    foreground, background = shows(page.labels, page.ignore)
    shown = shown_classes(page.labels) if kind == "classes" else frozenset([1] * foreground)
    return shown | {0} if background and page.ignore is not None else shown
