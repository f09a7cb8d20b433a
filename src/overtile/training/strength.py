"""How much tiles are varied: by how often a run sees each labelled pixel."""

from __future__ import annotations

import math

from overtile.config import AugmentationConfig

FEW_PASSES, MANY_PASSES = 20, 1000
"""Up to the first number nothing is learnt by heart, and tiles are only turned by right angles and
mirrored; from the second on, augmentation has its full strength."""


def strength(passes: float) -> float:
    """Give the share of its full strength that augmentation has; it grows with the logarithm.

    Examples
    --------
    >>> [round(strength(passes), 2) for passes in (1, 20, 141, 1000, 9000)]
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    grown = math.log(max(passes, FEW_PASSES) / FEW_PASSES)
    return min(1.0, grown / math.log(MANY_PASSES / FEW_PASSES))


def weaken(full: AugmentationConfig, passes: float) -> tuple[AugmentationConfig, str]:
    """Vary tiles as much as suits a run that sees each labelled pixel so many times.

    Each change makes the task harder, and pays only where a network would else learn the images by
    heart.

    Parameters
    ----------
    full : AugmentationConfig
        At its full strength.
    passes : float

    Returns
    -------
    augmentation : AugmentationConfig
        More tiles are exact, and grey values change less.
    reason : str
    """
    share = strength(passes)
    changed = {
        "exact_share": 1 - share * (1 - full.exact_share),
        "contrast": share * full.contrast,
        "brightness": share * full.brightness,
        "gamma": full.gamma**share,
        "noise_sd": share * full.noise_sd,
    }
    changed = {name: round(value, 3) for name, value in changed.items()}
    reason = (
        f"augmentation: {100 * share:.0f} % of its full strength, because each labelled pixel is "
        f"seen about {passes:.0f} times; up to {FEW_PASSES} times nothing is learnt by heart, and "
        f"{MANY_PASSES} times take all of it"
    )
    return full.model_copy(update=changed), reason
