"""From an image of any size to class probabilities of the same size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from overtile.arrays import Floats
from overtile.choices import InferencePrecision, TestTimeAugmentation
from overtile.config import NetworkConfig
from overtile.data.mirror import mirror_crop
from overtile.errors import ImageError
from overtile.inference.engine import Engine, TorchEngine
from overtile.inference.openvino_engine import OpenVinoEngine, Ranges
from overtile.inference.plan import DEFAULT_MEMORY_BYTES, PredictionPlan, Strip, plan_prediction
from overtile.inference.views import views
from overtile.model.geometry import context_px, smallest_input
from overtile.model.unet import UNet

OnShare = Callable[[float], None]
"""Told the share of an image that is done, 0 to 1."""

ReadWindow = Callable[[tuple[int, int], tuple[int, int]], Floats]
"""Gives the (C, y, x) grey values of rows (start, stop) and columns (start, stop), normalised, and
mirrored where they lie outside the image."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """Rows of a strip, predicted."""

    rows: slice
    columns: slice
    """Where they lie in the image, in pixels."""

    probabilities: Floats
    """(K, y, x) array of float32 in [0, 1]; sums to 1 over K."""


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A network and how to run it over images."""

    network: UNet
    """In evaluation mode; its device is used. Its weights are taken when it first predicts."""

    precision: InferencePrecision = "fp32"
    ranges: Ranges = ()
    """What the convolutions see, for ``int8``."""

    test_time: TestTimeAugmentation = "none"
    others: tuple[UNet, ...] = ()
    """Networks like the first, whose probabilities are averaged with its own."""

    label_offset_px: tuple[float, float] = (0.0, 0.0)
    """How far down and right of what they show the labels of the training lay."""

    memory_bytes: int = DEFAULT_MEMORY_BYTES
    """What the maps of the network may take, beside the image and its probabilities."""

    @cached_property
    def engine(self) -> Engine:
        """What runs the network."""
        if self.precision == "int8":
            return OpenVinoEngine(self.network, self.ranges)
        return TorchEngine(self.network, self.precision)

    @cached_property
    def _members(self) -> tuple[Predictor, ...]:
        alone = (replace(self, network=other, others=()) for other in self.others)
        return (self, *alone)

    def plan(self, size: tuple[int, int]) -> PredictionPlan:
        """Tell how an image of `size` (Y, X) pixels is cut, and what that takes.

        Raises
        ------
        ConfigError
            If the memory allowed is too small.
        """
        network = self.network
        return plan_prediction(
            size,
            network.config,
            network.in_channels,
            network.classes,
            self.precision,
            self.memory_bytes,
        )

    def probabilities(self, pixels: Floats, on_share: OnShare | None = None) -> Floats:
        """Predict the probability of each class at each pixel.

        Parameters
        ----------
        pixels : (C, Y, X) array of float32
            Normalised grey values of one image, any size from 1 × 1.
        on_share : callable, optional
            Told of progress.

        Returns
        -------
        probabilities : (K, Y, X) array of float32
            In [0, 1]; sums to 1 over K. The mean over rotated or flipped versions, if asked for,
            and over all networks.

        Raises
        ------
        ImageError
            If the number of channels is not the network's.
        ConfigError
            If the memory allowed is too small.
        """
        self.refuse_channels(len(pixels))
        versions = views(self.test_time, pixels.shape[1:], self.label_offset_px)
        answers = [(member, view) for member in self._members for view in versions]
        total: Floats | None = None
        for number, (member, view) in enumerate(answers):

            def on_part(share: float, number: int = number) -> None:
                if on_share is not None:
                    on_share((number + share) / len(answers))

            predicted = view.back(member._whole(view.there(pixels), on_part))
            total = predicted if total is None else total + predicted
        assert total is not None
        if len(answers) == 1:
            return np.ascontiguousarray(total)
        total = np.clip(total, 0, None)
        return np.asarray(total / total.sum(axis=0, keepdims=True), dtype=np.float32)

    def refuse_channels(self, channels: int) -> None:
        """Refuse an image of other channels than the network's.

        Raises
        ------
        ImageError
        """
        if channels != self.network.in_channels:
            raise ImageError(
                f"has {channels} channels, the model was trained on {self.network.in_channels}",
                remedy="give images like those of the training, or say --axes",
            )

    def bands(
        self, read: ReadWindow, plan: PredictionPlan, strip: Strip, first_row: int = 0
    ) -> Iterator[Band]:
        """Predict one strip from top to bottom.

        Parameters
        ----------
        read : callable
        plan : PredictionPlan
        strip : Strip
            One of those of `plan`.
        first_row : int
            Where to begin, a multiple of the pooling grid.

        Yields
        ------
        band : Band
            The next rows; together they are all from `first_row` on.
        """
        config, height = self.network.config, plan.size[0]
        width = strip.keep.stop - strip.keep.start
        blocks = _blocks(plan, first_row, config)
        stream, done = self.engine.stream(), first_row
        for window in _ahead(read, blocks, strip.read):
            if not plan.streams:
                stream = self.engine.stream()
            logits = stream.push(torch.from_numpy(np.ascontiguousarray(window))[None])
            if logits is None:
                continue
            # Legal sides may give a few pixels more than are kept.
            rows = min(logits.shape[2], height - done, plan.block_rows)
            if not rows:
                break
            found = logits[0, :, :rows, :width].softmax(dim=0)
            yield Band(
                rows=slice(done, done + rows),
                columns=strip.keep,
                probabilities=np.asarray(found.cpu().numpy()),
            )
            done += rows

    def _whole(self, pixels: Floats, on_share: OnShare) -> Floats:
        plan = self.plan((pixels.shape[1], pixels.shape[2]))
        result = np.empty((self.network.classes, *plan.size), np.float32)

        def read(rows: tuple[int, int], columns: tuple[int, int]) -> Floats:
            return mirror_crop(pixels, rows, columns)

        for number, strip in enumerate(plan.strips):
            for band in self.bands(read, plan, strip):
                result[:, band.rows, band.columns] = band.probabilities
                on_share((number + band.rows.stop / plan.size[0]) / len(plan.strips))
        return result


def _blocks(plan: PredictionPlan, first_row: int, config: NetworkConfig) -> list[tuple[int, int]]:
    """List the rows (start, stop) of a strip that are read together, from the first needed on."""
    grid = (config.depth, config.binning)
    rim, step, height = context_px(*grid), plan.block_rows, plan.size[0]
    if not plan.streams:
        side = smallest_input(step, *grid)
        return [(row - rim, row - rim + side) for row in range(first_row, height, step)]
    start = first_row - rim
    stop = start + smallest_input(height - first_row, *grid)
    return [(row, min(row + step, stop)) for row in range(start, stop, step)]


def _ahead(
    read: ReadWindow, blocks: list[tuple[int, int]], columns: tuple[int, int]
) -> Iterator[Floats]:
    """Read the next block of rows while the network is at the last one."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="overtile-rows") as reader:
        coming = reader.submit(read, blocks[0], columns)
        for block in blocks[1:]:
            window = coming.result()
            coming = reader.submit(read, block, columns)
            yield window
        yield coming.result()
