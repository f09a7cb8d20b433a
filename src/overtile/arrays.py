"""Array types and axis order, said once.

Arrays are indexed row first: ``[y, x]``. Axes are letters:

======  =============================================================
``P``   pages: any of Z, T or plain pages, folded into one axis
``C``   channels of an image
``K``   classes that the network tells apart; class 0 is background
``Y``   rows, downwards
``X``   columns, to the right
``N``   the batch of a tensor
======  =============================================================

An image in memory is ``(C, Y, X)``, a label image ``(Y, X)``, a tensor ``(N, C, Y, X)``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[Any]
"""Grey values as they were read, in their native dtype."""

Floats: TypeAlias = NDArray[np.float32]
"""Normalised grey values, probabilities or weights."""

Labels: TypeAlias = NDArray[np.uint32]
"""Instance ids: 0 is background, 1...n are objects. Never clipped."""

ClassMap: TypeAlias = NDArray[np.uint8]
"""Class of each pixel, 0...K-1."""
