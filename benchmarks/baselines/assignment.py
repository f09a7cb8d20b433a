"""One baseline from pages to probabilities: choose a learning rate, train, predict, keep both."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from method import Method
from pages import HELD_OUT, choosing_split, final_split, read_pages
from plain_loop import LOSSES_KEPT, choose_rate, thin, train
from safetensors.torch import save_file

from overtile.arrays import Floats
from overtile.data.sample import Annotated

sys.path.insert(0, str(Path(__file__).parents[1]))

from machine import current_commit, describe_machine

LOOKS = 5
"""How often the held-out pages are scored while training; they choose nothing."""

CHOICE_SHARE = 0.2
"""Length of a run that only compares learning rates, as a share of the final run."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Where, on what and how long a baseline is trained."""

    folder: Path
    """Its own; takes the three files below."""

    data: Path
    """The folder of the data sets."""

    minutes: float
    seed: int = 0

    @property
    def foreground(self) -> Path:
        """The probability of interior on the held-out pages: a (4, 512, 512) TIFF of float32."""
        return self.folder / "foreground.tif"

    @property
    def weights(self) -> Path:
        """The trained network, for benchmarks/claims/seams.py."""
        return self.folder / "weights.safetensors"

    @property
    def training(self) -> Path:
        """All that is to be told about the training, as JSON."""
        return self.folder / "training.json"


def fulfil(method: Method, assignment: Assignment) -> None:
    """Choose the learning rate of a method, train it anew on all pages but the held-out ones."""
    pages = read_pages(assignment.data)
    minutes, seed = assignment.minutes, assignment.seed
    rate, tried = choose_rate(
        method, choosing_split(pages), minutes=CHOICE_SHARE * minutes, seed=seed
    )
    split = final_split(pages)
    training = train(method, split, rate=rate, minutes=minutes, seed=seed, looks=LOOKS)
    network = training.network
    foreground, prediction = predict(
        lambda pixels: method.predict(network, pixels)[1], split.watched
    )
    if method.other_route is not None:
        prediction |= method.other_route(network, split.watched[0].pixels)
    weights = {name: part.contiguous() for name, part in network.state_dict().items()}
    keep(
        assignment,
        foreground,
        {
            "steps": len(training.losses),
            "training_seconds": training.seconds,
            "core_share": training.core_share,
            "parameters": sum(part.numel() for part in network.parameters()),
            "learning_rate": rate,
            "learning_rates_tried": tried,
            "prediction": prediction,
            "loss_curve": thin(training.losses, LOSSES_KEPT),
            "validation_curve": training.looks,
            "validation_curve_of": f"held-out pages {HELD_OUT}, off the clock; it chose nothing",
        },
    )
    save_file(weights, assignment.weights)


def predict(
    network: Callable[[Floats], Floats], pages: Sequence[Annotated]
) -> tuple[Floats, dict[str, Any]]:
    """Predict pages and time it.

    Returns
    -------
    foreground : (P, Y, X) array of float32
    prediction : dict
        Seconds of one page, the median over all, and how they were measured.
    """
    foreground, seconds = [], []
    for page in pages:
        began = time.monotonic()
        foreground.append(network(page.pixels))
        seconds.append(time.monotonic() - began)
    how = f"median over {len(pages)} pages of 512x512 px, grey values to probabilities, one thread"
    measured = {"seconds_per_image": statistics.median(seconds), "how": how}
    return np.stack(foreground).astype(np.float32), measured


def keep(assignment: Assignment, foreground: Floats, training: dict[str, Any]) -> None:
    """Write what a later scoring needs: probabilities, and all that is known of the training."""
    assignment.folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(assignment.foreground, foreground, compression="zlib")
    told = {
        "commit": current_commit(),
        "machine": describe_machine(),
        "minutes": assignment.minutes,
        "seed": assignment.seed,
        "threads": torch.get_num_threads(),
        **training,
    }
    assignment.training.write_text(json.dumps(told, indent=1) + "\n")
