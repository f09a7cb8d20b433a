from __future__ import annotations

import numpy as np

from overtile.evaluation.isbi2012.pages import checked_pages


def test_a_single_page_is_a_stack_of_one() -> None:
    (page,) = checked_pages(np.ones((2, 3), bool), np.ones((2, 3)))
    assert page.truth.shape == page.probability.shape == (2, 3)
    assert page.ignore is None


def test_each_page_comes_with_its_own_mask() -> None:
    ignore = np.zeros((2, 2, 3), bool)
    ignore[1] = 1
    first, second = checked_pages(np.ones((2, 2, 3), bool), np.ones((2, 2, 3)), ignore)
    assert first.ignore is not None
    assert second.ignore is not None
    assert not first.ignore.any()
    assert second.ignore.all()
