"""How far a run is, by steps or by the clock, and the learning rate that belongs there."""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from overtile.config import OptimiserConfig

READINGS = 500
"""The clock is read so often in a run by minutes; between two readings the rate stands still."""


class Point(NamedTuple):
    """A reading of the clock."""

    step: int
    """Steps taken."""

    fraction: float
    """Share of the run that is done, from then on."""


@dataclass(frozen=True, kw_only=True)
class RunLength:
    """When a run ends: after `steps`, or after `minutes` of wall-clock training."""

    steps: int | None = None
    minutes: float | None = None

    def __str__(self) -> str:
        """Say the length as a person would."""
        return f"{self.steps} steps" if self.steps is not None else f"{self.minutes:g} minutes"


@dataclass
class Clock:
    """Wall-clock seconds of training, continued over interruptions."""

    before: float = 0.0
    """Seconds of earlier sessions of the same run."""

    _started: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Give the seconds so far; never runs backwards, whatever happens to the time of day."""
        return self.before + time.monotonic() - self._started


class Pace:
    """How far a run is at each step: a function of the step, or of a clock whose readings are kept.

    With the readings of a run by minutes, another run takes the very same steps.

    Parameters
    ----------
    length : RunLength
    clock : Clock
    readings : sequence of Point
        Of an earlier session, by step.
    """

    def __init__(self, length: RunLength, clock: Clock, readings: Sequence[Point] = ()) -> None:
        self.length, self.clock = length, clock
        self.readings = list(readings)

    def fraction(self, step: int) -> float:
        """Give the share of the run that is done after `step` steps; 1 and above means the end."""
        if self.length.steps is not None:
            return step / self.length.steps
        if self.readings and step <= self.readings[-1].step:
            return self.recorded(step)
        now = self.clock.seconds() / (60 * (self.length.minutes or 1))
        last = self.readings[-1].fraction if self.readings else -1.0
        if now < min(1.0, last + 1 / READINGS):
            return last
        self.readings.append(Point(step, now))
        return now

    def recorded(self, step: int) -> float:
        """Give the share that was read last at `step` or before it."""
        place = bisect_right(self.readings, (step, math.inf))
        return self.readings[max(0, place - 1)].fraction


def crossed(before: float, now: float, parts: int) -> bool:
    """Say whether a boundary between equal parts of the run lies between two moments.

    Examples
    --------
    >>> crossed(0.24, 0.26, 4), crossed(0.26, 0.49, 4)
    (True, False)
    """
    return int(before * parts) < int(min(now, 1.0) * parts)


def learning_rate(config: OptimiserConfig, fraction: float) -> float:
    """Give the learning rate at a share of the run: linear warm-up, then constant or half a cosine.

    A function of the fraction alone, so that a resumed run goes on where it was.

    Examples
    --------
    >>> config = OptimiserConfig(learning_rate=1.0, schedule="cosine", warm_up=0.5)
    >>> [round(learning_rate(config, fraction), 2) for fraction in (0.25, 0.5, 0.75, 1.0)]
    [0.5, 1.0, 0.5, 0.0]
    """
    if fraction < config.warm_up:
        return config.learning_rate * fraction / config.warm_up
    if config.schedule == "constant":
        return config.learning_rate
    after = min(1.0, (fraction - config.warm_up) / (1 - config.warm_up))
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * after))
