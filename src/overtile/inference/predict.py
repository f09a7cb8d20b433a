"""From an image of any size to class probabilities of the same size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from overtile.arrays import Floats
from overtile.choices import Precision, TestTimeAugmentation
from overtile.data.mirror import mirror_crop
from overtile.errors import ImageError
from overtile.inference.tiles import overlap_tile
from overtile.inference.views import views
from overtile.model.unet import UNet

OnTile = Callable[[int, int], None]
"""Told (tiles done, tiles in all) after each tile."""


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A network and how to run it over images."""

    network: UNet
    """In evaluation mode; its device is used."""

    tile_output: int
    """Largest output side of a tile in pixels; sets the memory that is needed."""

    precision: Precision = "fp32"
    test_time: TestTimeAugmentation = "none"

    def probabilities(self, pixels: Floats, on_tile: OnTile | None = None) -> Floats:
        """Predict the probability of each class at each pixel.

        Parameters
        ----------
        pixels : (C, Y, X) array of float32
            Normalised grey values of one image, any size from 1 × 1.
        on_tile : callable, optional
            Told of progress.

        Returns
        -------
        probabilities : (K, Y, X) array of float32
            In [0, 1]; sums to 1 over K. The mean over rotated or flipped versions, if asked for.

        Raises
        ------
        ImageError
            If the number of channels is not the network's.
        """
        if len(pixels) != self.network.in_channels:
            raise ImageError(
                f"has {len(pixels)} channels, the model was trained on {self.network.in_channels}",
                remedy="give images like those of the training, or say --axes",
            )
        total = np.zeros((self.network.classes, *pixels.shape[1:]), np.float32)
        versions = views(self.test_time, pixels.shape[1:])
        for number, view in enumerate(versions):
            turned = view.there(pixels)
            predicted = self._tiled(turned, on_tile, number, len(versions))
            total += view.back(predicted)
        total = np.clip(total, 0, None)
        return np.asarray(total / total.sum(axis=0, keepdims=True), dtype=np.float32)

    def _tiled(self, pixels: Floats, on_tile: OnTile | None, view: int, views: int) -> Floats:
        tiles = overlap_tile(pixels.shape[1:], self.tile_output, self.network.config.depth)
        result = np.empty((self.network.classes, *pixels.shape[1:]), np.float32)
        for number, tile in enumerate(tiles, start=1):
            predicted = self._one(mirror_crop(pixels, *tile.read))
            # Legal tiles may give a few pixels more than are kept.
            rows, columns = (part.stop - part.start for part in tile.keep)
            result[:, tile.keep[0], tile.keep[1]] = predicted[:, :rows, :columns]
            if on_tile is not None:
                on_tile(view * len(tiles) + number, views * len(tiles))
        return result

    def _one(self, window: Floats) -> Floats:
        device = next(self.network.parameters()).device
        batch = torch.from_numpy(np.ascontiguousarray(window))[None].to(device)
        reduced = torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16")
        with torch.inference_mode(), reduced:
            logits = self.network(batch.to(memory_format=torch.channels_last))
        return np.asarray(logits[0].float().softmax(dim=0).cpu().numpy())
