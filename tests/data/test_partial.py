"""Labels that say nothing of some pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from overtile.arrays import Labels
from overtile.data.partial import PartialLabels, what_is_missing
from overtile.errors import ConfigError

SPARSE, IGNORE_9 = PartialLabels(sparse=True), PartialLabels(ignore=9)
label_images = hnp.arrays(np.uint32, (4, 5), elements=st.integers(0, 12))


def drawn(*values: int) -> Labels:
    return np.array([values], np.uint32)


@given(label_images)
def test_labels_that_tell_of_all_pixels_stay_as_they_are(stored: Labels) -> None:
    labels, ignore = PartialLabels().read(stored)
    assert labels is stored
    assert ignore is None


@given(label_images)
def test_an_ignored_value_becomes_background_that_is_not_asked_for(stored: Labels) -> None:
    labels, ignore = IGNORE_9.read(stored)
    assert ignore is not None
    np.testing.assert_array_equal(ignore, stored == 9)
    np.testing.assert_array_equal(labels, np.where(stored == 9, 0, stored))


@given(label_images)
def test_sparse_labels_are_one_more_than_what_they_mean(stored: Labels) -> None:
    labels, ignore = SPARSE.read(stored)
    assert ignore is not None
    np.testing.assert_array_equal(ignore, stored == 0)
    np.testing.assert_array_equal(labels[~ignore] + 1, stored[~ignore])
    assert not labels[ignore].any()


def test_sparse_labels_may_have_an_ignored_value_too() -> None:
    labels, ignore = PartialLabels(sparse=True, ignore=3).read(drawn(0, 1, 2, 3, 4))
    np.testing.assert_array_equal(labels, drawn(0, 0, 1, 0, 3))
    np.testing.assert_array_equal(ignore, [[True, False, False, True, False]])


@pytest.mark.parametrize("partial", [PartialLabels(ignore=0), PartialLabels(ignore=1, sparse=True)])
def test_the_background_cannot_be_ignored(partial: PartialLabels) -> None:
    with pytest.raises(ConfigError, match="would ignore the background"):
        partial.refuse_contradictions()


@pytest.mark.parametrize("partial", [PartialLabels(ignore=1), PartialLabels(ignore=0, sparse=True)])
def test_any_other_value_can(partial: PartialLabels) -> None:
    partial.refuse_contradictions()


@pytest.mark.parametrize(
    ("partial", "stored", "missing"),
    [
        (SPARSE, (0, 0, 0), "no pixel of any image is labelled"),
        (SPARSE, (0, 1, 1), "labelled as objects or classes (values 2, 3, …)"),
        (SPARSE, (0, 2, 3), "labelled as background (value 1)"),
        (IGNORE_9, (0, 9, 9), "--ignore 9 leaves no foreground in any image"),
        (IGNORE_9, (1, 9, 9), "--ignore 9 leaves no background in any image"),
    ],
)
def test_what_all_images_together_lack_is_told(
    partial: PartialLabels, stored: tuple[int, ...], missing: str
) -> None:
    labels, ignore = partial.read(drawn(*stored))
    found = what_is_missing([labels], [ignore], partial)
    assert found is not None
    assert missing in found[0]


def test_one_image_may_show_what_another_lacks() -> None:
    read = [SPARSE.read(drawn(*stored)) for stored in ((0, 1, 0), (0, 0, 2))]
    labels, ignores = zip(*read, strict=True)
    assert what_is_missing(list(labels), list(ignores), SPARSE) is None
