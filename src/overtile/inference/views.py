"""Test-time augmentation: an image turned and flipped, predictions turned back and averaged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overtile.arrays import Floats
from overtile.choices import TestTimeAugmentation

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


def views(test_time: TestTimeAugmentation, shape: tuple[int, int]) -> list[View]:
    """List the versions to average over for an image of `shape` (Y, X) pixels."""
    if test_time == "rotations7":
        return [_rotated(2 * math.pi * turn / _ROTATIONS, shape) for turn in range(_ROTATIONS)]
    if test_time == "flips8":
        return [_flipped(turns, mirror) for mirror in (False, True) for turns in range(4)]
    return [_flipped(0, mirror=False)]


def _flipped(turns: int, mirror: bool) -> View:
    """Quarter turns after an optional flip: exact, nothing is resampled."""

    def there(pixels: Floats) -> Floats:
        return np.rot90(pixels[:, :, ::-1] if mirror else pixels, turns, axes=(1, 2))

    def back(predicted: Floats) -> Floats:
        upright = np.rot90(predicted, -turns, axes=(1, 2))
        return upright[:, :, ::-1] if mirror else upright

    return View(there, back)


def _rotated(angle: float, shape: tuple[int, int]) -> View:
    """Turn by any angle on a canvas that holds the whole image; beyond it, it is mirrored."""
    # Compiled loops take a moment to load, and most predictions turn nothing.
    from overtile.data.deform import affine_field, resample

    if angle == 0:
        return _flipped(0, mirror=False)
    diagonal = math.ceil(math.hypot(*shape)) + 1
    canvas = (diagonal, diagonal)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])

    def centre(of: tuple[int, int]) -> tuple[float, float]:
        return (of[0] - 1) / 2, (of[1] - 1) / 2

    forth = affine_field(canvas, centre(shape), turn)
    back = affine_field(shape, centre(canvas), turn.T)
    return View(lambda pixels: resample(pixels, forth), lambda predicted: resample(predicted, back))
