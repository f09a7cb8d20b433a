"""The padded U-Net with batch normalisation that most people download, trained as it comes.

Shape and defaults are those of the training script of milesial/Pytorch-UNet (commit 21d7850f):
convolutions padded with zeros, 2×2 up-convolutions, cross-entropy plus Dice, RMSprop with momentum
0.999 and weight decay 1e-8, gradients cut at 1, one whole page a step, no augmentation. The code is
ours.

Departures: 16 base channels instead of 64, for five minutes without a GPU; pages at full scale, not
at half, where a membrane is hardly a pixel wide; no fall of the learning rate on a plateau of five
validations, which five minutes hardly reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from fully_convolutional import predict_page
from method import Batch, Method, Source, cross_entropy
from torch import Tensor, nn
from torch.nn import functional

from overtile.data.sample import Annotated

BASE_CHANNELS = 16
DEPTH = 4
DEFAULT_RATE = 1e-5


class PaddedUNet(nn.Module):
    """U-Net of padded convolutions: no crop, and invented zeros at the border.

    Notes
    -----
    ``forward`` takes (N, 1, Y, X) and gives logits (N, K, Y, X); what a pooling cuts off a side is
    filled with zeros on the way up.
    """

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        widths = [BASE_CHANNELS << level for level in range(DEPTH + 1)]
        self.contracting = nn.ModuleList(
            _double_convolution(below, width)
            for below, width in zip([1, *widths], widths, strict=False)
        )
        self.up_convolutions = nn.ModuleList(
            nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in reversed(widths[:-1])
        )
        self.expanding = nn.ModuleList(
            _double_convolution(2 * width, width) for width in reversed(widths[:-1])
        )
        self.classify = nn.Conv2d(widths[0], classes, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn grey values into logits of the same sides."""
        skips: list[Tensor] = []
        for level in self.contracting:
            pixels = level(functional.max_pool2d(pixels, 2) if skips else pixels)
            skips.append(pixels)
        skips.pop()
        for up_convolution, level in zip(self.up_convolutions, self.expanding, strict=True):
            skip, raised = skips.pop(), up_convolution(pixels)
            pixels = level(torch.cat([skip, _fill(raised, like=skip)], dim=1))
        return self.classify(pixels)


def padded_unet(rates: tuple[float, ...], classes: int = 2) -> Method:
    """Train a padded U-Net by the defaults of the script, at the best of some learning rates."""
    return Method(
        build=lambda _: PaddedUNet(classes),
        source=_whole_pages,
        predict=predict_page,
        rates=rates,
        loss=cross_entropy_and_dice,
        optimiser=_rmsprop,
        schedule="constant",
        largest_gradient=1.0,
    )


def cross_entropy_and_dice(logits: Tensor, classes: Tensor) -> Tensor:
    """Add 1 - Dice, over the soft-max of all classes, to the cross-entropy."""
    probabilities = logits.softmax(dim=1)
    truth = functional.one_hot(classes, logits.shape[1]).permute(0, 3, 1, 2).float()
    overlap = (probabilities * truth).sum(dim=(0, 2, 3))
    sizes = (probabilities + truth).sum(dim=(0, 2, 3))
    return cross_entropy(logits, classes) + 1 - (2 * overlap / sizes).mean()


def _fill(raised: Tensor, *, like: Tensor) -> Tensor:
    rows, columns = like.shape[2] - raised.shape[2], like.shape[3] - raised.shape[3]
    sides = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    return functional.pad(raised, sides)


def _rmsprop(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(network.parameters(), lr=rate, momentum=0.999, weight_decay=1e-8)


def _whole_pages(pages: Sequence[Annotated], seed: int) -> Source:
    """Go through the pages in a new order each time, one a step."""

    def draw(step: int) -> Batch:
        turn, place = divmod(step, len(pages))
        page = pages[np.random.default_rng([seed, turn]).permutation(len(pages))[place]]
        return (
            torch.from_numpy(page.pixels)[None],
            torch.from_numpy(page.labels.astype(np.int64))[None],
        )

    return draw


def _double_convolution(below: int, width: int) -> nn.Sequential:
    def layers() -> Iterator[nn.Module]:
        for channels in (below, width):
            yield nn.Conv2d(channels, width, 3, padding=1, bias=False)
            yield nn.BatchNorm2d(width)
            yield nn.ReLU(inplace=True)

    return nn.Sequential(*layers())
