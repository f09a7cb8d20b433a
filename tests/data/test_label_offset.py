from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.data.label_offset import SMALLEST_PX, measure_label_offset
from overtile.data.sample import Annotated


def blobs(side: int = 320, seed: int = 0) -> NDArray[np.float64]:
    """A smooth landscape, whose parts above 0 are objects of some 20 px."""
    rng = np.random.default_rng(seed)
    return ndi.gaussian_filter(rng.normal(size=(side, side)), 8, mode="wrap") * 30


def annotated(labels: NDArray[np.float64], pixels: NDArray[np.float64]) -> Annotated:
    noise = np.random.default_rng(1).normal(scale=0.1, size=pixels.shape)
    return Annotated(
        name="made",
        pixels=(pixels + noise)[None].astype(np.float32),
        labels=(labels > 0).astype(np.uint32),
    )


def seen(landscape: NDArray[np.float64]) -> NDArray[np.float64]:
    return ndi.gaussian_filter((landscape > 0).astype(float), 1)


@pytest.mark.parametrize(("down", "right"), [(1.0, 0.0), (-0.5, 0.5), (0.0, -1.5)])
def test_labels_that_were_moved_are_found_as_far_from_the_edges(down: float, right: float) -> None:
    landscape = blobs()
    moved = ndi.shift(landscape, (down, right), mode="grid-wrap")
    found = measure_label_offset([annotated(moved, seen(landscape))])
    assert found is not None
    assert found[:2] == pytest.approx((down, right), abs=0.15)
    assert found.standard_error_px < 0.1
    assert found.patches == 4


def test_labels_that_lie_on_the_edges_have_no_offset() -> None:
    landscape = blobs()
    assert measure_label_offset([annotated(landscape, seen(landscape))]) is None


def test_an_offset_too_small_to_matter_is_not_told() -> None:
    landscape = blobs()
    moved = ndi.shift(landscape, (SMALLEST_PX / 3, 0), mode="grid-wrap")
    assert measure_label_offset([annotated(moved, seen(landscape))]) is None


def test_objects_that_are_lit_from_one_side_are_not_taken_for_an_offset() -> None:
    landscape = blobs()
    shaded = ndi.sobel(ndi.gaussian_filter((landscape > 0).astype(float), 1), axis=1)
    assert measure_label_offset([annotated(landscape, shaded)]) is None


def test_labels_that_have_nothing_to_do_with_the_image_have_no_offset() -> None:
    assert measure_label_offset([annotated(blobs(seed=1), seen(blobs(seed=2)))]) is None


def test_parts_that_nobody_told_of_are_not_looked_at() -> None:
    landscape = blobs()
    moved = ndi.shift(landscape, (1, 0), mode="grid-wrap")
    whole = annotated(moved, seen(landscape))
    ignore = np.zeros(landscape.shape, bool)
    ignore[:, ::50] = True
    assert measure_label_offset([replace(whole, ignore=ignore)]) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (47, 300)])
def test_images_too_small_to_tell_have_no_offset(shape: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).normal(size=shape)
    assert measure_label_offset([annotated(labels, labels)]) is None


def test_no_image_has_no_offset() -> None:
    assert measure_label_offset([]) is None
