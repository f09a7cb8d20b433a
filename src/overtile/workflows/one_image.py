"""One image, from its file to its results: in one piece where it fits into memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overtile.arrays import Floats, Labels
from overtile.data.normalise import normalise
from overtile.inference.choose import choose_arithmetic, sample, seconds_per_multiply_add
from overtile.inference.instances import foreground, objects
from overtile.inference.plan import DEFAULT_MEMORY_BYTES, megabytes
from overtile.inference.predict import Predictor
from overtile.inference.views import count_views
from overtile.io import (
    Image,
    read_image,
    write_foreground,
    write_labels,
    write_overlay,
    write_probabilities,
)
from overtile.model.file import ModelRecord
from overtile.model.unet import UNet
from overtile.progress import Progress
from overtile.storage import demand_room
from overtile.workflows.memory import image_bytes, memory_allowed, taken_bytes
from overtile.workflows.results import ResultFolder, ResultKind, image_digest

_BEST_COMPRESSION = 1032
"""How many bytes zlib can tell by one."""

OnShare = Callable[[float], None]
"""Told the share of an image that is done, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class ImagePrediction:
    """What all images of a call have in common."""

    folder: ResultFolder
    network: UNet
    """On the device to predict on."""

    model: ModelRecord
    progress: Progress

    def predict(self, path: Path, on_share: OnShare) -> int:
        """Predict all pages of one file and write its results.

        Returns
        -------
        count : int
            Objects found; for classes, pixels that are not background.

        Raises
        ------
        OvertileError
            If the image cannot be read or is not like those of the training, the memory allowed is
            too small, or results cannot be written.
        """
        on_share(0.0)
        self.folder.refuse_name(path)
        self.folder.refuse_changed(path)
        # Before it is read: of an image that changes meanwhile, the next call will see that it did.
        digest = image_digest(path)
        image = read_image(path, axes=self.folder.request.axes)
        request, classes = self.folder.request, self.network.classes
        demand_room(self.folder.path, _least_bytes(request.save, image, classes))
        predictor = self._predictor(image)
        predicted: list[Floats] = []

        def on_page(share: float) -> None:
            on_share((len(predicted) + share) / image.pages)

        for pixels in image.pixels:
            predicted.append(predictor.probabilities(normalise(pixels), on_page))
        probabilities = np.stack(predicted)
        kind, config = self.model.label_kind, self.model.prediction
        labels = np.stack([objects(page, kind, config) for page in probabilities])
        self.folder.claim()
        for result in request.save:
            _write(result, self.folder.target(path, result), image, probabilities, labels)
        self.folder.finish(path, digest)
        if kind == "classes":
            return int(np.count_nonzero(labels))
        return sum(int(page.max()) for page in labels)

    def _predictor(self, image: Image) -> Predictor:
        """Choose arithmetic, by the first image of a folder, and the memory for maps."""
        request = self.folder.request
        views = count_views(request.test_time)
        whole = image_bytes(
            image.pixels.shape, image.pixels.dtype.itemsize, self.network.classes, views
        )
        left = memory_allowed(request.memory_bytes) - taken_bytes() - whole
        pixels = sample(normalise(image.pixels[0]))
        precision = self.folder.record.precision
        if precision is None:
            Predictor(network=self.network).refuse_channels(image.channels)
            arithmetic = choose_arithmetic(self.network, pixels)
            precision = arithmetic.precision
            self.folder.settle(precision)
            self.progress.say(f"arithmetic: {precision}, because {arithmetic.reason}")
        predictor = Predictor(
            network=self.network,
            precision=precision,
            test_time=request.test_time,
            memory_bytes=min(left, DEFAULT_MEMORY_BYTES),
        )
        if request.explain:
            self._explain(image, predictor, pixels, whole, views)
        return predictor

    def _explain(
        self, image: Image, predictor: Predictor, pixels: Floats, whole: int, views: int
    ) -> None:
        plan = predictor.plan(image.size)
        seconds = seconds_per_multiply_add(predictor, pixels) * plan.multiply_adds
        height, width = image.size
        bound = taken_bytes() + whole + plan.memory_bytes
        self.progress.say(
            f"{image.path.name}: {image.pages} pages of {height}x{width} px, {len(plan.strips)} "
            f"strips a page, fed {plan.block_rows} rows at a time; "
            f"{100 * (plan.redundancy - 1):.1f} % more arithmetic than without context; memory up "
            f"to {megabytes(bound)}; about {_duration(seconds * image.pages * views)}"
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def _least_bytes(kinds: Iterable[ResultKind], image: Image, classes: int) -> int:
    """Tell what results take at the very least, however well they compress."""
    a_pixel = {"labels": 1, "foreground": 4, "probabilities": 4 * classes, "overlay": 0}
    pixels = image.pages * math.prod(image.size)
    return sum(a_pixel[kind] for kind in kinds) * pixels // _BEST_COMPRESSION


def _write(
    kind: ResultKind, path: Path, image: Image, probabilities: Floats, labels: Labels
) -> None:
    """Write one result of an image: `probabilities` (P, K, Y, X), `labels` (P, Y, X)."""
    if kind == "labels":
        write_labels(path, labels, like=image)
    elif kind == "foreground":
        write_foreground(path, np.stack([foreground(page) for page in probabilities]), like=image)
    elif kind == "probabilities":
        write_probabilities(path, probabilities, like=image)
    else:
        write_overlay(path, image.pixels, labels)
