"""Few images made many: shift, rotation, elastic deformation and grey values (Sec. 3.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import Floats
from overtile.config import AugmentationConfig
from overtile.data.deform import affine_field, bend

_BLURRED_SHARE = 0.25


def draw_field(
    size: int, start: tuple[int, int], config: AugmentationConfig, rng: np.random.Generator
) -> Floats:
    """Draw all geometric changes of one tile, composed into one field that is resampled once.

    Parameters
    ----------
    size : int
        Side of the input tile, S, in pixels.
    start : (y, x)
        Image position of the tile's first pixel: the shift, drawn by the caller.
    config : AugmentationConfig
    rng : numpy Generator

    Returns
    -------
    field : (2, S, S) array of float32
        Source positions in pixels (see `data.deform`).
    """
    shape, centre = (size, size), (start[0] + (size - 1) / 2, start[1] + (size - 1) / 2)
    if rng.random() < config.exact_share:
        quarter = _draw_quarters(config, rng) * np.pi / 2
        turn = _linear_map(quarter, 1.0, _draw_mirror(config, rng)).round()
        return affine_field(shape, centre, turn)
    angle = np.deg2rad(rng.uniform(-config.rotation_degrees, config.rotation_degrees))
    zoom = config.scale ** rng.uniform(-1, 1)
    field = affine_field(shape, centre, _linear_map(angle, zoom, _draw_mirror(config, rng)))
    if config.elastic_sd_px > 0:
        nodes = config.elastic_grid
        grid = rng.normal(scale=config.elastic_sd_px, size=(2, nodes, nodes))
        bend(field, grid)
    return field


def change_grey_values(
    tile: Floats, config: AugmentationConfig, rng: np.random.Generator
) -> Floats:
    """Vary contrast, brightness, gamma, sharpness and noise of one tile.

    Parameters
    ----------
    tile : (C, S, S) array of float32
        Normalised grey values, mostly in [-1, 1].
    config : AugmentationConfig
    rng : numpy Generator

    Returns
    -------
    tile : (C, S, S) array of float32
    """
    per_channel = (len(tile), 1, 1)
    if config.gamma > 1:
        tile = _raise_to(tile, config.gamma ** rng.uniform(-1, 1))
    contrast = 1 + config.contrast * rng.uniform(-1, 1, per_channel)
    offset = config.brightness * rng.uniform(-1, 1, per_channel)
    tile = (tile * contrast + offset).astype(np.float32)
    if config.blur_sd_px > 0 and rng.random() < _BLURRED_SHARE:
        sd_px = rng.uniform(0, config.blur_sd_px)
        tile = ndi.gaussian_filter(tile, (0, sd_px, sd_px), mode="mirror")
    if config.noise_sd > 0:
        sd = rng.uniform(0, config.noise_sd)
        tile += np.float32(sd) * rng.standard_normal(tile.shape, np.float32)
    return tile


def _draw_quarters(config: AugmentationConfig, rng: np.random.Generator) -> int:
    """Draw a number of quarter turns within the rotation that is allowed."""
    reach = int(config.rotation_degrees // 90)
    return int(rng.integers(4) if reach == 2 else rng.integers(-reach, reach + 1))


def _draw_mirror(config: AugmentationConfig, rng: np.random.Generator) -> bool:
    return config.mirror and rng.random() < 0.5


def _linear_map(angle: float, zoom: float, mirror: bool) -> NDArray[np.float64]:
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(rotation * [1.0, -1.0 if mirror else 1.0] / zoom)


def _raise_to(tile: Floats, gamma: float) -> Floats:
    """Raise the range [-1, 1] to a power as if it were [0, 1]; values beyond shift along."""
    unit = np.clip((tile + 1) / 2, 0, 1)
    return tile + 2 * (unit**gamma - unit).astype(np.float32)
