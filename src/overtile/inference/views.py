"""Test-time augmentation: an image turned and flipped, predictions turned back and averaged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Floats
from overtile.choices import TestTimeAugmentation

Offset: TypeAlias = tuple[float, float]
"""(down, right), in pixels."""

_ROTATIONS = 7
"""Table 1 of the paper averages over 7 rotated versions; it does not say by which angles."""


@dataclass(frozen=True)
class View:
    """One version of an image: `there` makes it, `back` returns its prediction to the image."""

    there: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]


def count_views(test_time: TestTimeAugmentation) -> int:
    """Tell how many versions are averaged over."""
    return {"none": 1, "flips8": 8, "rotations7": _ROTATIONS}[test_time]


def views(
    test_time: TestTimeAugmentation, shape: tuple[int, int], label_offset_px: Offset = (0.0, 0.0)
) -> list[View]:
    """List the versions to average over for an image of `shape` (Y, X) pixels.

    A network that has learnt labels which lie beside what they show predicts them so in every
    version; turned back, they are moved to where they lie in the image as it is.
    """
    if test_time == "rotations7":
        angles = [2 * math.pi * turn / _ROTATIONS for turn in range(_ROTATIONS)]
        return [_rotated(angle, shape, label_offset_px) for angle in angles]
    if test_time == "flips8":
        return [
            _flipped(turns, mirror, label_offset_px)
            for mirror in (False, True)
            for turns in range(4)
        ]
    return [_flipped(0, mirror=False)]


def _flipped(turns: int, mirror: bool, label_offset_px: Offset = (0.0, 0.0)) -> View:
    """Quarter turns after an optional flip: exact, nothing is resampled but for an offset."""
    quarter, flip = np.array([[0.0, 1.0], [-1.0, 0.0]]), np.diag([1.0, -1.0 if mirror else 1.0])
    to_image = flip @ np.linalg.matrix_power(quarter, turns)
    shift = to_image @ label_offset_px - label_offset_px

    def there(pixels: Floats) -> Floats:
        return np.rot90(pixels[:, :, ::-1] if mirror else pixels, turns, axes=(1, 2))

    def back(predicted: Floats) -> Floats:
        upright = np.rot90(predicted, -turns, axes=(1, 2))
        return _shifted(upright[:, :, ::-1] if mirror else upright, shift)

    return View(there, back)


def _shifted(predicted: Floats, shift: NDArray[np.float64]) -> Floats:
    if not shift.any():
        return predicted
    from overtile.data.deform import affine_field, resample

    rows, columns = predicted.shape[1:]
    centre = ((rows - 1) / 2 + shift[0], (columns - 1) / 2 + shift[1])
    return resample(predicted, affine_field((rows, columns), centre))


def _rotated(angle: float, shape: tuple[int, int], label_offset_px: Offset) -> View:
    """Turn by any angle on a canvas that holds the whole image; beyond it, it is mirrored."""
    # Compiled loops take a moment to load, and most predictions turn nothing.
    from overtile.data.deform import affine_field, keep_offset, resample

    if angle == 0:
        return _flipped(0, mirror=False)
    diagonal = math.ceil(math.hypot(*shape)) + 1
    canvas = (diagonal, diagonal)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])

    def centre(of: tuple[int, int]) -> tuple[float, float]:
        return (of[0] - 1) / 2, (of[1] - 1) / 2

    forth = affine_field(canvas, centre(shape), turn)
    back = keep_offset(affine_field(shape, centre(canvas), turn.T), label_offset_px)
    return View(lambda pixels: resample(pixels, forth), lambda predicted: resample(predicted, back))
