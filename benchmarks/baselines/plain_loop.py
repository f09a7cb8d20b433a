"""One training loop for all baselines, by the clock; looking at pages meanwhile costs no time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from method import Method
from pages import Split
from torch import nn

from overtile.data.sample import Annotated
from overtile.errors import DivergedError
from overtile.evaluation import best_pixel_error, pixel_error, rand_error_sweep

LOSSES_KEPT = 200
LOSSES_KEPT_OF_A_CHOICE = 50


@dataclass(kw_only=True)
class Training:
    """A trained network and how it came about."""

    network: nn.Module
    rate: float
    losses: list[tuple[int, float, float]] = field(default_factory=list)
    """Step from 1, seconds of training so far, loss."""

    looks: list[dict[str, float]] = field(default_factory=list)
    """Step, seconds and errors on the watched pages."""

    seconds: float = 0.0
    """Wall-clock time."""

    core_share: float = 1.0
    """Processor time by wall-clock time: much less than 1 where others had the core, too."""


class Stopwatch:
    """Seconds of training, of which scoring is no part."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._paused = 0.0

    def seconds(self) -> float:
        """Give the seconds that were not paused."""
        return self._clock() - self._began - self._paused

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the time inside the block not count."""
        began = self._clock()
        yield
        self._paused += self._clock() - began


def train(
    method: Method, split: Split, *, rate: float, minutes: float, seed: int, looks: int
) -> Training:
    """Train a new network for some minutes.

    Parameters
    ----------
    method : Method
    split : Split
        The clock stands still while the watched pages are predicted; they choose nothing.
    rate : float
        Peak learning rate.
    minutes : float
        Wall-clock time; drawing and augmenting samples counts, reading pages does not.
    seed : int
        Of the initial weights and of all samples.
    looks : int
        How often the watched pages are predicted and scored, evenly spread, the last at the end.

    Returns
    -------
    training : Training

    Raises
    ------
    DivergedError
        If the loss becomes NaN or infinite.
    """
    torch.manual_seed(seed)
    network = method.build(split.training).to(memory_format=torch.channels_last)
    optimiser = method.optimiser(network, rate)
    source = method.source(split.training, seed)
    source(0)  # compiles what is compiled at its first use
    training = Training(network=network, rate=rate)
    watch, processor = Stopwatch(), Stopwatch(time.process_time)
    while (share := watch.seconds() / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * _schedule(method, share)
        loss = _step(method, network.train(), optimiser, source(len(training.losses)))
        training.losses.append((len(training.losses) + 1, watch.seconds(), loss))
        if int(share * looks) < int(min(1.0, watch.seconds() / (60 * minutes)) * looks):
            with watch.paused(), processor.paused():
                training.looks.append(_look(method, training, split.watched))
    training.seconds = training.losses[-1][1]
    training.core_share = processor.seconds() / watch.seconds()
    network.eval()
    return training


def choose_rate(
    method: Method, split: Split, *, minutes: float, seed: int
) -> tuple[float, list[dict[str, object]]]:
    """Try every learning rate of a method in a short run of its own.

    Returns
    -------
    rate : float
        The one with the lowest pixel error at its best threshold on the watched pages; Rand error
        decides between equals.
    tried : list of dict
        Every rate with its errors and its losses; nothing if there was no choice.
    """
    if len(method.rates) == 1:
        return method.rates[0], []
    tried: list[dict[str, object]] = []
    ranks: dict[float, tuple[float, float]] = {}
    for rate in method.rates:
        try:
            training = train(method, split, rate=rate, minutes=minutes, seed=seed, looks=1)
        except DivergedError as error:
            tried.append({"learning_rate": rate, "diverged": str(error)})
            continue
        last = training.looks[-1]
        ranks[rate] = (last["best_pixel_error"], last["rand_error"])
        tried.append(
            {
                "learning_rate": rate,
                "validation": last,
                "loss_curve": thin(training.losses, LOSSES_KEPT_OF_A_CHOICE),
            }
        )
        print(
            f"learning rate {rate:g}: best pixel error {last['best_pixel_error']:.4f}", flush=True
        )
    return min(ranks, key=ranks.__getitem__), tried


def thin(losses: Sequence[tuple[int, float, float]], points: int) -> list[list[float]]:
    """Average neighbouring losses until at most `points` entries are left."""
    size = math.ceil(len(losses) / points)
    groups = [losses[start : start + size] for start in range(0, len(losses), size)]
    return [
        [group[-1][0], round(group[-1][1], 2), float(np.mean([loss for _, _, loss in group]))]
        for group in groups
    ]


def _schedule(method: Method, share: float) -> float:
    if method.schedule == "constant":
        return 1.0
    if method.schedule == "polynomial":
        return (1 - share) ** 0.9
    return 0.5 * (1 + math.cos(math.pi * share))


def _step(
    method: Method,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch: tuple[torch.Tensor, torch.Tensor],
) -> float:
    pixels, classes = batch
    loss = method.loss(network(pixels.to(memory_format=torch.channels_last)), classes)
    if not torch.isfinite(loss):
        raise DivergedError(f"the loss became {loss.item()}", remedy="lower the learning rate")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if method.largest_gradient:
        nn.utils.clip_grad_norm_(network.parameters(), method.largest_gradient)
    optimiser.step()
    return loss.item()


def _look(method: Method, training: Training, pages: Sequence[Annotated]) -> dict[str, float]:
    training.network.eval()
    truth = np.stack([page.labels > 0 for page in pages])
    foreground = np.stack([method.predict(training.network, page.pixels)[1] for page in pages])
    step, seconds, _ = training.losses[-1]
    return {
        "step": step,
        "seconds": round(seconds, 2),
        "pixel_error": pixel_error(truth, foreground),
        "best_pixel_error": best_pixel_error(truth, foreground).error,
        "rand_error": rand_error_sweep(truth, foreground).error,
    }
