"""The network of figure 1: a contracting path, an expanding path, and copy-and-crop between them.

Shapes beside the lines are those of the paper: one 572 × 572 tile, 64 base channels, depth 4.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from overtile.config import NetworkConfig
from overtile.model.binning import interpolate
from overtile.model.geometry import output_size

_CONVOLUTION: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
_UP_CONVOLUTION: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_POOLING: dict[int, Any] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
_STATISTICS_MOMENTUM = 0.05  # a tile may be all there is in a batch: average over about twenty
_BINNING: dict[int, Any] = {2: nn.AvgPool2d, 3: nn.AvgPool3d}
_NORMALISATION: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class UNet(nn.Module):
    """U-Net of Ronneberger, Fischer and Brox (2015), Sec. 2 and figure 1.

    The contracting path is what others call an encoder, the expanding path a decoder.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    classes : int
        Classes to tell apart, background included.
    config : NetworkConfig, optional
        Width, depth, dropout, batch normalisation, binning and 2-D or 3-D. The paper's by default.

    Notes
    -----
    ``forward`` takes (N, C, S, S) of float and returns logits (N, K, T, T), real numbers, with
    ``T = S - 2 * context_px(depth, binning)``; 572 gives 388. ``S`` must be legal
    (`model.geometry`).

    Examples
    --------
    >>> sum(p.numel() for p in UNet(in_channels=1, classes=2).parameters())
    31030658
    """

    def __init__(self, in_channels: int, classes: int, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.in_channels, self.classes = in_channels, classes
        self.config = config = config or NetworkConfig()
        widths = [config.base_channels << level for level in range(config.depth + 1)]
        *contracting_widths, bottom_width = widths

        self.bin = _BINNING[config.dimensions](config.binning)
        self.contracting = nn.ModuleList(
            _double_convolution(below, width, config)
            for below, width in zip([in_channels, *widths], contracting_widths, strict=False)
        )
        self.pool = _POOLING[config.dimensions](2)
        # "Drop-out layers at the end of the contracting path" (Sec. 3.1), in the plural: one after
        # the deepest copied level, one after the bottom.
        self.dropout = nn.Dropout(config.dropout)
        self.bottom = _double_convolution(contracting_widths[-1], bottom_width, config)
        self.up_convolutions = nn.ModuleList(
            _UP_CONVOLUTION[config.dimensions](2 * width, width, kernel_size=2, stride=2)
            for width in reversed(contracting_widths)
        )
        self.expanding = nn.ModuleList(
            _double_convolution(2 * width, width, config) for width in reversed(contracting_widths)
        )
        self.classify = _CONVOLUTION[config.dimensions](widths[0], classes, kernel_size=1)
        initialise(self)

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn pixels (N, C, S, S) into logits (N, K, T, T).

        Raises
        ------
        ConfigError
            If some pooling would see an odd side: it would drop a row in silence.
        """
        for side in pixels.shape[2:]:
            output_size(side, self.config.depth, self.config.binning)
        if self.config.binning > 1:
            pixels = self.bin(pixels)
        skips: list[Tensor] = []
        for level in self.contracting:
            x = level(self.pool(skips[-1]) if skips else pixels)
            skips.append(x)  #                                  (N, 64, 568, 568) … (N, 512, 64, 64)
        skips[-1] = self.dropout(skips[-1])
        x = self.dropout(self.bottom(self.pool(skips[-1])))  #  (N, 1024, 28, 28)

        stages = zip(self.up_convolutions, self.expanding, reversed(skips), strict=True)
        for up_convolution, level, skip in stages:
            x = up_convolution(x)  #                            (N, 512, 56, 56) … (N, 64, 392, 392)
            # Cropped, not padded: padding would let the network see invented pixels (Sec. 2).
            x = torch.cat([crop_to(skip, x), x], dim=1)  #   (N, 1024, 56, 56) … (N, 128, 392, 392)
            x = level(x)  #                                     (N, 512, 52, 52) … (N, 64, 388, 388)
        return interpolate(self.classify(x), self.config.binning)  # (N, 2, 388, 388)


def crop_to(skip: Tensor, x: Tensor) -> Tensor:
    """Cut the centre of `skip` to the sides of `x`: the crop of copy-and-crop, figure 1."""
    borders: list[int] = []
    for axis in reversed(range(2, skip.ndim)):
        surplus = skip.shape[axis] - x.shape[axis]
        borders += [-(surplus // 2), surplus // 2 - surplus]
    # Padded by less than nothing, not sliced: the gradient of a slice forgets the layout in memory,
    # and every layer before it would be slower for that.
    return functional.pad(skip, borders)


def initialise(network: nn.Module) -> None:
    """Draw weights from a Gaussian of SD sqrt(2 / N), biases 0 (Sec. 3; He et al. 2015).

    ``N`` counts the incoming connections of one output: 9 · channels for a 3×3 convolution, but
    only the input channels for a 2×2 up-convolution of stride 2, where each output sees one kernel
    tap.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Conv3d)):
            incoming = layer.weight[0].numel()
        elif isinstance(layer, (nn.ConvTranspose2d, nn.ConvTranspose3d)):
            incoming = layer.in_channels
        else:
            continue
        if layer.weight.is_meta:  # A network without memory, to which weights will be given.
            continue
        nn.init.normal_(layer.weight, std=(2 / incoming) ** 0.5)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _double_convolution(below: int, width: int, config: NetworkConfig) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (below, width):
        # Batch normalisation adds an offset of its own; a bias before it would do nothing.
        bias = not config.batch_norm
        layers.append(_CONVOLUTION[config.dimensions](channels, width, kernel_size=3, bias=bias))
        if config.batch_norm:
            layers.append(_NORMALISATION[config.dimensions](width, momentum=_STATISTICS_MOMENTUM))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
