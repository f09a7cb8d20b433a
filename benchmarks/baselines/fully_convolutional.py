"""The fully convolutional network that the U-Net grew from: coarse scores, upsampled and summed.

Long, Shelhamer, Darrell (2015), "Fully convolutional networks for semantic segmentation", CVPR:
FCN-8s. What it has not is an expanding path of features: two score maps are all that comes up.

Departures, all for data this small and five minutes without a GPU: a quarter of VGG's width and no
weights of VGG, but batch normalisation in their stead; 5×5 instead of 7×7 as the sixth convolution,
256 maps; bilinear upsampling that is not learned; convolutions are padded, so that scores need no
cropping. It has 1.8 million weights, a U-Net of 16 base channels 1.9 million.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from method import Batch, Method, Source
from torch import Tensor, nn
from torch.nn import functional

from overtile.arrays import Floats
from overtile.config import LossConfig, read_recipe
from overtile.data.sample import Annotated, Sampler
from overtile.model.unet import initialise

STAGES = ((16, 16), (32, 32), (64, 64, 64), (128, 128, 128), (128, 128, 128))
"""Channels of the convolutions before each pooling: a quarter of those of VGG-16."""

TOP_CHANNELS = 256
TILE_PX = 256
BATCH = 2


class FullyConvolutional(nn.Module):
    """FCN-8s, narrow.

    Notes
    -----
    ``forward`` takes (N, 1, S, S) and gives logits (N, 2, S, S); sides are multiples of 32 px.
    """

    def __init__(self) -> None:
        super().__init__()
        below, stages = 1, []
        for channels in STAGES:
            layers: list[nn.Module] = []
            for width in channels:
                layers += _convolution(below, width, 3)
                below = width
            stages.append(nn.Sequential(*layers, nn.MaxPool2d(2)))
        self.stages = nn.ModuleList(stages)
        self.top = nn.Sequential(
            *_convolution(below, TOP_CHANNELS, 5),
            nn.Dropout(0.5),
            *_convolution(TOP_CHANNELS, TOP_CHANNELS, 1),
            nn.Dropout(0.5),
        )
        scored = (STAGES[2][-1], STAGES[3][-1], TOP_CHANNELS)
        self.scores = nn.ModuleList(nn.Conv2d(width, 2, 1) for width in scored)
        initialise(self)

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn grey values into logits of the same sides."""
        levels = []
        for stage in self.stages:
            pixels = stage(pixels)  #              (N, 16, S/2, S/2) … (N, 128, S/32, S/32)
            levels.append(pixels)
        third, fourth, top = (
            score(level)
            for score, level in zip(
                self.scores, (levels[2], levels[3], self.top(levels[4])), strict=True
            )
        )
        summed = fourth + _enlarge(top, 2)  #      (N, 2, S/16, S/16)
        summed = third + _enlarge(summed, 2)  #    (N, 2, S/8, S/8)
        return _enlarge(summed, 8)  #              (N, 2, S, S)


def fully_convolutional() -> Method:
    """FCN-8s on augmented tiles of `TILE_PX`, drawn by the sampler of recipe `auto`."""
    return Method(
        build=lambda _: FullyConvolutional(),
        source=_source,
        predict=predict_page,
        rates=(3e-4, 1e-3, 3e-3),
    )


def predict_page(network: nn.Module, pixels: Floats) -> Floats:
    """Give the (K, Y, X) probabilities of all classes for grey values (C, Y, X), in one pass."""
    batch = torch.from_numpy(pixels)[None].contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return network(batch)[0].softmax(dim=0).numpy()


def _source(pages: Sequence[Annotated], seed: int) -> Source:
    sampler = Sampler(
        images=pages,
        kind="classes",
        input_size=TILE_PX,
        output_size=TILE_PX,
        class_weights=np.ones(2, np.float32),
        augmentation=read_recipe("auto").augmentation,
        loss=LossConfig(w0=0),
        seed=seed,
    )

    def draw(step: int) -> Batch:
        tiles = [sampler.draw(step, index) for index in range(BATCH)]
        pixels, classes = (
            np.stack([tile.pixels for tile in tiles]),
            np.stack([tile.classes for tile in tiles]),
        )
        return torch.from_numpy(pixels), torch.from_numpy(classes).long()

    return draw


def _convolution(below: int, width: int, kernel_px: int) -> list[nn.Module]:
    return [
        nn.Conv2d(below, width, kernel_px, padding=kernel_px // 2, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    ]


def _enlarge(scores: Tensor, times: int) -> Tensor:
    return functional.interpolate(scores, scale_factor=times, mode="bilinear", align_corners=False)
