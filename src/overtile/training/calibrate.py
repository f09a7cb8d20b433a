"""The temperature at which a network is right as often as it is sure, from validation images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from overtile.arrays import Floats
from overtile.choices import LabelKind
from overtile.data.targets import class_map
from overtile.evaluation.calibration import Reliability, reliability
from overtile.inference.doubt import soften
from overtile.training.validation import Predicted

LARGEST_PIXELS = 200_000
"""Of more labelled pixels, evenly spaced ones are looked at."""

COLDEST, HOTTEST = 0.25, 10.0


def fit_temperature(predicted: Sequence[Predicted], kind: LabelKind) -> float:
    """Find the temperature of the least cross-entropy (Guo et al. 2017, Sec. 4.2).

    Parameters
    ----------
    predicted : sequence of Predicted
        Validation images; pixels of which the labels say nothing count nowhere.
    kind : {"instances", "binary", "classes"}

    Returns
    -------
    temperature : float
        In [`COLDEST`, `HOTTEST`]; 1 if no pixel is labelled.
    """
    probabilities, truth = _labelled(predicted, kind)
    if not truth.size:
        return 1.0
    pixels = np.arange(truth.size)

    def energy(logarithm: float) -> float:
        right = soften(probabilities, float(np.exp(logarithm)))[truth, pixels]
        return -float(np.mean(np.log(np.maximum(right, 1e-12))))

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(energy, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return round(float(np.exp(found.x)), 3)


def measure_reliability(
    predicted: Sequence[Predicted], kind: LabelKind, temperature: float
) -> Reliability:
    """Compare how sure a network is at a temperature with how often it is right."""
    probabilities, truth = _labelled(predicted, kind)
    softened = soften(probabilities, temperature)
    return reliability(softened.max(axis=0), softened.argmax(axis=0) == truth)


def _labelled(predicted: Sequence[Predicted], kind: LabelKind) -> tuple[Floats, NDArray[np.uint8]]:
    """Give (K, N) probabilities and (N,) true classes of labelled pixels."""
    every = max(1, -(-sum(one.image.told_px for one in predicted) // LARGEST_PIXELS))
    probabilities, truth = [], []
    for one in predicted:
        told = one.image.told(every)
        flat = one.probabilities.reshape(len(one.probabilities), -1)
        probabilities.append(flat[:, told])
        truth.append(class_map(one.image.labels, kind).ravel()[told])
    return np.concatenate(probabilities, axis=1), np.concatenate(truth)
