"""How likely a pixel is of another class than the likeliest: probabilities softened, then read."""

from __future__ import annotations

import numpy as np

from overtile.arrays import Floats

_LEAST = 1e-12


def soften(probabilities: Floats, temperature: float) -> Floats:
    """Divide the logits behind probabilities by a temperature (Guo et al. 2017, Sec. 4.2).

    Parameters
    ----------
    probabilities : (K, ...) array of float32
        Sums to 1 over K.
    temperature : float
        Above 1 makes the network less sure, below 1 surer; the likeliest class stays.

    Returns
    -------
    softened : (K, ...) array of float32
        Sums to 1 over K.
    """
    logits = np.log(np.maximum(probabilities, _LEAST)) / temperature
    powers = np.exp(logits - logits.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0), np.float32)


def uncertainty(probabilities: Floats, temperature: float = 1.0) -> Floats:
    """Give the probability that a pixel is of another class than its likeliest.

    Parameters
    ----------
    probabilities : (K, Y, X) array of float32
    temperature : float
        That of the model.

    Returns
    -------
    uncertainty : (Y, X) array of float32
        In [0, 1 - 1/K].

    Examples
    --------
    >>> uncertainty(np.array([[[0.9]], [[0.1]]], np.float32)).round(3)
    array([[0.1]], dtype=float32)
    """
    return np.asarray(np.maximum(1 - soften(probabilities, temperature).max(axis=0), 0))
