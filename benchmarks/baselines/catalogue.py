"""What a U-Net replaced and what it competes with, by name."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assignment import Assignment, fulfil
from fully_convolutional import fully_convolutional
from padded_unet import DEFAULT_RATE, padded_unet
from peer_environment import peer_python
from sliding_window import sliding_window
from through_cli import train_and_predict


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One line of the table."""

    title: str
    job: Callable[[Assignment], None]
    lengths: float
    """Minutes that it takes for each minute of training: more than 1 where rates are tried."""

    minutes_beside: float = 1.0
    """Minutes that it takes however short the training: prediction, scores."""


def _with_monai(assignment: Assignment) -> None:
    options = ["--minutes", f"{assignment.minutes}", "--seed", f"{assignment.seed}"]
    job = [
        peer_python(),
        Path(__file__).parent / "monai_job.py",
        assignment.folder,
        assignment.data,
    ]
    subprocess.run([*map(str, job), *options], check=True)


def _sliding(window: int, minutes_beside: float) -> Baseline:
    return Baseline(
        title=f"Sliding window of {window} px (Ciresan 2012)",
        job=partial(fulfil, sliding_window(window)),
        lengths=1.6,
        minutes_beside=minutes_beside,
    )


BASELINES = {
    "sliding-window-33": _sliding(33, 2),
    "sliding-window-65": _sliding(65, 3),
    "sliding-window-95": _sliding(95, 4),
    "fcn": Baseline(
        title="Fully convolutional network, FCN-8s (Long 2015)",
        job=partial(fulfil, fully_convolutional()),
        lengths=1.6,
    ),
    "milesial": Baseline(
        title="Padded U-Net by the defaults of milesial/Pytorch-UNet",
        job=partial(fulfil, padded_unet((DEFAULT_RATE,))),
        lengths=1.0,
    ),
    "monai": Baseline(title="MONAI BasicUNet by the tutorial recipe", job=_with_monai, lengths=1.0),
    "unet": Baseline(
        title="U-Net, recipe auto", job=partial(train_and_predict, "auto"), lengths=1.0
    ),
}
