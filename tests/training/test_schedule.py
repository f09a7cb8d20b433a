from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtile.config import OptimiserConfig
from overtile.training.schedule import Clock, RunLength, learning_rate


def test_a_run_of_steps_is_measured_in_steps_whatever_the_clock_says() -> None:
    length = RunLength(steps=200)
    assert [length.fraction(step, 1e6) for step in (0, 50, 200, 300)] == [0, 0.25, 1, 1.5]


def test_a_run_of_minutes_is_measured_by_the_clock_whatever_the_steps() -> None:
    length = RunLength(minutes=2)
    assert [length.fraction(10**6, seconds) for seconds in (0, 30, 120, 240)] == [0, 0.25, 1, 2]


def test_steps_go_before_minutes() -> None:
    assert RunLength(steps=10, minutes=1).fraction(5, 0) == 0.5


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (RunLength(steps=30000), "30000 steps"),
        (RunLength(minutes=25), "25 minutes"),
        (RunLength(minutes=0.5), "0.5 minutes"),
    ],
)
def test_a_length_reads_as_a_person_would_say_it(length: RunLength, text: str) -> None:
    assert str(length) == text


def test_a_clock_goes_on_from_earlier_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    fresh, resumed = Clock(_started=100.0), Clock(before=600, _started=100.0)
    now[0] += 7
    assert (fresh.seconds(), resumed.seconds()) == (7, 607)


def test_a_clock_starts_when_it_is_made() -> None:
    assert 0 <= Clock().seconds() < 5


def test_setting_the_time_of_day_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 0 <= clock.seconds() < 5


def test_a_constant_schedule_keeps_its_learning_rate() -> None:
    config = OptimiserConfig(learning_rate=0.3, warm_up=0)
    assert {learning_rate(config, fraction) for fraction in (0, 0.5, 1, 1.5)} == {0.3}


def test_the_warm_up_rises_linearly_from_zero() -> None:
    config = OptimiserConfig(learning_rate=1, warm_up=0.2)
    rates = [learning_rate(config, fraction) for fraction in (0, 0.05, 0.1, 0.2, 0.9)]
    assert rates == pytest.approx([0, 0.25, 0.5, 1, 1])


@pytest.mark.parametrize("after", [0, 0.25, 0.5, 0.75, 1])
def test_the_cosine_begins_after_the_warm_up_and_ends_at_zero(after: float) -> None:
    config = OptimiserConfig(learning_rate=3, warm_up=0.2, schedule="cosine")
    expected = 3 * (1 + math.cos(math.pi * after)) / 2
    assert learning_rate(config, 0.2 + 0.8 * after) == pytest.approx(expected, abs=1e-12)


def test_the_cosine_stays_at_zero_after_the_end() -> None:
    config = OptimiserConfig(learning_rate=3, schedule="cosine")
    assert learning_rate(config, 1.5) == pytest.approx(0)


@given(
    fraction=st.floats(0, 2),
    warm_up=st.floats(0, 1, exclude_max=True),
    schedule=st.sampled_from(["constant", "cosine"]),
)
def test_no_rate_is_negative_or_above_the_peak(
    fraction: float, warm_up: float, schedule: str
) -> None:
    config = OptimiserConfig.model_validate(
        {"learning_rate": 0.1, "warm_up": warm_up, "schedule": schedule}
    )
    assert 0 <= learning_rate(config, fraction) <= 0.1
