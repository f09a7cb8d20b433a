"""One image, from its file to its results: in one piece where it fits into memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Floats, Labels
from overtile.colours import RGB
from overtile.data.normalise import grey_scale, normalise
from overtile.errors import ConfigError
from overtile.inference.choose import (
    choose_arithmetic,
    middle_span,
    sample,
    seconds_per_multiply_add,
)
from overtile.inference.doubt import uncertainty
from overtile.inference.instances import foreground, objects
from overtile.inference.plan import DEFAULT_MEMORY_BYTES, megabytes
from overtile.inference.predict import Predictor
from overtile.inference.views import count_views
from overtile.io import (
    Image,
    RegionImage,
    can_open_by_region,
    open_image,
    read_image,
    write_by_region,
    write_labels,
    write_map,
    write_overlay,
    write_probabilities,
)
from overtile.model.file import ModelRecord
from overtile.model.unet import UNet
from overtile.progress import Progress
from overtile.storage import demand_room
from overtile.workflows.by_region import ByRegion
from overtile.workflows.memory import image_bytes, memory_allowed, region_bytes, taken_bytes
from overtile.workflows.region_store import RegionStore, StoreRecord
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

    others: tuple[UNet, ...] = ()
    """Networks on the same device, whose answers are averaged with those of the first."""

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
        allowed = memory_allowed(self.folder.request.memory_bytes)
        if can_open_by_region(path):
            largest = (allowed - taken_bytes()) // 4
            if largest <= 0:
                raise ConfigError(
                    f"the memory allowed, {megabytes(allowed)}, is below what the program and the "
                    f"network take, {megabytes(taken_bytes())}",
                    remedy="allow more by --memory",
                )
            with open_image(path, axes=self.folder.request.axes, largest_bytes=largest) as opened:
                if taken_bytes() + self._whole_bytes(opened) > allowed:
                    return self._by_region(path, opened, digest, allowed, on_share)
        image = read_image(path, axes=self.folder.request.axes)
        return self._in_memory(path, image, digest, allowed, on_share)

    def _in_memory(
        self, path: Path, image: Image, digest: str, allowed: int, on_share: OnShare
    ) -> int:
        request, classes = self.folder.request, self.network.classes
        demand_room(self.folder.path, _least_bytes(request.save, image, classes))
        left = allowed - taken_bytes() - self._whole_bytes(image) + image.pixels.nbytes
        at_hand = sample(normalise(image.pixels[0]))
        predictor = self._predictor(image, at_hand, left)
        if request.explain:
            self._explain(image, predictor, at_hand, allowed - left)
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
            values = _values(result, probabilities, labels, config.temperature)
            target = self.folder.target(path, result)
            _write(result, target, image, values, self.model.region_colours)
        self.folder.finish(path, digest)
        if kind == "classes":
            return int(np.count_nonzero(labels))
        return sum(int(page.max()) for page in labels)

    def _by_region(
        self, path: Path, image: RegionImage, digest: str, allowed: int, on_share: OnShare
    ) -> int:
        request, classes = self.folder.request, self.network.classes
        if self.others:
            raise ConfigError(
                f"{path.name} does not fit into memory, and several networks are averaged",
                remedy="predict with one of them, or allow more by --memory",
            )
        if request.test_time != "none":
            raise ConfigError(
                "--tta needs the image in memory, and it does not fit into what is allowed",
                remedy="leave --tta out, or allow more by --memory",
            )
        demand_room(self.folder.path, _region_store_bytes(request.save, image, classes))
        left = allowed - taken_bytes() - region_bytes(image.size, image.channels, classes)
        whole = grey_scale(lambda: image.blocks(0), image.dtype)
        at_hand = whole.apply(image.read(0, *(middle_span(side) for side in image.size)))
        predictor = self._predictor(image, at_hand, left)
        if request.explain:
            self._explain(image, predictor, at_hand, allowed - left)
        self.progress.say(f"{path.name} does not fit into memory: it is predicted region by region")
        self.folder.claim()
        record = StoreRecord(
            image_sha256=digest,
            model_sha256=self.folder.record.model_sha256,
            precision=predictor.precision,
            kinds=request.save,
        )
        job = ByRegion(
            image=image,
            model=self.model,
            predictor=predictor,
            plan=predictor.plan(image.size),
            store=RegionStore(self.folder.path.parent, path.name, record),
            save=request.save,
        )
        job.predict(on_share)
        final = [] if self.model.label_kind == "classes" else job.label()
        job.write(lambda kind: self.folder.target(path, kind), final, digest + record.model_sha256)
        count = job.count(final)
        self.folder.finish(path, digest)
        job.store.clear()
        return count

    @property
    def _answers(self) -> int:
        """How many predictions are averaged."""
        return count_views(self.folder.request.test_time) * (1 + len(self.others))

    def _whole_bytes(self, image: Image | RegionImage) -> int:
        """Tell what an image takes that is predicted in one piece."""
        return image_bytes(
            (image.pages, image.channels, *image.size),
            image.dtype.itemsize,
            self.network.classes,
            self._answers,
        )

    def _predictor(self, image: Image | RegionImage, pixels: Floats, left: int) -> Predictor:
        """Choose the arithmetic, by the first image of a folder, and the memory for maps."""
        precision = self.folder.record.precision
        Predictor(network=self.network).refuse_channels(image.channels)
        if precision is None:
            arithmetic = choose_arithmetic(self.network, pixels, self.folder.request.fast)
            precision = arithmetic.precision
            self.folder.settle(precision, arithmetic.ranges)
            self.progress.say(f"arithmetic: {precision}, because {arithmetic.reason}")
        return Predictor(
            network=self.network,
            precision=precision,
            ranges=self.folder.record.ranges,
            others=self.others,
            test_time=self.folder.request.test_time,
            label_offset_px=self.model.label_offset_px,
            memory_bytes=max(0, min(left, DEFAULT_MEMORY_BYTES)),
        )

    def _explain(
        self, image: Image | RegionImage, predictor: Predictor, pixels: Floats, others: int
    ) -> None:
        """Say how an image will be predicted; `others` is what is taken beside the maps."""
        plan = predictor.plan(image.size)
        seconds = seconds_per_multiply_add(predictor, pixels) * plan.multiply_adds
        height, width = image.size
        self.progress.say(
            f"{image.path.name}: pages: {image.pages}, of {height}x{width} px; strips: "
            f"{len(plan.strips)}, computed {plan.block_rows} rows at a time; "
            f"{100 * (plan.redundancy - 1):.1f} % more arithmetic than without context; memory: up "
            f"to {megabytes(others + plan.memory_bytes)}; time: about "
            f"{_duration(seconds * image.pages * self._answers)}"
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def _region_store_bytes(kinds: Iterable[ResultKind], image: RegionImage, classes: int) -> int:
    """Tell what the regions take on the disk until results are written, at the very least."""
    a_pixel = {"foreground": 4, "uncertainty": 4, "probabilities": 4 * classes}
    pixels = image.pages * math.prod(image.size)
    return sum(a_pixel.get(kind, 0) for kind in kinds) * pixels


def _least_bytes(kinds: Iterable[ResultKind], image: Image, classes: int) -> int:
    """Tell what results take at the very least, however well they compress."""
    a_pixel = {"labels": 1, "foreground": 4, "uncertainty": 4, "probabilities": 4 * classes}
    pixels = image.pages * math.prod(image.size)
    return sum(a_pixel.get(kind, 0) for kind in kinds) * pixels // _BEST_COMPRESSION


def _values(
    kind: ResultKind, probabilities: Floats, labels: Labels, temperature: float
) -> NDArray[Any]:
    """Give what a result holds: `probabilities` (P, K, Y, X), or one number a pixel, (P, Y, X)."""
    if kind == "foreground":
        return np.stack([foreground(page) for page in probabilities])
    if kind == "uncertainty":
        return np.stack([uncertainty(page, temperature) for page in probabilities])
    return probabilities if kind == "probabilities" else labels


def _write(
    kind: ResultKind, path: Path, image: Image, values: NDArray[Any], colours: Sequence[RGB]
) -> None:
    """Write one result of an image; of an overlay, `values` are its labels."""
    if path.suffix == ".zarr":
        _write_zarr(kind, path, image, values)
    elif kind == "labels":
        write_labels(path, values, like=image)
    elif kind == "probabilities":
        write_probabilities(path, values, like=image)
    elif kind == "overlay":
        write_overlay(path, image.pixels, values, colours)
    else:
        write_map(path, values, like=image)


def _write_zarr(kind: ResultKind, path: Path, image: Image, values: NDArray[Any]) -> None:
    if kind == "labels":
        values = values.astype(np.min_scalar_type(int(values.max(initial=0))))
    if kind != "probabilities":
        values = values[:, np.newaxis]

    def read(page: int, rows: slice, columns: slice) -> NDArray[Any]:
        return np.asarray(values[page, :, rows, columns])

    write_by_region(
        path, read, like=image, dtype=values.dtype, classes=values.shape[1], identity=""
    )
