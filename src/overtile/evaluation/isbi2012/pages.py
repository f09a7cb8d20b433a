"""Pages to compare: checked once, then taken one by one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overtile.errors import ImageError
from overtile.evaluation.checks import check_foreground, check_pair, checked_probabilities


class CheckedPage(NamedTuple):
    """One page, all arrays (Y, X)."""

    truth: NDArray[np.bool_]
    """True inside cells."""

    probability: NDArray[np.floating[Any]]
    """Of foreground, in [0, 1]."""

    ignore: NDArray[np.bool_] | None = None
    """Pixels that count nowhere."""


def checked_pages(
    truth: NDArray[np.bool_],
    probability: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
) -> list[CheckedPage]:
    """Check a page or a stack of pages, and take it apart.

    Parameters
    ----------
    truth : (P, Y, X) or (Y, X) array of bool
        True inside cells.
    probability : array of float
        In [0, 1], same shape.
    ignore : array of bool, optional
        Pixels that count nowhere, same shape.

    Raises
    ------
    ImageError
        If shapes differ, are not pages, or a probability is outside [0, 1].
    """
    check_foreground(truth, probability)
    stacks = [_as_pages(truth), _as_pages(checked_probabilities(probability))]
    if ignore is not None:
        check_pair(truth, ignore)
        stacks.append(_as_pages(ignore.astype(bool, copy=False)))
    return [CheckedPage(*page) for page in zip(*stacks, strict=True)]


def _as_pages(pages: NDArray[Any]) -> NDArray[Any]:
    """View a page or a stack of pages as (P, Y, X)."""
    if pages.ndim not in (2, 3):
        raise ImageError(
            f"pages must have shape (Y, X) or (P, Y, X), not {pages.shape}",
            remedy="score one channel, and fold time and depth into one axis of pages",
        )
    return pages.reshape(-1, *pages.shape[-2:])
