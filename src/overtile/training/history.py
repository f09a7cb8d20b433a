"""What happened in a run so far: losses, validations, the best model, and what went wrong."""

from __future__ import annotations

import sys
from typing import NamedTuple

from overtile.config import PredictionConfig, Settings
from overtile.training.schedule import Point


class LossEntry(NamedTuple):
    """The steps since the entry before, in numbers."""

    step: int
    """The last of them."""

    seconds: float
    """Seconds of training so far."""

    loss: float
    """Mean over these steps."""

    rate: float
    """Learning rate of the last of them."""

    single: float
    """Share of these steps that predicted one class for all pixels, where the truth has several."""


class History(Settings):
    """All that a run has to tell; readings of the clock and of memory are its only chance."""

    losses: tuple[LossEntry, ...] = ()
    validations: tuple[dict[str, float], ...] = ()
    """Each holds `step`, `seconds` and the summary of its scores."""

    best: float | None = None
    """`training.validation.worth` of the best validation so far, higher is better."""

    best_step: int | None = None
    schedule: tuple[Point, ...] = ()
    """For a run by minutes: how far it was, from which step on. A run by steps needs none."""

    tuned: PredictionConfig | None = None
    """How probabilities become objects, chosen at the end; None where the recipe says it."""

    late_decisions: tuple[str, ...] = ()
    """What was decided after the first step, and why, for people."""

    warnings: tuple[str, ...] = ()
    """What went wrong without ending the run."""

    step: int = 0
    """Steps taken."""

    seconds: float = 0.0
    finished: bool = False
    peak_memory_mb: float = 0.0


def peak_memory_mb() -> float:
    """Give the largest resident memory of this process so far, in MB (10^6 bytes); 0 on Windows."""
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
