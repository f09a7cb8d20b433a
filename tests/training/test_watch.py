from __future__ import annotations

import numpy as np
import pytest

from overtile.training.history import LossEntry
from overtile.training.watch import COLLAPSED, FLAT, warnings


def entries(losses: list[float], single: float = 0.0) -> list[LossEntry]:
    return [
        LossEntry(step=n, seconds=float(n), loss=loss, rate=1e-3, single=single)
        for n, loss in enumerate(losses, 1)
    ]


FALLING = list(np.linspace(0.7, 0.2, 100))
NOISE = list(0.69 + 0.01 * np.random.default_rng(0).standard_normal(100))


def test_a_loss_that_falls_is_no_reason_to_warn() -> None:
    assert warnings(entries(FALLING), 0.5) == []


def test_a_loss_that_stays_where_it_began_is_noticed() -> None:
    assert warnings(entries(NOISE), 0.5) == [FLAT]


def test_a_loss_that_rises_is_noticed() -> None:
    assert warnings(entries(FALLING[::-1]), 0.5) == [FLAT]


def test_a_network_that_predicts_one_class_for_a_while_is_noticed() -> None:
    assert warnings(entries(FALLING[:90]) + entries(FALLING[90:], single=1.0), 0.5) == [COLLAPSED]


def test_a_network_that_predicted_one_class_at_first_is_not_blamed() -> None:
    assert warnings(entries(FALLING[:80], single=1.0) + entries(FALLING[80:]), 0.5) == []


@pytest.mark.parametrize(("count", "fraction"), [(100, 0.19), (19, 0.9)])
def test_nothing_is_judged_too_early(count: int, fraction: float) -> None:
    assert warnings(entries(NOISE[:count], single=1.0), fraction) == []


def test_a_warning_gives_cause_and_remedy() -> None:
    for text in (COLLAPSED, FLAT):
        assert ": likely " in text
        assert "; " in text


def test_a_loss_need_not_fall_where_training_starts_from_a_model() -> None:
    assert warnings(entries(NOISE), 0.5, from_model=True) == []
    assert warnings(entries(NOISE, single=1.0), 0.5, from_model=True) == [COLLAPSED]
