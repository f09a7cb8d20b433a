from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from overtile.errors import ConfigError
from overtile.evaluation import ObjectMistakes, object_mistakes

Labels = NDArray[np.uint32]
LABELS = arrays(np.uint32, (4, 6), elements=st.sampled_from([0, 1, 2, 5, 70_000]))
IGNORE = arrays(np.bool_, (4, 6))
QUICK = settings(deadline=None, database=None, max_examples=60)
KINDS = ("merging", "merged", "splitting", "split", "missed", "invented")


def as_lists(mistakes: ObjectMistakes) -> dict[str, list[int]]:
    """Only the kinds that occur."""
    found = {kind: getattr(mistakes, kind).tolist() for kind in KINDS}
    return {kind: ids for kind, ids in found.items() if ids}


def naive_mistakes(truth: Labels, predicted: Labels, share: float) -> dict[str, list[int]]:
    """The definitions read aloud, with one set of pixels per object."""
    objects = [
        {int(i): set(np.flatnonzero(labels.ravel() == i)) for i in np.unique(labels[labels > 0])}
        for labels in (truth, predicted)
    ]
    covered = {
        t: [p for p, found in objects[1].items() if len(own & found) > share * len(own)]
        for t, own in objects[0].items()
    }
    inside = {
        t: [p for p, found in objects[1].items() if len(own & found) > share * len(found)]
        for t, own in objects[0].items()
    }
    merging = [p for p in objects[1] if sum(p in ids for ids in covered.values()) > 1]
    split = [t for t, ids in inside.items() if len(ids) > 1]
    useful = {p for ids in (*covered.values(), *inside.values()) for p in ids}
    found = {
        "merging": merging,
        "merged": [t for t, ids in covered.items() if set(ids) & set(merging)],
        "splitting": sorted({p for t in split for p in inside[t]}),
        "split": split,
        "missed": [t for t, ids in covered.items() if not ids and t not in split],
        "invented": [p for p in objects[1] if p not in useful],
    }
    return {kind: ids for kind, ids in found.items() if ids}


def test_each_kind_of_mistake_has_its_objects() -> None:
    # truth  1 1 . 2 2 . 3 3 3 3 . 4 . .     5 merges 1 and 2;  6 and 7 split 3;  4 missed;
    # found  5 5 5 5 5 . 6 6 7 7 . . . 8     8 invented
    truth = np.array([[1, 1, 0, 2, 2, 0, 3, 3, 3, 3, 0, 4, 0, 0]])
    found = np.array([[5, 5, 5, 5, 5, 0, 6, 6, 7, 7, 0, 0, 0, 8]])
    assert as_lists(object_mistakes(truth, found)) == {
        "merging": [5],
        "merged": [1, 2],
        "splitting": [6, 7],
        "split": [3],
        "missed": [4],
        "invented": [8],
    }


def test_a_bad_outline_is_no_mistake_of_these_kinds() -> None:
    # 5 covers 3 of 4 pixels of 1 and spills over.
    assert as_lists(object_mistakes(np.array([[1, 1, 1, 1, 0]]), np.array([[0, 5, 5, 5, 5]]))) == {}


def test_a_speck_in_a_missed_object_is_not_invented() -> None:
    mistakes = object_mistakes(np.array([[1, 1, 1, 1]]), np.array([[0, 5, 0, 0]]))
    assert as_lists(mistakes) == {"missed": [1]}


def test_half_is_not_more_than_half() -> None:
    # 5 covers half of 1 and of 2; half of it is in each.
    truth, found = np.array([[1, 1, 2, 2]]), np.array([[0, 5, 5, 0]])
    assert as_lists(object_mistakes(truth, found)) == {"missed": [1, 2], "invented": [5]}
    # With a lower share, 5 covers both and lies inside both.
    assert as_lists(object_mistakes(truth, found, share=0.4)) == {"merging": [5], "merged": [1, 2]}


def test_an_object_may_be_merged_and_split() -> None:
    # truth  1 1 1 1 1 1 1 2     5 covers 4 of 7 of 1, and 2;  6 and 7 lie inside 1, and so does 5
    # found  5 5 5 5 6 6 7 5
    truth = np.array([[1, 1, 1, 1, 1, 1, 1, 2]])
    mistakes = object_mistakes(truth, np.array([[5, 5, 5, 5, 6, 6, 7, 5]]))
    assert as_lists(mistakes) == {
        "merging": [5],
        "merged": [1, 2],
        "splitting": [5, 6, 7],
        "split": [1],
    }


def test_nothing_and_everything_ignored_have_no_mistakes() -> None:
    empty, something = np.zeros((1, 3), int), np.array([[0, 4, 4]])
    assert as_lists(object_mistakes(empty, empty)) == {}
    assert as_lists(object_mistakes(something, empty)) == {"missed": [4]}
    assert as_lists(object_mistakes(empty, something)) == {"invented": [4]}
    assert as_lists(object_mistakes(empty, something, np.ones((1, 3), bool))) == {}


def test_ids_come_as_they_are_and_in_order() -> None:
    truth = np.arange(1, 140_001, 2).reshape(100, 700)
    mistakes = object_mistakes(truth, np.zeros_like(truth))
    assert np.array_equal(mistakes.missed, truth.ravel())
    assert [field.name for field in fields(mistakes)] == list(KINDS)
    assert {getattr(mistakes, kind).dtype for kind in KINDS} == {np.dtype(np.uint32)}


@pytest.mark.parametrize("share", [-0.1, 1, float("nan")])
def test_a_share_that_cannot_be_exceeded_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match=r"`share` must be at least 0 and below 1\. Got"):
        object_mistakes(np.ones((1, 1), int), np.ones((1, 1), int), share=share)


@given(LABELS, LABELS, IGNORE, st.sampled_from([0, 0.25, 0.5, 0.75]))
@QUICK
def test_mistakes_are_those_of_the_definitions(
    truth: Labels, found: Labels, ignore: NDArray[np.bool_], share: float
) -> None:
    mistakes = object_mistakes(truth, found, ignore, share)
    assert as_lists(mistakes) == naive_mistakes(truth[~ignore], found[~ignore], share)


@given(LABELS, LABELS)
@QUICK
def test_merges_are_splits_with_the_roles_exchanged(truth: Labels, found: Labels) -> None:
    mistakes, exchanged = object_mistakes(truth, found), object_mistakes(found, truth)
    assert mistakes.merging.tolist() == exchanged.split.tolist()
    assert mistakes.merged.tolist() == exchanged.splitting.tolist()


@given(LABELS)
@QUICK
def test_the_truth_itself_has_no_mistake_transposed_or_not(truth: Labels) -> None:
    assert as_lists(object_mistakes(truth, truth)) == as_lists(object_mistakes(truth.T, truth.T))
    assert as_lists(object_mistakes(truth, truth)) == {}
