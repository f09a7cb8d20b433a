"""Which images judge where training starts from a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from overtile.choices import LabelKind
from overtile.data.check import Page
from overtile.data.kinds import LabelReading
from overtile.workflows.annotated import AnnotatedSet, image_digest
from overtile.workflows.hold_out import HoldOut, choose_held_out
from overtile.workflows.start_from import Seen


def page(number: int, shown: Sequence[int] = (1,)) -> Page:
    labels = np.zeros((1, 4), np.uint32)
    labels[0, : len(shown)] = shown
    return Page(name=str(number), pixels=np.full((1, 1, 4), number, np.uint8), labels=labels)


def images(*pages: Page, kind: LabelKind = "instances") -> AnnotatedSet:
    return AnnotatedSet(
        pages=pages,
        numbers=range(len(pages)),
        reading=LabelReading(kind=kind, classes=4, sentence=""),
        findings=[],
        facts=(),
        pixel_size_um=None,
    )


def seen(learnt: Sequence[int], judges: Sequence[int] = ()) -> Seen:
    def digests(numbers: Sequence[int]) -> frozenset[str]:
        return frozenset(image_digest(page(number)) for number in numbers)

    return Seen(learnt=digests(learnt), judges=digests(judges))


@pytest.mark.parametrize(
    ("total", "learnt", "judges", "held_out"),
    [
        (5, (0, 1, 3), (2,), [2]),  # one more image is learnt from; the same one judges
        (25, range(20), range(16, 20), [22]),  # what was learnt from never judges
        (25, range(16), range(16, 20), [16, 17, 18, 19, 22]),  # and a fifth of the new ones
        (5, range(4), (), []),  # a single new image is learnt from
        (6, range(4), (), [5]),  # of two new ones, one judges
        (14, range(4), (), [6, 11]),
        (10, (20, 21), (22,), [2, 7]),  # other images altogether
    ],
)
def test_judges_judge_again_and_of_new_images_a_fifth(
    total: int, learnt: Sequence[int], judges: Sequence[int], held_out: list[int]
) -> None:
    found = images(*map(page, range(total)))
    assert choose_held_out(found, HoldOut(), 0.2, seen(learnt, judges)) == held_out


def test_nothing_is_held_out_where_a_user_says_so() -> None:
    found = images(*map(page, range(5)))
    assert choose_held_out(found, HoldOut(fraction=0), 0.2, seen((0, 1), (2,))) == []


def test_an_image_is_known_by_its_pixels_while_its_labels_grow() -> None:
    found = images(page(0, (1, 2, 3)), page(1), page(2), page(3, (1, 2)), page(4))
    assert choose_held_out(found, HoldOut(), 0.2, seen((0, 1, 2), (3,))) == [3]


def test_a_class_that_one_image_shows_is_learnt_also_on_going_on() -> None:
    shown = [(1,), (1,), (1,), (1, 2), (1,)]
    found = images(*(page(number, classes) for number, classes in enumerate(shown)), kind="classes")
    assert choose_held_out(found, HoldOut(), 0.2, seen((0, 1), (3,))) == [4]


def test_some_objects_are_always_learnt() -> None:
    found = images(page(0, ()), page(1), page(2, ()))
    assert choose_held_out(found, HoldOut(), 0.2) == [2]
