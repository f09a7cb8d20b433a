"""How far a run is, by steps or by the clock, and the learning rate that belongs there."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from overtile.config import OptimiserConfig


@dataclass(frozen=True, kw_only=True)
class RunLength:
    """When a run ends: after `steps`, or after `minutes` of wall-clock training."""

    steps: int | None = None
    minutes: float | None = None

    def fraction(self, step: int, seconds: float) -> float:
        """Give the share of the run that is done; 1 and above means the end."""
        if self.steps is not None:
            return step / self.steps
        return seconds / (60 * (self.minutes or 1))

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
