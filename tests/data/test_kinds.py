from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import pytest
from PIL import Image
from skimage.measure import label as label_pieces

from overtile.arrays import Labels
from overtile.choices import LabelKind
from overtile.data.kinds import LARGEST_CLASSES, understand_labels
from overtile.data.synthetic import Scene, generate
from overtile.errors import LabelError


def page(*values: int) -> Labels:
    """Stripes of the values, parted by background."""
    stripes = np.repeat([[value, 0] for value in values], 3, axis=0).ravel()
    return np.tile(stripes.astype(np.uint32), (4, 1))


def specks(seed: int) -> Labels:
    """Many pieces of the classes 1, 2 and 3."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice(4, (20, 20), p=[0.7, 0.1, 0.1, 0.1])
    return np.kron(coarse, np.ones((3, 3), int)).astype(np.uint32)


@pytest.mark.parametrize("value", [1, 7, 255, 65535])
def test_one_value_beside_zero_is_binary(value: int) -> None:
    reading = understand_labels([page(value, value), page(value)])
    assert (reading.kind, reading.classes) == ("binary", 2)
    assert reading.sentence == (
        f"binary: values 0, {value}, because 0 and {value} are the only ones"
    )


def test_an_empty_page_beside_a_labelled_one_is_no_obstacle() -> None:
    assert understand_labels([page(0, 0), page(255, 255)]).kind == "binary"


def test_a_value_of_its_own_for_each_object_is_instances() -> None:
    reading = understand_labels([page(1, 2, 3), page(1, 2, 3, 4)])
    assert (reading.kind, reading.classes) == ("instances", 2)
    assert reading.sentence == (
        "instances: ids up to 4, because each value is an object of its own"
    )


@pytest.mark.parametrize("scene", ["membranes", "cells"])
@pytest.mark.parametrize("pages", [1, 6])
def test_synthetic_labels_are_instances_and_their_foreground_is_binary(
    scene: Scene, pages: int
) -> None:
    made = [generate(scene, (128, 128), np.random.default_rng(seed))[1] for seed in range(pages)]
    assert understand_labels(made).kind == "instances"
    assert understand_labels([255 * (one > 0).astype(np.uint32) for one in made]).kind == "binary"


def test_few_values_in_many_pieces_are_classes() -> None:
    reading = understand_labels([specks(0)])
    assert (reading.kind, reading.classes) == ("classes", 4)
    assert reading.sentence == (
        "classes: indices 0…3, because the same few values recur in many pieces or images"
    )


def test_few_values_that_recur_on_every_page_are_classes() -> None:
    assert understand_labels([page(1, 2, 5)] * 6).kind == "classes"


@pytest.mark.parametrize("values", [range(1, 13), (1, 2, LARGEST_CLASSES + 1)])
def test_many_or_large_values_are_instances_even_where_they_recur(values: Iterable[int]) -> None:
    assert understand_labels([page(*values)] * 6).kind == "instances"


def test_grey_values_are_neither_objects_nor_classes() -> None:
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(64), np.arange(64)) // 4 + rng.integers(0, 9, (64, 64))
    deep = rng.integers(0, 65_535, (64, 64))
    for grey in (smooth, deep):
        with pytest.raises(LabelError, match="images and labels are not exchanged"):
            understand_labels([grey.astype(np.uint32)])


@pytest.mark.parametrize("values", [(128, 255), (1, 255)])
def test_class_maps_in_grey_levels_are_refused_with_advice(values: tuple[int, int]) -> None:
    grey = np.array([0, *values, 0], np.uint32)[specks(0)]
    with pytest.raises(LabelError, match=r"neither objects nor classes; .* classes 0, 1, 2"):
        understand_labels([grey])
    assert understand_labels([grey], "binary").kind == "binary"


def test_masks_of_one_value_each_are_binary_whatever_the_value() -> None:
    reading = understand_labels([page(1, 1), page(255, 255)])
    assert reading.kind == "binary"
    assert reading.sentence == "binary: values 0, 1, 255, because no image shows two of them"


def test_the_pieces_of_a_class_map_numbered_are_instances() -> None:
    pieces = [label_pieces(specks(seed), connectivity=1).astype(np.uint32) for seed in range(6)]
    assert understand_labels(pieces).kind == "instances"


def test_every_page_is_read_for_values_even_where_pieces_are_counted_on_few() -> None:
    pages = [*([specks(0)] * 30), np.full((4, 4), 9, np.uint32)]
    assert understand_labels(pages, "classes").classes == 10


@pytest.mark.parametrize(
    ("asked", "classes", "sentence"),
    [
        ("instances", 2, "instances: ids up to 3, as asked"),
        ("binary", 2, "binary: values 0, 1, 2, 3, as asked"),
        ("classes", 4, "classes: indices 0…3, as asked"),
    ],
)
def test_what_is_asked_for_goes_before_what_would_be_guessed(
    asked: LabelKind, classes: int, sentence: str
) -> None:
    reading = understand_labels([specks(0)], asked)
    assert (reading.kind, reading.classes, reading.sentence) == (asked, classes, sentence)


def test_many_values_are_shown_by_the_first_six_and_the_last() -> None:
    sentence = understand_labels([page(*range(1, 21))], "binary").sentence
    assert sentence == "binary: values 0, 1, 2, 3, 4, 5, … 20, as asked"


def test_a_set_without_foreground_is_refused() -> None:
    with pytest.raises(LabelError, match=r"\(2 looked at, all values are 0\); check that these"):
        understand_labels([page(0), page(0)])


@pytest.mark.parametrize("asked", [None, "binary"])
def test_a_mask_smeared_by_a_lossy_format_is_refused(asked: LabelKind | None) -> None:
    y, x = np.mgrid[:96, :96]
    mask = np.where(np.hypot(y - 48, x - 44) < 30, 255, 0).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "JPEG", quality=95)
    smeared = np.asarray(Image.open(file), np.uint32)
    assert np.unique(smeared).size > 2
    with pytest.raises(LabelError, match=r"look like .* smeared; save masks without loss"):
        understand_labels([smeared], asked)


def test_all_ids_from_1_to_255_are_no_smeared_mask() -> None:
    assert understand_labels([page(*range(1, 256))]).kind == "instances"


def test_a_black_and_white_mask_read_as_classes_is_refused_with_advice() -> None:
    with pytest.raises(LabelError, match=r"values 255 .* 256 classes; number the classes 0, 1"):
        understand_labels([page(255)], "classes")


def test_the_largest_class_index_is_the_last_one_allowed() -> None:
    last = LARGEST_CLASSES - 1
    assert understand_labels([page(1, last)], "classes").classes == LARGEST_CLASSES
    with pytest.raises(LabelError, match="--labels instances"):
        understand_labels([page(1, last + 1)], "classes")
