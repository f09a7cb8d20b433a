"""Runs that go wrong quietly: a network that predicts one class only, a loss that stays flat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from overtile.training.history import LossEntry

_WARM = 0.2
"""Share of the run before which nothing is judged."""

_ENTRIES = 20
"""Fewer entries than this say nothing."""

_MOSTLY = 0.95
_FALLEN = 0.97

COLLAPSED = (
    "the network predicts one class for all pixels, though the labels have several: likely the "
    "learning rate is too high or the rarer class weighs too little; lower `learning_rate`, or "
    "raise `class_balance` in the recipe"
)
FLAT = (
    "the loss has not fallen since the beginning: likely images and labels do not belong together "
    "(`overtile check`), or the learning rate is too low or too high; try ten times less and ten "
    "times more"
)


def warnings(
    losses: Sequence[LossEntry], fraction: float, *, from_model: bool = False
) -> list[str]:
    """Say what is likely wrong with a run.

    Parameters
    ----------
    losses : sequence of LossEntry
        All so far.
    fraction : float
        Share of the run that is done.
    from_model : bool
        Whether training started from a model: its loss has fallen already.

    Returns
    -------
    warnings : list of str
        Likely cause and remedy, one a sentence; empty while all is well, or too little is known.
    """
    if fraction < _WARM or len(losses) < _ENTRIES:
        return []
    tenth = max(3, len(losses) // 10)
    recent = losses[-tenth:]
    found = []
    if np.mean([entry.single for entry in recent]) > _MOSTLY:
        found.append(COLLAPSED)
    first, last = (np.mean([entry.loss for entry in part]) for part in (losses[:tenth], recent))
    if last > _FALLEN * first and not from_model:
        found.append(FLAT)
    return found
