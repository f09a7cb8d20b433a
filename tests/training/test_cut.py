"""Validation regions that are cut out of the images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from overtile.data.sample import Annotated
from overtile.training.cut import Cut, cut_image, plan_cut


def image(height: int, width: int, *, labelled: slice = slice(None)) -> Annotated:
    """Grey values that tell their place, and an object on the labelled columns."""
    labels = np.zeros((height, width), np.uint32)
    labels[:, labelled] = 1
    return Annotated(
        name="a.tif", pixels=np.indices(labels.shape).astype(np.float32), labels=labels
    )


def test_an_image_is_cut_across_its_longer_side_with_a_gap() -> None:
    training, validation = cut_image(image(30, 100), Cut(share=0.2, gap_px=12))
    assert training.labels.shape == (30, 68)
    assert validation.labels.shape == (30, 32)
    assert training.pixels[1].max() == 67
    assert validation.pixels[1].min() == 68
    assert (training.name, validation.name) == (
        "a.tif up to column 68",
        "a.tif from column 80",
    )


def test_the_gap_is_seen_and_not_judged() -> None:
    _, validation = cut_image(image(30, 100), Cut(share=0.2, gap_px=12))
    assert validation.ignore is not None
    judged = validation.pixels[1][~validation.ignore]
    assert (judged.min(), judged.max()) == (80, 99)
    assert not validation.labels[validation.ignore].any()


def test_nothing_that_is_judged_lies_within_the_gap_of_what_is_learnt() -> None:
    training, validation = cut_image(image(300, 100), Cut(share=0.2, gap_px=50))
    assert validation.ignore is not None
    learnt, judged = training.pixels[0].max(), validation.pixels[0][~validation.ignore].min()
    assert judged - learnt > 50


def test_what_was_ignored_stays_ignored_on_both_sides() -> None:
    one = image(10, 100)
    ignore = np.zeros((10, 100), bool)
    ignore[0] = True
    training, validation = cut_image(
        Annotated(name="a", pixels=one.pixels, labels=one.labels, ignore=ignore),
        Cut(share=0.2, gap_px=5),
    )
    assert training.ignore is not None
    assert validation.ignore is not None
    assert training.ignore[0].all()
    assert validation.ignore[0].all()
    assert not training.ignore[1:].any()


@pytest.mark.parametrize(
    ("count", "side", "is_cut"),
    [
        (1, 307, True),  # 0.2 + 92/307 is just below one half
        (1, 306, False),
        (2, 307, True),
        (3, 700, True),  # 0.2 + 92/700 is just below one third
        (3, 680, False),
        (4, 1900, True),
        (4, 1800, False),
        (5, 9000, False),
    ],
)
def test_images_are_cut_where_that_takes_less_than_holding_one_out(
    count: int, side: int, is_cut: bool
) -> None:
    found = plan_cut([image(8, side)] * count, 0.2, 92)
    assert (found is not None) == is_cut


def test_images_are_not_cut_where_one_side_would_show_nothing() -> None:
    assert plan_cut([image(8, 400, labelled=slice(0, 100))], 0.2, 40) is None
    assert plan_cut([image(8, 400, labelled=slice(350, 400))], 0.2, 40) is None
    assert plan_cut([image(8, 400)], 0.0, 40) is None


def test_strokes_are_cut_only_where_both_sides_show_background() -> None:
    labels = np.zeros((60, 100), np.uint32)
    labels[20:40] = 1
    ignore = np.zeros(labels.shape, bool)
    whole = Annotated(name="a", pixels=np.zeros((1, 60, 100), np.float32), labels=labels)
    assert plan_cut([replace(whole, ignore=ignore)], 0.2, 5) is not None
    ignore = ignore.copy()
    ignore[:, 80:] = labels[:, 80:] == 0
    assert plan_cut([replace(whole, ignore=ignore)], 0.2, 5) is None
    other = replace(whole, ignore=np.zeros_like(ignore))
    assert plan_cut([replace(whole, ignore=ignore), other], 0.2, 5) is not None
