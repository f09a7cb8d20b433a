"""One image that does not fit into memory: predicted, labelled and written region by region."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Floats, Pixels
from overtile.config import NetworkConfig
from overtile.data.mirror import mirror_read
from overtile.data.normalise import GreyScale, grey_scale
from overtile.inference.doubt import uncertainty
from overtile.inference.grow import grow
from overtile.inference.instances import foreground, label_pieces
from overtile.inference.plan import PredictionPlan, Strip
from overtile.inference.predict import Predictor
from overtile.inference.region_labels import FinalIds, Region, RegionLabeller
from overtile.io import RegionImage, write_by_region, write_overlay
from overtile.model.file import ModelRecord
from overtile.model.geometry import pooling_factor
from overtile.workflows.region_store import RegionStore
from overtile.workflows.results import ResultKind

REGION_ROWS = 512
"""Height of a region in pixels: of the tiles that results are written in."""

_OVERVIEW_PX = 2048

OnShare = Callable[[float], None]
ReadBand = Callable[[int, int], NDArray[Any]]
"""Gives the band of a page that begins at a row, as (K, y, X)."""


@dataclass(frozen=True, kw_only=True)
class ByRegion:
    """The prediction of one image."""

    image: RegionImage
    model: ModelRecord
    predictor: Predictor
    plan: PredictionPlan
    store: RegionStore
    save: tuple[ResultKind, ...]

    def predict(self, on_share: OnShare) -> None:
        """Predict all regions that are not in the store yet."""
        total = self.image.pages * len(self.plan.strips)
        done = 0
        for page in range(self.image.pages):
            scale: GreyScale | None = None
            for strip in self.plan.strips:
                regions = list(self._regions(strip))
                missing = [region for region in regions if not self.store.has(page, region)]
                if missing:
                    scale = scale or self.scale(page)
                    begun = missing[0].rows.start

                    def on_row(row: int, done: int = done) -> None:
                        on_share((done + row / self.plan.size[0]) / total)

                    self._predict_strip(page, strip, begun, scale, on_row)
                done += 1
                on_share(done / total)

    def scale(self, page: int) -> GreyScale:
        """Find the grey scale of a page, from all of it."""
        return grey_scale(lambda: self.image.blocks(page), self.image.dtype)

    def label(self) -> list[FinalIds]:
        """Join the pieces of all regions, page by page."""
        smallest = self.model.prediction.smallest_object_px
        found = []
        for page in range(self.image.pages):
            labeller = RegionLabeller(self.plan.size)
            for strip in self.plan.strips:
                for region in self._regions(strip):
                    labeller.add(region, self.store.load(page, region, "pieces"))
            found.append(labeller.resolve(smallest))
        return found

    def write(
        self, target: Callable[[ResultKind], Path], final: list[FinalIds], identity: str
    ) -> None:
        """Write all results."""
        for kind in self.save:
            if kind == "overlay":
                self._write_overview(target(kind), final)
                continue
            dtype, classes = np.dtype(np.float32), 1
            if kind == "labels":
                largest = max((one.count for one in final), default=self._classes - 1)
                dtype = np.min_scalar_type(largest)
            elif kind == "probabilities":
                classes = self._classes
            write_by_region(
                target(kind),
                self._reader(kind, final),
                like=self.image,
                dtype=dtype,
                classes=classes,
                identity=f"{identity}{kind}",
            )

    def count(self, final: list[FinalIds]) -> int:
        """Count objects; for classes, pixels that are not background."""
        if self.model.label_kind != "classes":
            return sum(one.count for one in final)
        return sum(
            int(np.count_nonzero(self.store.load(page, region, "pieces")))
            for page in range(self.image.pages)
            for strip in self.plan.strips
            for region in self._regions(strip)
        )

    @property
    def _classes(self) -> int:
        return len(self.model.class_names)

    @property
    def _reach_px(self) -> int:
        """By how many pixels cores grow."""
        return 0 if self.model.label_kind == "classes" else self.model.prediction.grow_px

    def _regions(self, strip: Strip) -> Iterator[Region]:
        height = self.plan.size[0]
        step = region_rows(self.model.network)
        for start in range(0, height, step):
            yield Region(slice(start, min(start + step, height)), strip.keep)

    def _predict_strip(
        self,
        page: int,
        strip: Strip,
        first_row: int,
        scale: GreyScale,
        on_row: Callable[[int], None],
    ) -> None:
        def read_inside(rows: tuple[int, int], columns: tuple[int, int]) -> Pixels:
            return self.image.read(page, rows, columns)

        def read(rows: tuple[int, int], columns: tuple[int, int]) -> Floats:
            return scale.apply(mirror_read(read_inside, self.plan.size, rows, columns))

        regions = (region for region in self._regions(strip) if region.rows.start >= first_row)
        region = next(regions)
        gathered = self._room(region)
        for band in self.predictor.bands(read, self.plan, strip, first_row):
            row = band.rows.start
            while row < band.rows.stop:
                stop = min(band.rows.stop, region.rows.stop)
                part = band.probabilities[:, row - band.rows.start : stop - band.rows.start]
                gathered[:, row - region.rows.start : stop - region.rows.start] = part
                row = stop
                if stop == region.rows.stop:
                    self.store.keep(page, region, self._arrays(gathered))
                    on_row(stop)
                    region = next(regions, region)
                    gathered = self._room(region)

    def _room(self, region: Region) -> Floats:
        return np.empty((self._classes, *region.shape), np.float32)

    def _arrays(self, probabilities: Floats) -> dict[str, NDArray[Any]]:
        """Make what is kept of a region, from its (K, y, x) probabilities."""
        inside = foreground(probabilities)
        if self.model.label_kind == "classes":
            pieces = probabilities.argmax(axis=0).astype(np.uint32)
        else:
            pieces, _ = label_pieces(inside > self.model.prediction.core)
        arrays: dict[str, NDArray[Any]] = {"pieces": pieces}
        if self._reach_px:
            arrays["mask"] = inside > self.model.prediction.threshold
        if "foreground" in self.save:
            arrays["foreground"] = inside
        if "uncertainty" in self.save:
            temperature = self.model.prediction.temperature
            arrays["uncertainty"] = uncertainty(probabilities, temperature)
        if "probabilities" in self.save:
            arrays["probabilities"] = probabilities
        return arrays

    def _reader(
        self, kind: ResultKind, final: list[FinalIds]
    ) -> Callable[[int, slice, slice], NDArray[Any]]:
        """Give what reads a tile of a result: (K, y, x) values."""
        step = region_rows(self.model.network)
        read_band = self._cores(final) if kind == "labels" else partial(self._band, kind)
        if kind == "labels" and self._reach_px:
            read_band = self._grown(read_band)
        band = lru_cache(maxsize=1)(read_band)  # Tiles are asked for row by row, high as a band.

        def read(page: int, rows: slice, columns: slice) -> NDArray[Any]:
            first = rows.start - rows.start % step
            bands = [band(page, start)[:, :, columns] for start in range(first, rows.stop, step)]
            whole = bands[0] if len(bands) == 1 else np.concatenate(bands, axis=1)
            return whole[:, rows.start - first : rows.stop - first]

        return read

    def _band(
        self, name: str, page: int, start: int, final: FinalIds | None = None
    ) -> NDArray[Any]:
        """Join the regions side by side that begin at a row, as (K, y, X)."""
        rows = slice(start, min(start + region_rows(self.model.network), self.plan.size[0]))
        parts = []
        for strip in self.plan.strips:
            region = Region(rows, strip.keep)
            values = self.store.load(page, region, name)
            if final is not None:
                values = final.of(region, values)
            parts.append(values if values.ndim == 3 else values[None])
        return np.concatenate(parts, axis=2)

    def _cores(self, final: list[FinalIds]) -> ReadBand:
        def read(page: int, start: int) -> NDArray[Any]:
            return self._band("pieces", page, start, final[page] if final else None)

        return read

    def _grown(self, cores: ReadBand) -> ReadBand:
        """Let the objects of a band grow, with the rows beside it from where others reach in."""
        read_cores = lru_cache(maxsize=3)(cores)
        read_mask = lru_cache(maxsize=3)(partial(self._band, "mask"))

        def read(page: int, start: int) -> NDArray[Any]:
            wide, above = self._with_rows_beside(read_cores, page, start)
            mask, _ = self._with_rows_beside(read_mask, page, start)
            rows = len(read_cores(page, start)[0])
            return grow(wide, mask, self._reach_px)[None, above : above + rows]

        return read

    def _with_rows_beside(self, band: ReadBand, page: int, start: int) -> tuple[NDArray[Any], int]:
        """Give a band (Y, X) with the rows that reach into it, and how many of these are above."""
        reach, step = self._reach_px, region_rows(self.model.network)
        parts = [band(page, start)[0]]
        if start + step < self.plan.size[0]:
            parts.append(band(page, start + step)[0, :reach])
        if start:
            parts.insert(0, band(page, start - step)[0, -reach:])
        return np.concatenate(parts), reach if start else 0

    def _write_overview(self, path: Path, final: list[FinalIds]) -> None:
        """Write a picture of every so manyeth row and column."""
        height, width = self.plan.size
        step = max(1, -(-max(height, width) // _OVERVIEW_PX))
        read = self._reader("labels", final)
        rows = region_rows(self.model.network)
        pixels, labels = [], []
        for page in range(self.image.pages):
            shown, marked = [], []
            for start in range(0, height, rows):
                stop = min(start + rows, height)
                taken = slice(-start % step, None, step)
                if start + taken.start >= stop:
                    continue
                whole = self.image.read(page, (start, stop), (0, width))
                shown.append(whole[:, taken, ::step])
                marked.append(read(page, slice(start, stop), slice(0, width))[0, taken, ::step])
            pixels.append(np.concatenate(shown, axis=1))
            labels.append(np.concatenate(marked, axis=0).astype(np.uint32))
        write_overlay(path, np.stack(pixels), np.stack(labels), self.model.region_colours)


def region_rows(config: NetworkConfig) -> int:
    """Give the height of regions: prediction begins anew only on the pooling grid."""
    return max(REGION_ROWS, pooling_factor(config.depth, config.binning))
