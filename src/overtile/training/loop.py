"""The training loop: draw a tile, predict, weigh the error, step. Nothing else happens here."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn

from overtile.config import OptimiserConfig, Recipe
from overtile.data.sample import Sampler, TrainingTile
from overtile.errors import DivergedError
from overtile.model.unet import UNet
from overtile.training.loss import weighted_cross_entropy
from overtile.training.schedule import Clock, RunLength, learning_rate

_TILES_AHEAD = 2


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What one step did."""

    step: int
    """Number of the step, from 1."""

    fraction: float
    """Share of the run that is done after it."""

    loss: float
    seconds: float
    """Wall-clock seconds of training so far."""


class TrainingState:
    """All that changes while a network learns.

    Parameters
    ----------
    network : UNet
        On the device to train on.
    recipe : Recipe
    """

    def __init__(self, network: UNet, recipe: Recipe) -> None:
        self.network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.optimiser = make_optimiser(network, recipe.optimiser)
        self.decay = recipe.training.average_decay
        self.averaged = copy.deepcopy(network).eval() if self.decay else None
        self.step = 0

    def best_guess(self) -> UNet:
        """Give the network to predict with: the running average of weights where one is kept."""
        return self.network if self.averaged is None else self.averaged

    def learn(self, *, tile_statistics: bool) -> None:
        """Put the network into training mode, its batch normalisation if `tile_statistics`.

        A network that has only seen each tile normalised by itself meets other values at
        prediction, where statistics must not depend on the tile.
        """
        self.network.train()
        for layer in self.network.modules():
            if isinstance(layer, (nn.BatchNorm2d, nn.BatchNorm3d)):
                layer.train(tile_statistics)

    def update_average(self) -> None:
        """Move the running average towards the network; faster while there is little to average."""
        if self.averaged is None:
            return
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        pairs = zip(
            self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True
        )
        for mean, value in pairs:
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def make_optimiser(network: UNet, config: OptimiserConfig) -> torch.optim.Optimizer:
    """Build SGD with momentum (Sec. 3) or AdamW over all weights of `network`."""
    if config.name == "sgd":
        return torch.optim.SGD(
            network.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
    return torch.optim.AdamW(
        network.parameters(),
        lr=config.learning_rate,
        betas=(config.momentum, 0.999),
        weight_decay=config.weight_decay,
    )


def train_steps(
    state: TrainingState, sampler: Sampler, recipe: Recipe, length: RunLength, clock: Clock
) -> Iterator[StepResult]:
    """Train `state` step by step until `length` is reached or the caller stops asking.

    Yields
    ------
    result : StepResult
        After each step; whatever the caller does meanwhile counts as training time.

    Raises
    ------
    DivergedError
        If the loss becomes NaN or infinite. The step is not taken.
    """
    batches = _batches_ahead(sampler, recipe.training.batch, state.step)
    while (fraction := length.fraction(state.step, clock.seconds())) < 1:
        rate = learning_rate(recipe.optimiser, fraction)
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        # Dropout, too, is a function of (seed, step), so that a resumed run draws the same.
        torch.manual_seed((sampler.seed * 1_000_003 + state.step) % (1 << 63))
        # A validation between two steps leaves the network in evaluation mode.
        state.learn(tile_statistics=fraction < recipe.training.tile_statistics)
        loss = take_step(state, _collate(next(batches)), recipe)
        state.step += 1
        state.update_average()
        seconds = clock.seconds()
        yield StepResult(
            step=state.step,
            fraction=length.fraction(state.step, seconds),
            loss=loss,
            seconds=seconds,
        )


def take_step(state: TrainingState, batch: tuple[Tensor, Tensor, Tensor], recipe: Recipe) -> float:
    """Take one step of gradient descent.

    Parameters
    ----------
    state : TrainingState
    batch : (pixels, classes, weights)
        (N, C, S, S) float32, (N, T, T) int64 and (N, T, T) float32, on any device.
    recipe : Recipe

    Returns
    -------
    loss : float

    Raises
    ------
    DivergedError
        If the loss is NaN or infinite. The step is not taken.
    """
    device = next(state.network.parameters()).device
    pixels, classes, weights = (part.to(device) for part in batch)
    reduced = recipe.training.precision == "bf16"
    with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
        logits = state.network(pixels.to(memory_format=torch.channels_last))
    loss = weighted_cross_entropy(logits, classes, weights)
    if not torch.isfinite(loss):
        raise DivergedError(
            f"the loss became {loss.item()} at step {state.step + 1}",
            remedy="lower `learning_rate` in the recipe, or set `largest_gradient = 1.0`",
        )
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if recipe.optimiser.largest_gradient:
        torch.nn.utils.clip_grad_norm_(
            state.network.parameters(), recipe.optimiser.largest_gradient
        )
    state.optimiser.step()
    return loss.item()


def _collate(tiles: list[TrainingTile]) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.from_numpy(np.stack([tile.pixels for tile in tiles])),
        torch.from_numpy(np.stack([tile.classes for tile in tiles])).long(),
        torch.from_numpy(np.stack([tile.weights for tile in tiles])),
    )


def _batches_ahead(sampler: Sampler, batch: int, first: int) -> Iterator[list[TrainingTile]]:
    """Draw tiles beside the network's arithmetic; compiled kernels release the interpreter lock."""

    def draw(step: int) -> list[TrainingTile]:
        return [sampler.draw(step, index) for index in range(batch)]

    with ThreadPoolExecutor(1, thread_name_prefix="sampler") as worker:
        waiting: list[Future[list[TrainingTile]]] = []
        for step in count(first):
            while len(waiting) < _TILES_AHEAD:
                waiting.append(worker.submit(draw, step + len(waiting)))
            yield waiting.pop(0).result()
