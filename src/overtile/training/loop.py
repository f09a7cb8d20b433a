"""The training loop: draw a tile, predict, weigh the error, step. Nothing else happens here."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from overtile.config import OptimiserConfig, Recipe
from overtile.data.sample import Sampler, TrainingTile
from overtile.errors import DivergedError
from overtile.model.unet import UNet
from overtile.training.loss import weighted_cross_entropy
from overtile.training.schedule import Pace, learning_rate
from overtile.training.tiles_ahead import TilesAhead

_PLACES_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one step learns from: N tiles of input side S and output side T, in pixels."""

    pixels: Tensor
    """(N, C, S, S) float32, on any device."""

    classes: Tensor
    """(N, T, T) int64, 0…K-1."""

    weights: Tensor
    """(N, T, T) float32."""

    places: tuple[str, ...]
    """Where each tile was drawn, for people."""


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What one step did."""

    step: int
    """Number of the step, from 1."""

    fraction: float
    """Share of the run that is done after it."""

    loss: float
    single: bool
    """Whether all pixels were predicted as one class, though the truth has several."""

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


def first_state(
    recipe: Recipe,
    in_channels: int,
    classes: int,
    seed: int,
    device: torch.device,
    start: UNet | None = None,
) -> TrainingState:
    """Give the state before the first step: weights drawn from `seed`, or those of `start`."""
    torch.manual_seed(seed)
    network = UNet(in_channels, classes, recipe.network)
    if start is not None:
        network.load_state_dict(start.state_dict())
    return TrainingState(network.to(device), recipe)


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
    state: TrainingState, sampler: Sampler, recipe: Recipe, pace: Pace
) -> Iterator[StepResult]:
    """Train `state` step by step until `pace` says so, or the caller stops asking.

    Yields
    ------
    result : StepResult
        After each step; whatever the caller does meanwhile counts as training time.

    Raises
    ------
    DivergedError
        If grey values, weights, the loss or its gradient are NaN or infinite. The step is not
        taken.
    StoppedError
        If no tiles come any more.
    """

    def draw(step: int) -> Batch:
        return _collate([sampler.draw(step, index) for index in range(recipe.training.batch)])

    with TilesAhead(draw, state.step) as tiles:
        while (fraction := pace.fraction(state.step)) < 1:
            rate = learning_rate(recipe.optimiser, fraction)
            for group in state.optimiser.param_groups:
                group["lr"] = rate
            # Dropout, too, is a function of (seed, step), so that a resumed run draws the same.
            torch.manual_seed((sampler.seed * 1_000_003 + state.step) % (1 << 63))
            # A validation between two steps leaves the network in evaluation mode.
            state.learn(tile_statistics=fraction < recipe.training.tile_statistics)
            loss, single = take_step(state, tiles.next(), recipe)
            state.step += 1
            state.update_average()
            yield StepResult(
                step=state.step,
                fraction=pace.fraction(state.step),
                loss=loss,
                single=single,
                seconds=pace.clock.seconds(),
            )


def take_step(state: TrainingState, batch: Batch, recipe: Recipe) -> tuple[float, bool]:
    """Take one step of gradient descent.

    Parameters
    ----------
    state : TrainingState
    batch : Batch
    recipe : Recipe

    Returns
    -------
    loss : float
    single : bool
        Whether all pixels are predicted as one class, though the truth has several.

    Raises
    ------
    DivergedError
        If grey values, weights, the loss or its gradient are NaN or infinite, naming the tiles. The
        step is not taken.
    """
    _refuse_not_finite(batch, state.step + 1)
    device = next(state.network.parameters()).device
    pixels, classes, weights = (
        part.to(device) for part in (batch.pixels, batch.classes, batch.weights)
    )
    reduced = recipe.training.precision == "bf16"
    with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
        logits = state.network(pixels.to(memory_format=torch.channels_last))
    loss = weighted_cross_entropy(logits, classes, weights)
    value = loss.item()
    if not math.isfinite(value):
        raise _diverged(f"the loss became {value}", batch, state.step + 1)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    length = torch.nn.utils.clip_grad_norm_(
        state.network.parameters(), recipe.optimiser.largest_gradient or math.inf
    )
    if not torch.isfinite(length):
        raise _diverged(f"the gradient became {length.item()}", batch, state.step + 1)
    state.optimiser.step()
    return value, _is_single(logits, classes, weights)


def _is_single(logits: Tensor, classes: Tensor, weights: Tensor) -> bool:
    told = weights > 0
    predicted, truth = logits.detach().argmax(dim=1)[told], classes[told]
    if truth.numel() == 0:
        return False
    several = truth.min() < truth.max()
    return bool(several & (predicted.min() == predicted.max()))


def _refuse_not_finite(batch: Batch, step: int) -> None:
    for what, values in (("grey values", batch.pixels), ("weights", batch.weights)):
        if torch.isfinite(values).all():
            continue
        broken = ~torch.isfinite(values.flatten(1)).all(dim=1)
        places = _some([place for place, bad in zip(batch.places, broken, strict=True) if bad])
        raise DivergedError(
            f"the {what} of a training tile are NaN or infinite at step {step} ({places})",
            remedy="look at that image: very large or very small grey values may overflow",
        )


def _diverged(fault: str, batch: Batch, step: int) -> DivergedError:
    return DivergedError(
        f"{fault} at step {step} ({_some(batch.places)})",
        remedy="lower `learning_rate` in the recipe, or `largest_gradient`, which is 1",
    )


def _some(places: Sequence[str]) -> str:
    return ", ".join(places[:_PLACES_NAMED]) + ", …" * (len(places) > _PLACES_NAMED)


def _collate(tiles: Sequence[TrainingTile]) -> Batch:
    """Stack tiles by numpy alone.

    This is run beside the network. An operation of torch would start threads of its own here, which
    then wait busily on the cores of the network, and cost a step a third of its time.
    """
    return Batch(
        pixels=torch.from_numpy(np.stack([tile.pixels for tile in tiles])),
        classes=torch.from_numpy(np.stack([tile.classes for tile in tiles]).astype(np.int64)),
        weights=torch.from_numpy(np.stack([tile.weights for tile in tiles])),
        places=tuple(tile.place for tile in tiles),
    )
