"""Synthetic micrographs with known truth, for the demo and for tests.

Both scenes are made to be learnt, not to be thresholded: their objects and what lies between them
share most of their grey values, and organelles or debris are as dark or as bright as the borders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import Floats, Labels
from overtile.data.texture import (
    blotches,
    cytoplasm,
    distance_to_border,
    dots,
    grain,
    membrane_shade,
    mitochondria,
    record,
    thickness,
)
from overtile.errors import ConfigError, ImageError

Scene: TypeAlias = Literal["membranes", "cells"]
"""What can be generated: tissue in electron microscopy, or cells in phase contrast."""

Scenery: TypeAlias = tuple[NDArray[np.uint8], Labels]
"""Grey values and instance labels of one image, both (Y, X)."""

SMALLEST_SIDE_PX = 64
"""Below this, an image could not hold a whole cell."""

ANGLES = np.linspace(0, 2 * np.pi, 96, endpoint=False)
"""Directions, in radians, in which the outline of a cell is given."""


CORNER_PX = 2.0
"""Radius to which the corners of cells in tissue are rounded."""


def generate(scene: Scene, shape: tuple[int, int], rng: np.random.Generator) -> Scenery:
    """Generate one image and its labels.

    Parameters
    ----------
    scene : {"membranes", "cells"}
        See `membranes` and `phase_contrast_cells`.
    shape : (int, int)
        Rows and columns, at least 64 each.
    rng : Generator
        Its state alone decides the image.

    Returns
    -------
    pixels : (Y, X) array of uint8
    labels : (Y, X) array of uint32
        0 is background; every id of 1...n is one 4-connected piece.

    Raises
    ------
    ConfigError, ImageError
        If there is no such scene, or `shape` is too small.
    """
    if scene not in get_args(Scene):
        raise ConfigError(
            f"there is no synthetic scene {scene!r}",
            remedy=f"use one of {', '.join(get_args(Scene))}",
        )
    return membranes(shape, rng) if scene == "membranes" else phase_contrast_cells(shape, rng)


def membranes(shape: tuple[int, int], rng: np.random.Generator) -> Scenery:
    """Draw closely packed cells with dark membranes, like nerve tissue in electron microscopy.

    Arguments and errors are those of `generate`.

    Returns
    -------
    pixels : (Y, X) array of uint8
        Light cytoplasm, dark membranes; mitochondria and vesicles as dark as membranes.
    labels : (Y, X) array of uint32
        Interiors of cells; 0 is membrane, 3 px wide or more between any two ids.
    """
    _check(shape)
    _, owner = _compete(_packed(shape, rng), shape, 7.0, rng)
    half_width_px = np.clip(1.9 + 0.5 * blotches(shape, 30, rng), 1.5, 3.0)
    core = distance_to_border(owner) >= half_width_px + CORNER_PX
    inside = ndi.distance_transform_edt(~core) <= CORNER_PX
    # 8-connected, so that two pieces that meet at a corner are never two ids that touch.
    pieces, _ = ndi.label(inside, np.ones((3, 3)))
    labels = _whole(pieces, smallest_px=40)
    grey = cytoplasm(labels, rng) - membrane_shade(labels, rng) - mitochondria(labels, rng)
    grey += 9 * blotches(shape, 120, rng)
    return record(grey, 0.35, 0.65, rng), labels


def phase_contrast_cells(shape: tuple[int, int], rng: np.random.Generator) -> Scenery:
    """Draw clusters of touching cells with halo, like adherent cells in phase contrast.

    The image is the cells' thickness minus its own blurred copy, which is how phase contrast
    arises: it makes the bright halo outside, and fades the interior to the background's grey [1]_.
    Arguments and errors are those of `generate`.

    Returns
    -------
    pixels : (Y, X) array of uint8
    labels : (Y, X) array of uint32
        Cells; touching cells share a border without background between them.

    References
    ----------
    .. [1] Yin, Kanade, Chen (2012), "Understanding the phase contrast optics to restore
       artifact-free microscopy images for segmentation", Medical Image Analysis 16, 1047-1062.
    """
    _check(shape)
    level, owner = _compete(_clustered(shape, rng), shape, 4.0, rng)
    labels = _whole(np.where(level < 0, owner, 0), smallest_px=120)
    delay = thickness(labels, rng)
    halo = 0.75 * ndi.gaussian_filter(delay, 9) + 0.4 * ndi.gaussian_filter(delay, 3)
    outside = (labels == 0) * np.float32(1e-4)
    debris = dots(3 * outside, 1.7, rng) - 0.4 * dots(8 * outside, 1.2, rng)
    contrast = halo - delay
    # The halo is brighter than the cell is dark: an edge also refracts light outwards.
    grey = 104 + 125 * contrast + 110 * np.maximum(contrast, 0) + 85 * debris
    grey += 3 * grain(shape, 1.5, rng) + 20 * blotches(shape, 150, rng)
    return record(grey, 2.0, 0.7, rng), labels


@dataclass(frozen=True)
class _Cell:
    """Centre of a cell and the distance of its outline in each of `ANGLES`, in pixels."""

    y: float
    x: float
    outline_px: NDArray[np.float64]

    def level(self, y: Floats, x: Floats) -> Floats:
        """Tell how far outside the outline each point is, about in pixels; negative inside."""
        dy, dx = y - np.float32(self.y), x - np.float32(self.x)
        outline = np.interp(np.arctan2(dy, dx), ANGLES, self.outline_px, period=2 * np.pi)
        # Relative to the outline, so that the centre is equally deep from every direction.
        level = (np.hypot(dy, dx) / outline - 1) * self.outline_px.min()
        return np.asarray(level, np.float32)


def _check(shape: tuple[int, int]) -> None:
    if min(shape) < SMALLEST_SIDE_PX:
        raise ImageError(
            f"a synthetic image cannot have shape {tuple(shape)}",
            remedy=f"ask for (rows, columns) of at least {SMALLEST_SIDE_PX} px each",
        )


def _ellipse_outline(
    radius_px: float, largest_stretch: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    stretch, turned = rng.uniform(1, largest_stretch), ANGLES - rng.uniform(0, np.pi)
    return radius_px / np.hypot(np.cos(turned) / stretch, np.sin(turned) * stretch)


def _packed(shape: tuple[int, int], rng: np.random.Generator) -> list[_Cell]:
    """Throw darts, large cells first, until small ones fill the gaps; beyond the border too."""
    margin_px = 30
    height, width = shape[0] + 2 * margin_px, shape[1] + 2 * margin_px
    drawn = np.clip(rng.lognormal(np.log(19), 0.5, height * width // 1100), 11, 60)
    radii = np.concatenate([np.sort(drawn)[::-1], rng.uniform(9, 14, height * width // 120)])
    places = rng.uniform(-margin_px, (height - margin_px, width - margin_px), (radii.size, 2))
    kept = np.empty(0, int)
    for i, radius_px in enumerate(radii):
        gaps = np.hypot(*(places[kept] - places[i]).T) - 0.88 * (radii[kept] + radius_px)
        if np.all(gaps > 0):
            kept = np.append(kept, i)
    outlines = [_ellipse_outline(radius_px, 1.7, rng) for radius_px in radii[kept]]
    return [_Cell(y, x, line) for (y, x), line in zip(places[kept], outlines, strict=True)]


def _clustered(shape: tuple[int, int], rng: np.random.Generator) -> list[_Cell]:
    """Found clusters at random places and let each grow by cells that overlap an earlier one."""
    centres, radii = np.empty((0, 2)), np.empty(0)
    for _ in range(max(2, shape[0] * shape[1] // 7500)):
        place, first = rng.uniform(0, shape), len(radii)
        for _ in range(rng.integers(1, 8)):
            radius = rng.uniform(12, 21)
            if len(radii) > first:
                parent = rng.integers(first, len(radii))
                angle = rng.uniform(0, 2 * np.pi)
                step = 0.95 * (radii[parent] + radius)
                place = centres[parent] + step * np.array([np.sin(angle), np.cos(angle)])
            if np.all(np.hypot(*(centres - place).T) > 0.85 * (radii + radius)):
                centres, radii = np.vstack([centres, place]), np.append(radii, radius)
    outlines = [_spindle_outline(radius_px, rng) for radius_px in radii]
    return [_Cell(y, x, line) for (y, x), line in zip(centres, outlines, strict=True)]


def _spindle_outline(radius_px: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a stretched body with up to four tapering processes."""
    outline = _ellipse_outline(radius_px, 1.5, rng)
    tip = ANGLES[outline.argmax()]
    directions = [tip, tip + np.pi, *rng.uniform(0, 2 * np.pi, 2)]
    for direction in directions[: rng.integers(0, 5)]:
        turned = np.angle(np.exp(1j * (ANGLES - direction - rng.normal(0, 0.2))))
        outline += radius_px * rng.uniform(0.5, 2.4) * np.exp(-np.abs(turned) / 0.25)
    return outline


def _compete(
    cells: list[_Cell], shape: tuple[int, int], warp_px: float, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int32]]:
    """Give each pixel to the cell whose outline it is deepest in, on smoothly warped ground.

    Returns about the distance to that outline, negative inside, and 1 + the index of the cell;
    pixels far from every outline get the index 0.
    """
    warp = [blotches(shape, 22, rng) + 0.1 * blotches(shape, 7, rng) for _ in "yx"]
    ground = np.indices(shape, np.float32) + np.float32(warp_px) * np.clip(warp, -3, 3)
    level = np.full(shape, np.inf, np.float32)
    owner = np.zeros(shape, np.int32)
    for index, cell in enumerate(cells, 1):
        reach = int(cell.outline_px.max() + 25 + 3 * warp_px)
        top, left = max(int(cell.y) - reach, 0), max(int(cell.x) - reach, 0)
        # A cell beyond the border may leave an empty part, but never one counted from the end.
        part = np.s_[top : max(int(cell.y) + reach, 0), left : max(int(cell.x) + reach, 0)]
        depth = cell.level(ground[0][part], ground[1][part])
        closer = depth < level[part]
        level[part][closer] = depth[closer]
        owner[part][closer] = index
    return level, owner


def _whole(ids: NDArray[np.integer], smallest_px: int) -> Labels:
    """Keep the largest 4-connected piece of each id, if large enough, numbered from 1."""
    labels = np.zeros(ids.shape, np.uint32)
    present = np.bincount(ids.ravel()) > 0
    present[0] = False
    dense = (present * np.cumsum(present))[ids]
    count = 0
    for index, window in enumerate(ndi.find_objects(dense), 1):
        pieces, _ = ndi.label(dense[window] == index)
        sizes = np.bincount(pieces.ravel())[1:]
        if sizes.max() >= smallest_px:
            count += 1
            labels[window][pieces == 1 + sizes.argmax()] = count
    return labels
