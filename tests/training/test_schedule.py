from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtile.config import OptimiserConfig
from overtile.training.schedule import READINGS, Clock, Pace, Point, RunLength, learning_rate


class Watch(Clock):
    """A clock that shows what it is told to."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.shows = seconds

    def seconds(self) -> float:
        return self.shows


def test_a_run_of_steps_is_measured_in_steps_whatever_the_clock_says() -> None:
    pace = Pace(RunLength(steps=200), Watch(1e6))
    assert [pace.fraction(step) for step in (0, 50, 200, 300)] == [0, 0.25, 1, 1.5]
    assert pace.readings == []


def test_a_run_of_minutes_is_measured_by_the_clock_whatever_the_steps() -> None:
    watch = Watch()
    pace = Pace(RunLength(minutes=2), watch)
    for step, watch.shows in enumerate((0, 30, 120, 240)):
        assert pace.fraction(10**6 + step) == watch.shows / 120


def test_between_two_readings_of_the_clock_the_run_stands_still() -> None:
    watch = Watch(30)
    pace = Pace(RunLength(minutes=1), watch)
    assert pace.fraction(7) == 0.5
    watch.shows += 60 / READINGS * 0.9
    assert pace.fraction(8) == 0.5
    watch.shows = 45
    assert pace.fraction(9) == 0.75
    assert pace.readings == [Point(7, 0.5), Point(9, 0.75)]


def test_the_end_is_read_at_once() -> None:
    watch = Watch(60 - 1e-6)
    pace = Pace(RunLength(minutes=1), watch)
    assert pace.fraction(1) < 1
    watch.shows = 60
    assert pace.fraction(2) == 1


def test_the_readings_of_one_run_give_another_its_pace() -> None:
    readings = [Point(0, 0.0), Point(3, 0.25), Point(5, 1.0)]
    pace = Pace(RunLength(), Clock(), readings)
    assert [pace.fraction(step) for step in range(6)] == [0, 0, 0, 0.25, 0.25, 1]


def test_a_resumed_run_reads_the_clock_after_its_last_reading_only() -> None:
    pace = Pace(RunLength(minutes=1), Watch(59), [Point(0, 0.0), Point(4, 0.5)])
    assert [pace.fraction(step) for step in (2, 4, 5)] == [0, 0.5, 59 / 60]


def test_steps_go_before_minutes() -> None:
    assert Pace(RunLength(steps=10, minutes=1), Watch()).fraction(5) == 0.5


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
