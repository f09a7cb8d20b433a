from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.choices import LabelKind
from overtile.colours import REGION_COLOURS, class_colours
from overtile.report import pictures

WHITE, BLUE, ORANGE = (255, 255, 255, 255), (86, 180, 233, 255), (255, 165, 0, 255)
GREY, CLEAR = (128, 128, 128, 200), (0, 0, 0, 0)


def colours(uri: str) -> NDArray[np.uint8]:
    """(Y, X, 4) colours of a picture inside a data URI."""
    return np.array(Pillow.open(BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGBA"))


def square(shape: tuple[int, int], top: int, left: int, side: int) -> NDArray[np.uint32]:
    """One object."""
    labels = np.zeros(shape, np.uint32)
    labels[top : top + side, left : left + side] = 1
    return labels


def has(uri: str, colour: tuple[int, int, int, int]) -> bool:
    """Whether a colour occurs."""
    return bool((colours(uri) == colour).all(axis=-1).any())


def test_a_perfect_prediction_has_white_outlines_only() -> None:
    truth = square((480, 480), 100, 100, 200)
    shown = pictures.compared(
        np.zeros((1, 480, 480), np.float32), truth, truth, "instances", "a", 640
    ).lines
    assert has(shown, WHITE)
    assert not has(shown, BLUE)
    assert not has(shown, ORANGE)


def test_a_missed_object_is_blue_and_an_invented_one_orange() -> None:
    truth, found = square((480, 480), 20, 20, 100), square((480, 480), 300, 300, 100)
    shown = pictures.compared(
        np.zeros((1, 480, 480), np.float32), truth, found, "instances", "a", 640
    ).lines
    assert tuple(colours(shown)[20, 50]) == BLUE
    assert tuple(colours(shown)[300, 350]) == ORANGE
    assert not has(shown, WHITE)


def test_outlines_two_pixels_apart_agree_and_three_do_not() -> None:
    truth = square((480, 480), 100, 100, 200)
    for shift, agree in ((2, True), (3, False)):
        found = np.roll(truth, shift, axis=0)
        shown = pictures.compared(
            np.zeros((1, 480, 480), np.float32), truth, found, "instances", "a", 640
        ).lines
        assert (tuple(colours(shown)[100, 200]) == WHITE) is agree


def test_ids_mean_nothing_where_labels_are_binary() -> None:
    truth = square((480, 480), 100, 100, 200)
    found = truth.copy()
    found[200:] *= 2
    shown = pictures.compared(
        np.zeros((1, 480, 480), np.float32), truth, found, "binary", "a", 640
    ).lines
    assert not has(shown, ORANGE)


def test_a_small_image_has_finer_outlines_than_its_pixels() -> None:
    truth = square((64, 64), 10, 10, 40)
    shown = pictures.compared(
        np.zeros((1, 64, 64), np.float32), truth, truth, "instances", "a", 640
    )
    assert (shown.width, shown.height) == (64, 64)
    assert colours(shown.lines).shape[:2] == (256, 256)


@pytest.mark.parametrize(
    ("kind", "number"), [("instances", "2 objects"), ("binary", "foreground"), ("classes", "class")]
)
def test_labels_are_described_in_words(kind: LabelKind, number: str) -> None:
    labels = np.array([[0, 3, 8]], np.uint32)
    shown = pictures.labelled(np.zeros((1, 1, 3), np.float32), labels, kind, "cells", 480)
    assert number in shown.lines_words
    assert "cells" in shown.words


def test_pixels_of_which_labels_say_nothing_are_grey_and_no_mistakes() -> None:
    image, nothing = np.zeros((1, 480, 480), np.float32), np.zeros((480, 480), np.uint32)
    ignore = np.zeros((480, 480), bool)
    ignore[:240] = True
    shown = pictures.labelled(image, nothing, "instances", "a", 640, ignore=ignore)
    assert [tuple(colours(shown.lines)[y, 240]) for y in (120, 360)] == [GREY, CLEAR]
    found = square((480, 480), 100, 100, 280)
    shown = pictures.compared(image, nothing, found, "instances", "a", 640, ignore)
    assert not has(shown.lines, BLUE)
    assert tuple(colours(shown.lines)[200, 200]) == GREY
    assert tuple(colours(shown.lines)[300, 200, :3]) == ORANGE[:3]
    assert [tuple(colours(key.swatch)[0, 0]) for key in pictures.ignored_keys()] == [GREY]


def test_background_is_clear_and_neighbouring_ids_differ() -> None:
    labels = np.array([[0, 1, 2]], np.uint32).repeat(480, 0).repeat(160, 1)
    shown = colours(
        pictures.labelled(np.zeros((1, 480, 480), np.float32), labels, "classes", "a", 640).lines
    )
    assert shown[240, 80, 3] == 0
    assert shown[240, 240].tolist() != shown[240, 400].tolist()


def test_ids_beyond_32_bits_of_colour_are_drawn() -> None:
    labels = np.full((4, 4), 2**32 - 1, np.uint32)
    shown = colours(
        pictures.labelled(np.zeros((1, 4, 4), np.float32), labels, "instances", "a", 640).lines
    )
    assert (shown[..., 3] > 0).all()


def test_the_context_of_a_tile_is_dimmed() -> None:
    shown = colours(pictures.tile(np.ones((1, 64, 64), np.float32), 32, "a", 640).source)
    assert shown[32, 32, 0] > 250
    assert shown[4, 4, 0] < 135


def test_a_large_tile_is_shrunk_and_dimmed() -> None:
    shown = pictures.tile(np.ones((3, 900, 900), np.float32), 700, "a", 300)
    assert (shown.width, shown.height) == (300, 300)
    assert colours(shown.source)[2, 2, 0] < 140


def test_a_class_map_lies_where_its_tile_has_it() -> None:
    flat = pictures.classes(np.ones((240, 240), np.uint8), REGION_COLOURS, "a", 480, around=120)
    shown = colours(flat.source)
    assert shown.shape[:2] == (480, 480)
    assert shown[60, 60, 3] == 0
    assert tuple(shown[240, 240]) == BLUE


def test_the_scale_of_a_heat_map_says_its_limits() -> None:
    shown = pictures.heat(np.array([[0.5, 10]], np.float32), (0.5, 10.0), "inferno", "a", 400)
    assert shown.scale is not None
    assert (shown.scale.low, shown.scale.high) == ("0.5", "10")
    bar = colours(shown.scale.bar)
    assert bar.shape[:2] == (1, 256)
    assert colours(shown.source)[0, 0].tolist() == bar[0, 0].tolist()
    assert colours(shown.source)[0, 1].tolist() == bar[0, 255].tolist()


def test_equal_weights_have_a_heat_map() -> None:
    shown = pictures.heat(np.ones((2, 2), np.float32), (1.0, 1.0), "inferno", "a", 400)
    assert len(np.unique(colours(shown.source).reshape(-1, 4), axis=0)) == 1


def test_classes_have_a_legend_without_background() -> None:
    names = [f"class {index}" for index in range(20)]
    keys = pictures.class_keys(names, class_colours((), 20))
    assert [key.words for key in keys] == names[1:]


def test_classes_and_their_legend_have_the_colours_that_they_are_given() -> None:
    red, green = (255, 0, 0), (0, 255, 0)
    labels = np.array([[0, 1, 2]], np.uint32).repeat(480, 0).repeat(160, 1)
    image = np.zeros((1, 480, 480), np.float32)
    below = pictures.labelled(image, labels, "classes", "a", 640, (red, green))
    assert [tuple(colours(below.lines)[240, x, :3]) for x in (240, 400)] == [red, green]
    flat = pictures.classes(labels.astype(np.uint8), (red, green), "a", 640)
    assert [tuple(colours(flat.source)[240, x, :3]) for x in (240, 400)] == [red, green]
    keys = pictures.class_keys(("background", "cortex", "medulla"), (red, green))
    assert [tuple(colours(key.swatch)[0, 0, :3]) for key in keys] == [red, green]


def test_more_classes_than_a_palette_holds_are_drawn() -> None:
    labels = np.arange(256, dtype=np.uint32).reshape(16, 16)
    image, shades = np.zeros((1, 16, 16), np.float32), class_colours(("#010203",) * 255, 256)
    assert (colours(pictures.labelled(image, labels, "classes", "a", 16, shades).lines) > 0).any()
    assert colours(pictures.classes(labels.astype(np.uint8), shades, "a", 16).source).size
