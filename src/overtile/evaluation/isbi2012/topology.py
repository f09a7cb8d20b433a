"""Objects and holes of a binary page, and what one pixel means to them.

Foreground is 4-connected and background 8-connected, so that a line of pixels that touch at their
corners separates two objects. The page has a frame of one background pixel, so whatever
background reaches the edge of the page is connected outside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.kernels import kernel


def _connectivity_numbers() -> NDArray[np.int8]:
    """Tabulate the connectivity number of a pixel: 4-neighbours minus full corners.

    Yokoi et al. (1975), "An analysis of topological properties of digitized binary pictures using
    local features", Computer Graphics and Image Processing 4. A neighbour adds one, and
    a 2 × 2 block of which the pixel is the last takes one away, as its two neighbours are connected
    without the pixel.
    """
    # Bit n of an index is neighbour n: east, north-east, north... anticlockwise, as in `around`.
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    beside = bits[:, 0::2]
    corners = beside & bits[:, 1::2] & np.roll(beside, -1, axis=1)
    numbers: NDArray[np.int8] = (beside.sum(axis=1) - corners.sum(axis=1)).astype(np.int8)
    return numbers


CONNECTIVITY_NUMBERS = _connectivity_numbers()
"""(256,) by neighbourhood, 0...4. 1 is a simple point: flipping it changes no object or hole.

Where foreground appears, objects minus holes change by 1 − the number; where it disappears, by
the number − 1."""


def objects_and_backgrounds(foreground: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give objects of a page numbers from 1 up, and pieces of its background from −1 down.

    Parameters
    ----------
    foreground : (Y, X) array of bool

    Returns
    -------
    pieces : (Y + 2, X + 2) array of int32
        With the frame, so −1 is the background around everything.
    """
    framed = np.pad(foreground, 1)
    pieces = ndi.label(framed)[0].astype(np.int32, copy=False)
    pieces -= ndi.label(~framed, structure=np.ones((3, 3)))[0].astype(np.int32, copy=False)
    return pieces


@kernel
def around(width: int) -> tuple[int, int, int, int, int, int, int, int]:
    """List the steps to a pixel's neighbours in a raveled page; the odd ones go to corners."""
    return (1, 1 - width, -width, -width - 1, -1, width - 1, width, width + 1)


@kernel
def connectivity_number(pieces: NDArray[np.int32], pixel: int, width: int) -> int:
    """Look up the connectivity number of a pixel inside the frame of raveled `pieces`."""
    # Written out: as a loop over `around` it takes twice as long.
    neighbourhood = (
        (pieces[pixel + 1] > 0)
        | (pieces[pixel + 1 - width] > 0) << 1
        | (pieces[pixel - width] > 0) << 2
        | (pieces[pixel - width - 1] > 0) << 3
        | (pieces[pixel - 1] > 0) << 4
        | (pieces[pixel + width - 1] > 0) << 5
        | (pieces[pixel + width] > 0) << 6
        | (pieces[pixel + width + 1] > 0) << 7
    )
    number: int = CONNECTIVITY_NUMBERS[neighbourhood]
    return number
