"""The sums behind the Rand F-score at every threshold, from one sweep over the sorted pixels.

While the threshold falls, pixels turn into foreground and 4-connected components grow together.
Where components with ``c`` and ``d`` pixels of the same truth object merge, the sum of squared
overlaps grows by ``(c + d)**2 - c**2 - d**2 = 2 * c * d``. So nothing is ever labelled anew: one
union-find over the pixels gives the sums at all 256 thresholds.

Each component keeps its overlaps as a chain of nodes, one per truth id, found again through a hash
of (component, truth id); of two components, the one with fewer nodes is merged into the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.evaluation.isbi2012.thresholds import thresholds_below
from overtile.kernels import kernel

# One record per pixel. A component is named by its root pixel, a node by a pixel of its truth id.
# Records, not one array per field: what is read together lies together in memory.
_PIXEL = np.dtype(
    [
        ("truth", np.int32),  # truth id of the pixel, and so of the node; 0 is background
        ("parent", np.int32),  # towards the root; -1 while the pixel is background
        ("first_node", np.int32),  # of a root: start of its chain, or -1
        ("nodes", np.int32),  # of a root: length of its chain
        ("next_node", np.int32),  # of a node: the next of the same component, or -1
        ("owner", np.int32),  # of a node: the root that it belongs to
        ("next_in_slot", np.int32),  # of a node: the next with the same hash, or -1
        ("first_in_slot", np.int32),  # of a hash (as many as pixels): the first node, or -1
        ("in_truth", np.int64),  # of a root: pixels of its component inside the truth foreground
        ("count", np.int64),  # of a node: pixels of its truth id in its component
    ],
    align=True,
)


def rand_sums(
    truth_foreground: NDArray[np.bool_],
    foreground_probability: NDArray[np.floating[Any]],
    ignore: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Sum squared segment sizes and overlaps of one page at each of the 256 thresholds.

    Segments are 4-connected components. Only pixels inside the truth foreground count; those
    that the proposal calls background are each a segment of their own.

    Parameters
    ----------
    truth_foreground : (Y, X) array of bool
        True inside cells.
    foreground_probability : (Y, X) array of float
        In [0, 1].
    ignore : (Y, X) array of bool, optional
        Pixels that are in no sum, as if they were truth background, but that objects and segments
        are connected through.

    Returns
    -------
    sums : (256, 3) array of int64
        Per threshold: squares of the overlaps, of the truth segments, of the proposed segments.
        Those of several pages add up.
    """
    truth = ndi.label(truth_foreground)[0].astype(np.int32, copy=False)
    if ignore is not None:
        truth[ignore] = 0
    exceeded = thresholds_below(foreground_probability).astype(np.uint16).ravel()
    # A stable sort of 16-bit numbers is a radix sort: linear, and raster order among equals.
    order = np.argsort(exceeded, kind="stable")
    sums = np.empty((256, 3), np.int64)
    sums[:, 1] = np.square(np.bincount(truth.ravel())[1:]).sum()
    pixels = np.empty(truth.size, _PIXEL)
    _plant(pixels, truth.ravel())
    _sweep(pixels, exceeded, order, truth.shape[1], sums)
    return sums


@kernel
def _plant(pixels: NDArray[np.void], truth: NDArray[np.int32]) -> None:
    """Start with every pixel in the background of the proposal; fills `pixels`."""
    for index in range(truth.size):
        pixel = pixels[index]
        pixel.truth = truth[index]
        pixel.parent = pixel.first_node = pixel.first_in_slot = -1
        pixel.nodes = pixel.in_truth = 0
        pixel.count = 1


@kernel
def _sweep(
    pixels: NDArray[np.void],
    exceeded: NDArray[np.uint16],
    order: NDArray[np.int64],
    width: int,
    sums: NDArray[np.int64],
) -> None:
    """Lower the threshold from 255/256 to 0 and note the sums at each; fills `sums`."""
    # While all is background, each pixel inside the truth is a segment of its own: 1² each.
    together = merged = np.count_nonzero(pixels["truth"])
    position = order.size
    for threshold in range(255, -1, -1):
        while position > 0 and exceeded[order[position - 1]] > threshold:
            position -= 1
            more_together, more_merged = _add_pixel(pixels, order[position], width)
            together += more_together
            merged += more_merged
        sums[threshold, 0] = together
        sums[threshold, 2] = merged


@kernel
def _add_pixel(pixels: NDArray[np.void], pixel: int, width: int) -> tuple[int, int]:
    """Make one pixel foreground; return how much the sums of overlaps and of segments grow."""
    pixels[pixel].parent = pixel
    if pixels[pixel].truth > 0:
        pixels[pixel].in_truth = 1
        _give(pixels, pixel, pixel)
    column = pixel % width
    together = merged = 0
    for step, exists in (
        (-width, pixel >= width),
        (-1, column > 0),
        (1, column < width - 1),
        (width, pixel + width < pixels.size),
    ):
        if exists and pixels[pixel + step].parent >= 0:
            more_together, more_merged = _merge(pixels, pixel + step, pixel)
            together += more_together
            merged += more_merged
    return together, merged


@kernel
def _merge(pixels: NDArray[np.void], one: int, other: int) -> tuple[int, int]:
    """Merge the components of two pixels; return how much the two sums grow."""
    large, small = _root(pixels, one), _root(pixels, other)
    if large == small:
        return 0, 0
    if pixels[large].nodes < pixels[small].nodes:
        large, small = small, large
    pixels[small].parent = large
    merged = 2 * pixels[large].in_truth * pixels[small].in_truth
    pixels[large].in_truth += pixels[small].in_truth
    together = 0
    node = pixels[small].first_node
    while node >= 0:
        following = pixels[node].next_node
        _take_out_of_slot(pixels, node)
        same = _node_of(pixels, large, pixels[node].truth)
        if same < 0:
            _give(pixels, node, large)
        else:
            together += 2 * pixels[same].count * pixels[node].count
            pixels[same].count += pixels[node].count
        node = following
    return together, merged


@kernel
def _root(pixels: NDArray[np.void], pixel: int) -> int:
    """Name the component of a foreground pixel, halving the path for the next who asks."""
    while pixels[pixel].parent != pixel:
        parent = pixels[pixel].parent
        pixels[pixel].parent = pixels[parent].parent
        pixel = pixels[pixel].parent
    return pixel


@kernel
def _slot(pixels: NDArray[np.void], owner: int, truth_id: int) -> int:
    """Hash (owner, truth id): at the owner for the first id, spread out for the others."""
    # A large prime has no divisor in common with the number of pixels, so no two ids of one
    # owner share a slot.
    slot: int = (owner + 2_654_435_761 * (truth_id - 1)) % pixels.size
    return slot


@kernel
def _node_of(pixels: NDArray[np.void], owner: int, truth_id: int) -> int:
    """Find the node of a component for a truth id, or −1."""
    node: int = pixels[owner].first_node
    # Most components lie in one truth object: their only node is the one sought.
    if node >= 0 and pixels[node].truth == truth_id:
        return node
    node = pixels[_slot(pixels, owner, truth_id)].first_in_slot
    while node >= 0 and (pixels[node].owner != owner or pixels[node].truth != truth_id):
        node = pixels[node].next_in_slot
    return node


@kernel
def _give(pixels: NDArray[np.void], node: int, owner: int) -> None:
    """Add a node to a component that has none of its truth id."""
    slot = _slot(pixels, owner, pixels[node].truth)
    pixels[node].next_in_slot = pixels[slot].first_in_slot
    pixels[slot].first_in_slot = node
    pixels[node].owner = owner
    pixels[node].next_node = pixels[owner].first_node
    pixels[owner].first_node = node
    pixels[owner].nodes += 1


@kernel
def _take_out_of_slot(pixels: NDArray[np.void], node: int) -> None:
    """Remove a node from the hash table, before it gets another owner or none."""
    slot = _slot(pixels, pixels[node].owner, pixels[node].truth)
    if pixels[slot].first_in_slot == node:
        pixels[slot].first_in_slot = pixels[node].next_in_slot
        return
    before = pixels[slot].first_in_slot
    while pixels[before].next_in_slot != node:
        before = pixels[before].next_in_slot
    pixels[before].next_in_slot = pixels[node].next_in_slot
