"""A network that sees a patch and names the class of its centre.

Ciresan, Giusti, Gambardella, Schmidhuber (2012), "Deep neural networks segment neuronal membranes
in electron microscopy images", NIPS: stages of convolution, 48 maps, and 2×2 max pooling, then 200
hidden units and two outputs. The sides of the paper's largest window, 95 px, are
92 → 46 → 42 → 21 → 18 → 9 → 6 → 3; kernels of the smaller windows are chosen so that every pooling
sees an even side, too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from overtile.arrays import Floats
from overtile.data.mirror import mirror_crop
from overtile.model.unet import initialise

MAPS = 48
HIDDEN = 200
KERNELS_PX = {33: (4, 4), 65: (4, 4, 5), 95: (4, 5, 4, 4)}
"""Kernel of each convolution by the side of the window."""

STRIP_ROWS = 128
"""Rows that are predicted at once: sets the memory."""


class PatchNetwork(nn.Module):
    """Classifier of the centre pixel of a window.

    Parameters
    ----------
    window : int
        Side of the window in pixels, odd; a key of `KERNELS_PX`.
    interior_share : float
        Share of interior among the pixels of the training set, for `prior`.

    Notes
    -----
    ``forward`` gives logits (N, 2, 1, 1) for patches (N, 1, window, window). They are those of a
    balanced world: it is trained with as many patches of membrane as of interior.
    """

    def __init__(self, window: int, interior_share: float) -> None:
        super().__init__()
        self.window = window
        channels = [1] + [MAPS] * len(KERNELS_PX[window])
        side, stages = window, []
        for below, kernel_px in zip(channels, KERNELS_PX[window], strict=False):
            stages.append(nn.Conv2d(below, MAPS, kernel_px))
            side = (side - kernel_px + 1) // 2
        self.stages = nn.ModuleList(stages)
        self.hidden = nn.Conv2d(MAPS, HIDDEN, side)
        self.classify = nn.Conv2d(HIDDEN, 2, 1)
        # Bayes: odds of a balanced world times the odds of the real one. The original fits a
        # monotone polynomial of degree 3 to the same end.
        shares = torch.tensor([1 - interior_share, interior_share])
        self.register_buffer("prior", shares.log()[:, None, None])
        initialise(self)

    def forward(self, pixels: Tensor, *, dense: bool = False) -> Tensor:
        """Classify patches, or with `dense` the centre of every window of a larger image.

        Without a stride, a pooling gives the results for all its possible starts at once, and
        neighbours of one start lie twice as far apart as before: hence the dilation. A dense pass
        gives (N, 2, Y - window + 1, X - window + 1), the same numbers as patch by patch.
        """
        apart = 1
        for stage in self.stages:
            pixels = functional.conv2d(pixels, stage.weight, stage.bias, dilation=apart)
            if dense:
                pixels = functional.max_pool2d(pixels, 2, stride=1, dilation=apart)
                apart *= 2
            else:
                pixels = functional.max_pool2d(pixels, 2)
            pixels = functional.relu(pixels)
        hidden = functional.conv2d(pixels, self.hidden.weight, self.hidden.bias, dilation=apart)
        return self.classify(functional.relu(hidden))


def window_around(pixels: Floats, rows: tuple[int, int], window: int) -> Floats:
    """Cut all that the windows around some rows see; the image is mirrored at its border.

    Parameters
    ----------
    pixels : (1, Y, X) array of float32
    rows : (start, stop)
    window : int
        Side in pixels, odd.

    Returns
    -------
    surroundings : (1, stop - start + window - 1, X + window - 1) array of float32
    """
    rim = window // 2
    return mirror_crop(pixels, (rows[0] - rim, rows[1] + rim), (-rim, pixels.shape[2] + rim))


def predict_densely(network: PatchNetwork, pixels: Floats) -> Floats:
    """Give the (2, Y, X) probabilities of classes for grey values (1, Y, X), in strips of rows."""
    height, width = pixels.shape[1:]
    strips = []
    for top in range(0, height, STRIP_ROWS):
        rows = (top, min(top + STRIP_ROWS, height))
        strip = torch.from_numpy(window_around(pixels, rows, network.window))[None]
        with torch.inference_mode():
            logits = network(strip.contiguous(memory_format=torch.channels_last), dense=True)[0]
            strips.append((logits + network.prior).softmax(dim=0).flatten(1))
    return torch.cat(strips, dim=1).reshape(-1, height, width).numpy()


def predict_patches(network: PatchNetwork, patches: Tensor) -> Tensor:
    """Give the (N,) probability of interior at the centres of patches (N, 1, window, window)."""
    with torch.inference_mode():
        logits = network(patches.contiguous(memory_format=torch.channels_last))
        return (logits + network.prior).softmax(dim=1)[:, 1, 0, 0]
