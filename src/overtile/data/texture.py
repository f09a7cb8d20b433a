"""What synthetic micrographs are painted with: noise, organelles and the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import Floats, Labels

Window: TypeAlias = tuple[slice, slice]
"""Rows and columns of a part of an image."""


def blotches(shape: tuple[int, int], size_px: float, rng: np.random.Generator) -> Floats:
    """Draw smooth noise: random values on a coarse grid, joined by cubic splines.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    size_px : float
        Distance of the grid nodes in pixels, at least 1; about the radius of one blotch.
    rng : Generator

    Returns
    -------
    noise : (Y, X) array of float32
        Mean 0, standard deviation somewhat below 1.

    Examples
    --------
    >>> blotches((64, 80), 16.0, np.random.default_rng(0)).shape
    (64, 80)
    """
    # Splines on a coarse grid cost the same for any size; a wide Gaussian filter does not.
    nodes = [int(np.ceil(side / size_px)) + 3 for side in shape]
    coarse = rng.standard_normal(nodes, dtype=np.float32)
    fine = ndi.zoom(coarse, size_px, order=3, mode="nearest")
    return np.asarray(fine[: shape[0], : shape[1]], np.float32)


def grain(shape: tuple[int, int], sd_px: float, rng: np.random.Generator) -> Floats:
    """Draw fine noise: white noise under a Gaussian filter of `sd_px`, scaled back to SD 1."""
    white = rng.standard_normal(shape, dtype=np.float32)
    # A Gaussian filter divides the SD of white noise by 2 sqrt(pi) sd, for sd of a pixel or more.
    return np.asarray(ndi.gaussian_filter(white, sd_px) * (2 * np.sqrt(np.pi) * sd_px), np.float32)


def dots(density: Floats, sd_px: float, rng: np.random.Generator) -> Floats:
    """Scatter round dots at random pixels.

    Parameters
    ----------
    density : (Y, X) array of float32
        Probability in [0, 1] that a dot has its centre at this pixel.
    sd_px : float
        Radius of the dots, as the SD of a Gaussian in pixels.
    rng : Generator

    Returns
    -------
    image : (Y, X) array of float32
        Zero between the dots; a single dot peaks between 0.5 and 1.5.
    """
    hits = rng.random(density.shape, dtype=np.float32) < density
    peaks = hits * rng.uniform(0.5, 1.5, density.shape) * (2 * np.pi * sd_px**2)
    return np.asarray(ndi.gaussian_filter(peaks.astype(np.float32), sd_px), np.float32)


@dataclass(frozen=True, kw_only=True)
class Ellipse:
    """Place of an organelle or a nucleus; lengths in pixels of the image."""

    y: float
    x: float
    long_px: float
    """Longer half axis."""

    short_px: float
    """Shorter half axis."""

    angle: float
    """Direction of the longer axis, in radians from the columns' direction."""

    def near(self, shape: tuple[int, int]) -> tuple[Window, Floats, Floats]:
        """Measure the surroundings of the ellipse.

        Returns
        -------
        window : (slice, slice)
            Rows and columns up to 5 px beyond the ellipse, cut at the image border.
        radius : array of float32
            1 on the outline, 0 in the centre; one value per pixel of the window.
        across : array of float32
            Distance from the longer axis, in pixels, with a sign for the side.
        """
        reach = int(self.long_px) + 5
        top, left = int(self.y) - reach, int(self.x) - reach
        rows = slice(max(top, 0), min(top + 2 * reach + 1, shape[0]))
        columns = slice(max(left, 0), min(left + 2 * reach + 1, shape[1]))
        y, x = np.ogrid[rows, columns]
        dy, dx = (y - self.y).astype(np.float32), (x - self.x).astype(np.float32)
        along = dx * np.float32(np.cos(self.angle)) + dy * np.float32(np.sin(self.angle))
        across = dy * np.float32(np.cos(self.angle)) - dx * np.float32(np.sin(self.angle))
        radius = np.hypot(along / self.long_px, across / self.short_px)
        return (rows, columns), radius.astype(np.float32), across


def record(
    grey: Floats, photons_per_grey: float, blur_sd_px: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Take the picture: shot noise, the blur of optics and scanner, eight bits.

    Parameters
    ----------
    grey : (Y, X) array of float32
        Grey values in [0, 255]; values beyond are cut.
    photons_per_grey : float
        Fewer photons give more noise: the SD is ``sqrt(grey / photons_per_grey)``.
    blur_sd_px : float
        SD of the Gaussian blur, in pixels.
    rng : Generator

    Returns
    -------
    pixels : (Y, X) array of uint8
    """
    counts = rng.poisson(np.clip(grey, 0, 255) * photons_per_grey) / photons_per_grey
    blurred = ndi.gaussian_filter(counts.astype(np.float32), blur_sd_px)
    return np.clip(np.rint(blurred), 0, 255).astype(np.uint8)


def cytoplasm(labels: Labels, rng: np.random.Generator) -> Floats:
    """Paint cells in grey values: mottled, some darker than others, some full of vesicles."""
    shape, count = labels.shape, int(labels.max())
    offset = rng.normal(0, 9, count) - 38 * (rng.random(count) < 0.06)
    crowded = _per_cell(rng.choice([0.0008, 0.003, 0.008], count, p=[0.6, 0.3, 0.1]), labels)
    # A vesicle is cut as a dark ring: a disc less a smaller one, from twice the same random state.
    seed = int(rng.integers(1 << 32))
    discs, holes = (dots(crowded, sd, np.random.default_rng(seed)) for sd in (2.2, 1.1))
    mottle = 11 * grain(shape, 1.0, rng) + 7 * grain(shape, 2.5, rng) + 5 * blotches(shape, 14, rng)
    smooth = np.asarray(ndi.gaussian_filter(_per_cell(offset, labels), 1.5), np.float32)
    return 158 + mottle + smooth - 95 * (discs - holes) - 60 * dots(crowded, 1.2, rng)


def membrane_shade(labels: Labels, rng: np.random.Generator) -> Floats:
    """Darken membranes: unevenly deep, here and there cut at a slant and so wide and faint."""
    shape, membrane = labels.shape, labels == 0
    outwards = ndi.distance_transform_edt(membrane) - ndi.distance_transform_edt(~membrane)
    slant = np.clip(blotches(shape, 24, rng) - 0.5, 0, 1.2)
    depth = np.clip(88 + 18 * blotches(shape, 14, rng) - 38 * slant, 35, 125)
    edge = 1 / (1 + np.exp(-outwards / (0.7 + 1.6 * slant)))
    synapses = 55 * dots(membrane * np.float32(0.0008), 4.0, rng)
    return np.asarray(depth * edge + np.minimum(synapses, 75), np.float32)


def mitochondria(labels: Labels, rng: np.random.Generator) -> Floats:
    """Darken organelles with a rim and folded inner membranes, one in many of the larger cells."""
    shade = np.zeros(labels.shape, np.float32)
    room = np.asarray(ndi.distance_transform_edt(labels > 0), np.float32)
    for index, window in enumerate(ndi.find_objects(labels.astype(np.int32)), 1):
        short_px = rng.uniform(7, 17)
        spots = np.argwhere((labels[window] == index) & (room[window] > short_px + 3))
        if len(spots) == 0 or rng.random() > 0.6:
            continue
        y, x = spots[rng.integers(len(spots))] + [window[0].start, window[1].start]
        part, radius, across = _ellipse(y, x, short_px, rng).near(labels.shape)
        rim = np.exp(-(((radius - 1) * short_px / 1.6) ** 2))
        folds = np.sin(
            across * (2 * np.pi / rng.uniform(4, 6)) + 2 * blotches(radius.shape, 8, rng)
        )
        inside = np.clip((1 - radius) * short_px / 2, 0, 1)
        shade[part] += (labels[part] == index) * (75 * rim + inside * (42 + 24 * folds))
    return shade


def thickness(labels: Labels, rng: np.random.Generator) -> Floats:
    """Model how much each pixel of a cell delays light, unitless; 0 outside cells."""
    shape, count = labels.shape, int(labels.max())
    edge = np.where(labels > 0, distance_to_border(labels), 0)
    height = _per_cell(np.clip(rng.lognormal(-0.3, 0.4, count), 0.5, 2.2), labels)
    body = height * (1 - np.exp(-edge / 3.5)) * (1 + 0.15 * blotches(shape, 9, rng))
    granules = 0.33 * dots(0.012 * height, 1.2, rng) + 0.05 * grain(shape, 1.3, rng)
    centres = np.reshape(ndi.maximum_position(edge, labels, range(1, count + 1)), (count, 2))
    for index, (y, x) in enumerate(centres.astype(int), 1):
        short_px = max(0.5 * float(edge[y, x]), 3.0)
        part, radius, _ = _ellipse(y, x, short_px, rng).near(shape)
        own = labels[part] == index
        nucleus = own * np.clip((1 - radius) * short_px / 1.5, 0, 1)
        rim = own * np.exp(-(((radius - 1) * short_px / 1.2) ** 2))
        nucleoli = nucleus * dots(nucleus * np.float32(2.5 / short_px**2), 1.7, rng)
        granules[part] *= 1 - 0.85 * nucleus
        body[part] += 0.12 * rim - 0.1 * nucleus + 0.4 * nucleoli
    return np.asarray((body + granules) * (labels > 0), np.float32)


def distance_to_border(ids: NDArray[np.integer]) -> Floats:
    """Measure how far each pixel is from the nearest change of id, in pixels."""
    border = np.zeros(ids.shape, bool)
    border[1:] |= ids[1:] != ids[:-1]
    border[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    # Without any border the transform has nothing to measure to.
    border[0, 0] |= not border.any()
    return np.asarray(ndi.distance_transform_edt(~border), np.float32)


def _ellipse(y: float, x: float, short_px: float, rng: np.random.Generator) -> Ellipse:
    return Ellipse(
        y=float(y),
        x=float(x),
        short_px=short_px,
        long_px=1.3 * short_px,
        angle=rng.uniform(0, 3.14),
    )


def _per_cell(values: NDArray[np.float64], labels: Labels) -> Floats:
    """Give every pixel the value of its cell, 0 outside."""
    return np.concatenate([[0.0], values]).astype(np.float32)[labels]
