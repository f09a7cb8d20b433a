"""Objects that span regions: one id each, as if the page had been labelled in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from overtile.arrays import Labels
from overtile.errors import ImageError

_LARGEST_ID = (1 << 32) - 1


@dataclass(frozen=True)
class Region:
    """A rectangle of a page, in pixels of the page."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


class RegionLabeller:
    """Joins the pieces of a page that were labelled region by region.

    Regions come strip by strip, those of a strip from top to bottom, and all strips are cut at the
    same rows. Memory grows with the edges of regions and the number of pieces, not with pixels.

    Parameters
    ----------
    size : (Y, X)
        Of the page in pixels.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._count = 0
        self._offsets: dict[tuple[int, int], tuple[int, int]] = {}
        self._sizes: list[NDArray[np.int64]] = []
        self._firsts: list[NDArray[np.int64]] = []
        self._touching: list[NDArray[np.int64]] = []
        self._left = np.zeros(size[0], np.int64)
        """Ids in the last column of the strip to the left."""

        self._right = np.zeros(size[0], np.int64)
        self._above: NDArray[np.int64] | None = None
        """Ids in the last row of the region above."""

    def add(self, region: Region, pieces: Labels) -> None:
        """Take the pieces of a region.

        Parameters
        ----------
        region : Region
        pieces : (y, x) array of uint32
            Its 4-connected pieces, 1…n without gaps; 0 is background.
        """
        if region.rows.start == 0:
            self._begin_strip(region.columns.start)
        count = int(pieces.max(initial=0))
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)
        self._sizes.append(sizes[1:])
        self._firsts.append(self._first_pixels(region, pieces, count))
        offset = self._count
        self._offsets[region.rows.start, region.columns.start] = (offset, count)
        self._count += count

        def named(edge: Labels) -> NDArray[np.int64]:
            # From 1, so that background stays 0.
            return np.where(edge > 0, edge.astype(np.int64) + offset, 0)

        if self._above is not None:
            self._touch(self._above, named(pieces[0]))
        if region.columns.start:
            self._touch(self._left[region.rows], named(pieces[:, 0]))
        self._above = named(pieces[-1])
        self._right[region.rows] = named(pieces[:, -1])

    def resolve(self, smallest_px: int) -> FinalIds:
        """Join all pieces that touch, leave out small objects and number the others.

        Parameters
        ----------
        smallest_px : int
            Area in pixels that an object must have to be kept.

        Raises
        ------
        ImageError
            If there are more objects than 32 bits can number.
        """
        # The first column holds pieces, the second what they touch; ids count from 1.
        pairs = np.concatenate([np.zeros((0, 2), np.int64), *self._touching]) - 1
        links = sparse.coo_matrix(
            (np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (self._count, self._count)
        )
        objects, of_piece = csgraph.connected_components(links, directed=False)
        sizes = np.zeros(objects, np.int64)
        np.add.at(sizes, of_piece, np.concatenate([np.zeros(0, np.int64), *self._sizes]))
        firsts = np.full(objects, np.iinfo(np.int64).max)
        np.minimum.at(firsts, of_piece, np.concatenate([np.zeros(0, np.int64), *self._firsts]))
        kept = np.flatnonzero(sizes >= max(1, smallest_px))
        if len(kept) > _LARGEST_ID:
            raise ImageError(
                f"holds {len(kept)} objects, more than 32 bits can number",
                remedy="set a larger `smallest_object_px` or predict parts of it",
            )
        ids = np.zeros(objects + 1, np.uint32)
        ids[kept[np.argsort(firsts[kept])]] = np.arange(1, len(kept) + 1)
        return FinalIds(ids[of_piece], self._offsets, len(kept))

    def _begin_strip(self, column: int) -> None:
        self._left, self._right = self._right, np.zeros(self._size[0], np.int64)
        self._above = None
        if column == 0:
            self._left = np.zeros(self._size[0], np.int64)

    def _first_pixels(self, region: Region, pieces: Labels, count: int) -> NDArray[np.int64]:
        """Tell where in the page each piece begins, in reading order."""
        flat = pieces.ravel()
        places = np.flatnonzero(flat)
        firsts = np.full(count, -1, np.int64)
        # Backwards, so that of a piece its first pixel is written last.
        firsts[flat[places[::-1]].astype(np.int64) - 1] = places[::-1]
        rows, columns = np.divmod(firsts, region.shape[1])
        found: NDArray[np.int64] = (
            (rows + region.rows.start) * self._size[1] + columns + region.columns.start
        )
        return found

    def _touch(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
        both = np.stack([one, other], axis=1)[(one > 0) & (other > 0)]
        self._touching.append(np.unique(both, axis=0))


@dataclass(frozen=True, eq=False)
class FinalIds:
    """From pieces of regions to objects of the page."""

    _ids: NDArray[np.uint32]
    _offsets: dict[tuple[int, int], tuple[int, int]]
    count: int
    """Objects of the page; their ids are 1…count."""

    def of(self, region: Region, pieces: Labels) -> Labels:
        """Turn the pieces of a region that was added into ids of objects."""
        offset, count = self._offsets[region.rows.start, region.columns.start]
        table = np.zeros(count + 1, np.uint32)
        table[1:] = self._ids[offset : offset + count]
        return np.asarray(table[pieces])
