"""Pixels of every class, to place tiles on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from overtile.arrays import Labels
from overtile.data import class_places
from overtile.data.class_places import ClassPlaces


def maps() -> list[Labels]:
    """A common class in two images, and one of a single pixel in the second."""
    first = np.ones((20, 30), np.uint32)
    second = np.zeros((10, 15), np.uint32)
    second[5] = 1
    second[3, 4] = 2
    return [first, second]


def drawn(count: int = 600) -> list[tuple[int, tuple[int, int]]]:
    places, rng = ClassPlaces(maps()), np.random.default_rng(0)
    found = [places.draw(rng) for _ in range(count)]
    return [one for one in found if one is not None]


def test_every_class_is_drawn_as_often_and_then_every_image_that_shows_it() -> None:
    images = maps()
    counted = Counter((int(images[n][place]), n) for n, place in drawn())
    assert set(counted) == {(1, 0), (1, 1), (2, 1)}
    assert counted[2, 1] == pytest.approx(300, abs=50)
    assert counted[1, 0] == pytest.approx(counted[1, 1], abs=50)


def test_all_pixels_of_a_class_are_drawn() -> None:
    assert {place for n, place in drawn() if n == 1} == {(3, 4), *((5, x) for x in range(15))}


def test_of_many_pixels_some_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_places, "MOST_PLACES", 10)
    assert len({place for n, place in drawn() if n == 0}) == 10


def test_background_alone_gives_no_place() -> None:
    nothing = ClassPlaces([np.zeros((3, 3), np.uint32)])
    assert nothing.draw(np.random.default_rng(0)) is None
