"""Which tile sides a U-Net of valid convolutions can take, and what it gives back: integers only.

Every level loses 4 px per side pair to its two 3×3 convolutions, and every pooling halves a side,
so a side is legal when every pooling sees an even one (Ronneberger 2015, Sec. 2). Where a network
bins pixels before all that, and interpolates its logits after it, the same holds for bins, of which
interpolation takes one more per side. Lengths are in pixels of the image.
"""

from __future__ import annotations

from overtile.errors import ConfigError

CONVOLUTION_LOSS_PX = 4
"""What two valid 3×3 convolutions take from a side."""

PAPER_DEPTH = 4


def pooling_factor(depth: int = PAPER_DEPTH, binning: int = 1) -> int:
    """Give 2^depth bins: the step at which the pooling grid repeats, in pixels.

    Tiles must start at multiples of it, or neighbouring tiles pool over different grids.
    """
    return binning << depth


def context_px(depth: int = PAPER_DEPTH, binning: int = 1) -> int:
    """Give the rim of the input that only serves as context, in pixels per side.

    Contracting and expanding path lose 4 px at each of the scales 1, 2, …, 2^(depth-1), the bottom
    once at scale 2^depth; half of the sum falls on each side. Interpolation between bins needs one
    bin more.

    Examples
    --------
    >>> context_px(4), context_px(4, binning=2)
    (92, 186)
    """
    bins = CONVOLUTION_LOSS_PX * (3 * pooling_factor(depth) - 2) // 2
    return binning * (bins + (binning > 1))


def is_legal_input(side: int, depth: int = PAPER_DEPTH, binning: int = 1) -> bool:
    """Say whether every pooling sees an even side and at least one output pixel is left."""
    return side == smallest_input(side - 2 * context_px(depth, binning), depth, binning)


def output_size(input_size: int, depth: int = PAPER_DEPTH, binning: int = 1) -> int:
    """Give the output side of a legal input side.

    Raises
    ------
    ConfigError
        If some pooling would see an odd side, or nothing would be left.

    Examples
    --------
    >>> output_size(572)
    388
    """
    lost = 2 * context_px(depth, binning)
    if not is_legal_input(input_size, depth, binning):
        legal = smallest_input(max(1, input_size - lost), depth, binning)
        bins = f" and bins of {binning} px" if binning > 1 else ""
        raise ConfigError(
            f"`input_size` {input_size} px does not fit a U-Net of depth {depth}{bins}",
            remedy=f"the next side that does is {legal} px",
        )
    return input_size - lost


def smallest_input(output: int, depth: int = PAPER_DEPTH, binning: int = 1) -> int:
    """Give the smallest legal input side whose output has at least `output` pixels.

    A bottom of side ``b`` comes from an input of ``2^depth * b + 4 * (2^depth - 1)`` bins.

    Examples
    --------
    >>> smallest_input(388)
    572
    """
    factor = pooling_factor(depth)
    rim = CONVOLUTION_LOSS_PX * (factor - 1)
    bins = -(-max(1, output) // binning) + 2 * context_px(depth, binning) // binning
    bottom = -(-(bins - rim) // factor)
    return binning * (factor * bottom + rim)


def tile_step_px(output: int, depth: int = PAPER_DEPTH, binning: int = 1) -> int:
    """Give the largest multiple of the pooling grid in an output side: how far tiles may be apart.

    Examples
    --------
    >>> tile_step_px(388)
    384
    """
    return output - output % pooling_factor(depth, binning)


def copy_crop_px(level: int, depth: int = PAPER_DEPTH) -> int:
    """Give how much copy-and-crop takes from each side of the map of a level, in its own pixels.

    Level 0 is the finest one. From there, the rest is a U-Net that is `depth - level` deep: its
    context, less what the convolutions before the copy and after it take.

    Examples
    --------
    >>> [copy_crop_px(level) for level in range(4)]  # 568 to 392, …, 64 to 56: figure 1
    [88, 40, 16, 4]
    """
    return context_px(depth - level) - CONVOLUTION_LOSS_PX
