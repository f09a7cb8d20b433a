"""The energy of eq. (1): pixel-wise soft-max, then cross-entropy, every pixel with its weight."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def weighted_cross_entropy(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """Average ``-w(x) log p(x)`` over the pixels x that have a weight.

    Parameters
    ----------
    logits : (N, K, T, T) tensor of float
    classes : (N, T, T) tensor of int64
        True class of each pixel, 0…K-1.
    weights : (N, T, T) tensor of float32
        w(x) of eq. (2), not negative; 0 where nobody knows the class.

    Returns
    -------
    loss : scalar tensor of float32

    Notes
    -----
    Computed from logits in float32, because the logarithm of a rounded soft-max is infinite where
    the network is sure. Eq. (1) is a sum; here it is a mean over pixels, so that the learning rate
    does not depend on the size of the tile, nor on how many of its pixels are labelled. It is 0
    where none is.
    """
    energy = functional.cross_entropy(logits.float(), classes, reduction="none")
    counted = torch.count_nonzero(weights).clamp(min=1)
    return torch.sum(energy * weights) / counted
