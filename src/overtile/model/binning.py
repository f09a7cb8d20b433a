"""Work on coarser pixels: logits of bins become logits of pixels, by interpolation.

Where objects are large, a network that sees bins of b × b pixels sees b times as far, for 1 / b² of
the arithmetic. It still takes the pixels of the image and answers for each of them, so that labels,
borders between objects and scores are those of the image, and nothing is resampled outside it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_LINEAR = {4: "bilinear", 5: "trilinear"}


def interpolate(logits: Tensor, binning: int) -> Tensor:
    """Interpolate linearly between the centres of bins.

    Like a valid convolution it loses its rim, one bin per side: beyond the last centre there is
    nothing to interpolate with.

    Parameters
    ----------
    logits : (N, K, R, S) or (N, K, Q, R, S) tensor
        Of bins.
    binning : int
        Side of a bin in pixels, b; 1 changes nothing.

    Returns
    -------
    logits : (N, K, b * (R - 2), b * (S - 2)) tensor, or one axis more
        Of pixels; of 16-bit numbers in 32 bits.
    """
    if binning == 1:
        return logits
    if logits.dtype in (torch.bfloat16, torch.float16):
        logits = logits.float()
    wide = functional.interpolate(
        logits, scale_factor=binning, mode=_LINEAR[logits.ndim], align_corners=False
    )
    return functional.pad(wide, [-binning] * 2 * (logits.ndim - 2))
