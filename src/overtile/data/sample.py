"""Training tiles as a function of (seed, step, index): the number of workers changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import ClassMap, Floats, Labels
from overtile.choices import LabelKind
from overtile.config import AugmentationConfig, LossConfig
from overtile.data.augment import change_grey_values, draw_field
from overtile.data.class_places import ClassPlaces
from overtile.data.deform import keep_offset, resample, resample_labels
from overtile.data.targets import class_map, separate_touching
from overtile.data.weight_map import border_weight_map, reach_px


@dataclass(frozen=True, kw_only=True)
class Annotated:
    """One annotated image, ready to draw tiles from."""

    name: str
    """What a person calls it: file name, and page if the file has several."""

    pixels: Floats
    """(C, Y, X) normalised grey values."""

    labels: Labels
    """(Y, X) ids of objects, or class indices."""

    ignore: NDArray[np.bool_] | None = None
    """(Y, X), where the labels say nothing and hold 0; None if they tell of all pixels."""

    @property
    def told_px(self) -> int:
        """How many pixels the labels tell of."""
        if self.ignore is None:
            return self.labels.size
        return self.ignore.size - int(np.count_nonzero(self.ignore))

    @property
    def first_row(self) -> int:
        """The first of which the labels tell anything."""
        return 0 if self.ignore is None else int(np.argmin(self.ignore.all(axis=1)))

    def with_rows(self, rows: slice) -> Annotated:
        """Give a part of it, over its whole width."""
        ignore = None if self.ignore is None else self.ignore[rows]
        return replace(self, pixels=self.pixels[:, rows], labels=self.labels[rows], ignore=ignore)

    def told(self, every: int = 1) -> NDArray[np.intp]:
        """Give flat positions of the pixels that the labels tell of, or of each so-many-th."""
        if self.ignore is None:
            return np.arange(0, self.labels.size, every)
        return self._told[::every]

    @cached_property
    def _told(self) -> NDArray[np.intp]:
        """Of a part, around which each tile is drawn."""
        assert self.ignore is not None
        return np.flatnonzero(~self.ignore)


@dataclass(frozen=True, kw_only=True)
class TrainingTile:
    """What one step learns from: S is the input side, T the output side, in pixels."""

    pixels: Floats
    """(C, S, S) augmented grey values."""

    classes: ClassMap
    """(T, T) classes, 0…K-1."""

    weights: Floats
    """(T, T) loss weights w(x) of eq. (2); 0 where the labels say nothing."""

    place: str
    """Where it was drawn, for people: the image, and the first row and column of the tile."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Draws augmented tiles from annotated images."""

    images: Sequence[Annotated]
    kind: LabelKind
    input_size: int
    """Side of the tile that the network sees, in pixels."""

    output_size: int
    """Side of its labelled centre, in pixels."""

    class_weights: Floats
    """(K,) weights w_c, one a class."""

    augmentation: AugmentationConfig
    loss: LossConfig
    seed: int
    gap_px: int = 1
    """Width of the gap that is made where objects touch."""

    class_share: float = 0.0
    """Share of tiles that are placed on a pixel of a class drawn evenly; for ``classes``."""

    def draw(self, step: int, index: int = 0) -> TrainingTile:
        """Draw tile `index` of step `step`; the same arguments give the same tile on any worker."""
        rng = np.random.Generator(
            np.random.Philox(np.random.SeedSequence([self.seed, step, index]))
        )
        image, asked = self._draw_place(rng)
        start = self._draw_start(image, asked, rng)
        field = draw_field(self.input_size, start, self.augmentation, rng)
        pixels = change_grey_values(resample(image.pixels, field), self.augmentation, rng)
        beside = keep_offset(field, self.augmentation.label_offset_px)
        classes, weights = self._targets(image, beside)
        place = f"{image.name} at ({start[0]}, {start[1]})"
        return TrainingTile(pixels=pixels, classes=classes, weights=weights, place=place)

    def _draw_place(self, rng: np.random.Generator) -> tuple[Annotated, tuple[int, int] | None]:
        """Draw an image, and a pixel that the tile is to show, if it matters which."""
        if self.class_share > 0 and rng.random() < self.class_share:
            place = self._class_places.draw(rng)
            if place is not None:
                return self.images[place[0]], place[1]
        image = self.images[int(rng.integers(len(self.images)))]
        if image.ignore is None:
            return image, None
        told = image.told()
        pixel = int(told[rng.integers(told.size)])
        width = image.labels.shape[1]
        return image, (pixel // width, pixel % width)

    @cached_property
    def _class_places(self) -> ClassPlaces:
        return ClassPlaces([image.labels for image in self.images])

    def _draw_start(
        self, image: Annotated, asked: tuple[int, int] | None, rng: np.random.Generator
    ) -> tuple[int, int]:
        """Shift the tile so that its labelled part lies on the image, or up to a quarter beyond.

        Where a pixel is asked for, it lies in that part.
        """
        rim = (self.input_size - self.output_size) // 2
        beyond = self.output_size // 4
        starts = []
        for axis, length in enumerate(image.labels.shape):
            room = length - self.output_size
            low, high = min(0, room) - beyond, max(0, room) + beyond
            if asked is not None:
                position = asked[axis]
                low, high = max(low, position - self.output_size + 1), min(high, position)
            starts.append(int(rng.integers(low, high + 1)) - rim)
        return starts[0], starts[1]

    def _targets(self, image: Annotated, field: Floats) -> tuple[ClassMap, Floats]:
        """Deform ids first, then separate, then weigh, so that resampling never closes a gap."""
        rim = (self.input_size - self.output_size) // 2
        # Objects just outside the labelled part also narrow the gaps inside it.
        surround = min(rim, reach_px(self.loss)) if self.kind != "classes" else 0
        wide = slice(rim - surround, rim + self.output_size + surround)
        ids = resample_labels(image.labels, np.ascontiguousarray(field[:, wide, wide]))
        centre = slice(surround, surround + self.output_size)
        if self.kind == "classes":
            classes = class_map(ids, self.kind)
            weights = self.class_weights[classes]
        else:
            ids = separate_touching(ids, self.gap_px)
            border = border_weight_map(ids, self.loss)[centre, centre]
            classes = class_map(ids[centre, centre], self.kind)
            weights = self.class_weights[classes] + border
        if image.ignore is not None:
            labelled = slice(rim, rim + self.output_size)
            ignore = np.ascontiguousarray(field[:, labelled, labelled])
            weights[resample_labels(image.ignore, ignore) > 0] = 0
        return classes, weights
