"""How far two predictions of one image agree: the gate that a faster arithmetic must pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overtile.arrays import Floats


@dataclass(frozen=True)
class Agreement:
    """How far predictions differ, or may differ."""

    flipped: float
    """Share of pixels whose likeliest class is another one."""

    difference: float
    """Largest difference of a probability."""

    def passes(self, gate: Agreement) -> bool:
        """Say whether both figures are within those of the gate."""
        return self.flipped <= gate.flipped and self.difference <= gate.difference

    def __str__(self) -> str:
        return (
            f"{100 * self.flipped:.2g} % of the pixels change their class and no probability moves "
            f"by more than {self.difference:.2g}"
        )


HALF_PRECISION_GATE = Agreement(flipped=1e-3, difference=0.03)
"""What bfloat16 may change."""

INT8_GATE = Agreement(flipped=3e-3, difference=1.0)
"""What 8-bit integers may change."""


def agreement(reference: Floats, other: Floats) -> Agreement:
    """Compare two predictions of one image.

    Parameters
    ----------
    reference, other : (K, Y, X) array of float32
        Class probabilities.
    """
    flips = np.count_nonzero(reference.argmax(axis=0) != other.argmax(axis=0))
    return Agreement(
        flipped=flips / reference[0].size, difference=float(np.abs(reference - other).max())
    )
