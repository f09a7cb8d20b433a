from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.evaluation import Page
from overtile.report import error_map, pictures
from overtile.report.canvas import png
from overtile.report.pictures import Key

#        missed  merged by 1    split     invented  found
TRUTH = (1, 0, 2, 0, 3, 0, 4, 4, 4, 4, 0, 0, 0, 5, 5)
FOUND = (0, 0, 1, 1, 1, 0, 2, 2, 3, 3, 0, 4, 0, 5, 5)
KIND = ("missed", "", "merged", "merged", "merged", "", *["split"] * 4, "", "invented", "", "", "")
BLOCK = 32  # pixels of one letter of the drawing


def drawn(row: tuple[int, ...]) -> NDArray[np.uint32]:
    """A drawing of one row, each letter a square."""
    return np.array([row], np.uint32).repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)


def colours(uri: str) -> NDArray[Any]:
    """(Y, X, 4) colours of a picture inside a data URI."""
    return np.array(Pillow.open(BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGBA"))


def centres(uri: str) -> list[tuple[int, ...]]:
    """Colours in the middle of each letter, where no outline is; a picture is one letter high."""
    shown = colours(uri)
    side = len(shown)
    middle = shown[side // 2, side // 2 :: side]
    return [tuple(colour.tolist()) for colour in middle]


def legend(keys: list[Key]) -> dict[str, tuple[int, ...]]:
    """Colour by the first word of what it means."""
    return {key.words.split(":")[0]: centres(key.swatch)[0] for key in keys}


@pytest.fixture(autouse=True)
def small_swatches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a swatch be as large as a letter."""
    monkeypatch.setattr(
        error_map,
        "key",
        lambda colour, words: Key(swatch=png(SQUARE, [colour]), words=words),
    )


SQUARE = np.zeros((BLOCK, BLOCK), np.uint8)


def test_every_kind_of_mistake_has_the_colour_of_its_legend() -> None:
    page = Page("a", drawn(TRUTH), drawn(FOUND))
    known = legend(error_map.object_keys())
    shown = error_map.object_map(page, None, 640)
    assert centres(shown.picture.lines) == [known[kind] if kind else (0, 0, 0, 0) for kind in KIND]
    assert dict(shown.counts) == {"merges": 1, "splits": 1, "missed": 1, "invented": 1}


def test_the_truth_is_outlined() -> None:
    page = Page("a", drawn(TRUTH), drawn(FOUND))
    shown = colours(error_map.object_map(page, None, 640).picture.lines)
    white = (shown[BLOCK // 2] == 255).all(axis=-1)
    begins = np.flatnonzero(white[1:] & ~white[:-1]) + 1
    assert (begins // BLOCK).tolist() == [0, 2, 2, 4, 4, 6, 9, 13]  # object 5 ends at the rim


def test_without_an_image_the_prediction_lies_below() -> None:
    page = Page("a", drawn(TRUTH), drawn(FOUND))
    below = centres(error_map.object_map(page, None, 640).picture.source)
    assert [colour == below[0] for colour in below] == [id_ == 0 for id_ in FOUND]


def test_an_image_is_seen_through_the_colours() -> None:
    page = Page("a", drawn(TRUTH), drawn(FOUND))
    pixels = np.full((1, *page.truth.shape), 0.5, np.float32)
    picture = error_map.object_map(page, pixels, 640).picture
    assert picture.source.startswith("data:image/jpeg")
    assert all(0 < opacity < 255 for *_, opacity in centres(picture.lines))


def test_missed_and_false_membrane_are_told_apart() -> None:
    page = Page("a", drawn((1, 0, 1, 0)) > 0, drawn((1, 1, 0, 0)) > 0)
    shown = error_map.membrane_map(page, None, 640)
    known = legend(error_map.membrane_keys())
    clear = (0, 0, 0, 0)
    assert centres(shown.picture.lines) == [
        *(clear, known["missed membrane"], known["false membrane"], clear)
    ]
    assert [count for _, count in shown.counts] == [BLOCK**2, BLOCK**2]


def test_wrong_pixels_have_the_colour_of_their_true_class() -> None:
    page = Page("a", drawn((0, 1, 2, 3, 0)), drawn((0, 2, 2, 0, 1)))
    shown = error_map.class_map(page, None, 640)
    known = legend(error_map.class_error_keys(3))
    clear = (0, 0, 0, 0)
    assert centres(shown.picture.lines) == [
        *(clear, known["truly class 1"], clear, known["truly class 3"], known["truly background"])
    ]
    assert shown.counts == (("wrong px", 3 * BLOCK**2),)


@pytest.mark.parametrize(
    ("draw", "wrong"),
    [(error_map.object_map, 0), (error_map.membrane_map, 0), (error_map.class_map, 0)],
)
def test_ignored_pixels_are_grey_and_count_nowhere(draw: Any, wrong: int) -> None:  # noqa: ANN401
    page = Page("a", drawn((1, 0)), drawn((1, 7)), drawn((0, 1)) > 0)
    shown = draw(page, None, 640)
    assert centres(shown.picture.lines)[1] == legend(pictures.ignored_keys()).popitem()[1]
    assert sum(count for _, count in shown.counts) == wrong


def test_the_four_mistakes_differ_in_lightness_or_in_blue() -> None:
    """Red-green blindness keeps these two."""
    known = legend(error_map.object_keys())
    seen = []
    for kind in ("missed", "split", "merged", "invented"):
        red, green, blue, _ = known[kind]
        seen.append((0.299 * red + 0.587 * green + 0.114 * blue, blue - (red + green) / 2))
    apart = [np.hypot(*np.subtract(a, b)) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) > 60


def test_a_large_image_is_shrunk() -> None:
    page = Page("a", np.ones((30, 2000), np.uint32), np.ones((30, 2000), np.uint32))
    assert error_map.object_map(page, None, 640).picture.width == 640
