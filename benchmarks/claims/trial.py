"""One trial: train a network in one way, on some images, with one seed, and score unseen ones."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from networks import Shape, Start, build
from safetensors.torch import load_file, save_file

from overtile.config import Recipe, read_recipe
from overtile.data.sample import Annotated
from overtile.inference.predict import Predictor
from overtile.model.unet import UNet
from overtile.training.fingerprint import small_object_px
from overtile.training.loop import TrainingState, train_steps
from overtile.training.sampling import make_sampler
from overtile.training.schedule import Clock, Pace, RunLength
from overtile.training.validation import validate
from overtile.workflows.annotated import Source, read_annotated


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A real data set, and which of its images are only scored."""

    images: str
    """Below the data folder, as are `labels`."""

    labels: str
    held_out: tuple[int, ...]


DATA_SETS = {
    "isbi2012": DataSet(
        images="isbi2012/train-volume.tif",
        labels="isbi2012/train-labels.tif",
        held_out=(3, 9, 17, 22),
    ),
    "dsb2018-fluorescence": DataSet(
        images="dsb2018-fluorescence/images",
        labels="dsb2018-fluorescence/labels",
        held_out=tuple(range(0, 124, 5)),
    ),
    "t98g-phase-contrast": DataSet(
        images="t98g-phase-contrast/images",
        labels="t98g-phase-contrast/labels",
        held_out=(2, 7, 12, 17),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How one network is trained, and on what."""

    name: str
    claim: str
    condition: str
    """What this trial does differently from the others of its claim, in words."""

    data: str
    steps: int
    seed: int
    settings: dict[str, dict[str, Any]]
    """Tables of a recipe: only what differs from `recipe`."""

    recipe: str = "auto"
    images: int | None = None
    """How many annotated images are trained on, drawn by the seed; all by default."""

    shape: Shape = "paper"
    start: Start = "He"
    extra: dict[str, float] = field(default_factory=dict)
    """Numbers by which tables sort, such as w0."""

    def settled(self) -> Recipe:
        """Give the whole recipe of the trial."""
        recipe = read_recipe(self.recipe)
        tables = {
            name: getattr(recipe, name).model_copy(update=keys)
            for name, keys in self.settings.items()
        }
        return recipe.model_copy(update=tables)


def read_split(trial: Trial, data: Path) -> tuple[str, list[Annotated], list[Annotated]]:
    """Read the images of a trial: the kind of labels, those trained on, those scored."""
    chosen = DATA_SETS[trial.data]
    found = read_annotated(
        Source(images=str(data / chosen.images), labels=str(data / chosen.labels))
    )
    pages = found.annotated()
    training = [page for number, page in enumerate(pages) if number not in chosen.held_out]
    if trial.images is not None:
        training = _draw(training, trial.images, trial.seed)
    return found.demand().kind, training, [pages[number] for number in chosen.held_out]


def _draw(images: Sequence[Annotated], count: int, seed: int) -> list[Annotated]:
    """Draw some images, so that those of a smaller draw are among those of a larger one."""
    order = list(range(len(images)))
    random.Random(seed).shuffle(order)
    return [images[number] for number in order[:count]]


def run_trial(trial: Trial, data: Path, folder: Path, threads: int) -> dict[str, Any]:
    """Train, unless the weights are in `folder` already, and score.

    Returns
    -------
    result : dict
        Ready for JSON.
    """
    torch.set_num_threads(threads)
    kind, training, held_out = read_split(trial, data)
    recipe = trial.settled()
    if kind == "instances":
        smallest = {"smallest_object_px": small_object_px(training)}
        prediction = recipe.prediction.model_copy(update=smallest)
        recipe = recipe.model_copy(update={"prediction": prediction})
    network = build(len(training[0].pixels), recipe.network, trial.shape, trial.start, trial.seed)
    weights = folder / "weights.safetensors"
    trained: dict[str, Any] = {}
    if not weights.exists():
        network, trained = _fit(network, recipe, trial, kind, training)
        folder.mkdir(parents=True, exist_ok=True)
        packed = {name: part.contiguous() for name, part in network.state_dict().items()}
        save_file(packed, weights)
    network.load_state_dict(load_file(weights))
    predictor = Predictor(network=network.eval())
    scores = validate(predictor, held_out, kind, recipe.prediction, ("background", "object")).scores
    return {
        **trained,
        "training_images": [image.name for image in training],
        "recipe": recipe.model_dump(mode="json", exclude_none=True),
        "parameters": sum(part.numel() for part in network.parameters()),
        "summary": scores.summary,
        "per_image": scores.per_image,
        "convention": scores.convention,
    }


def _fit(
    network: UNet, recipe: Recipe, trial: Trial, kind: str, training: Sequence[Annotated]
) -> tuple[UNet, dict[str, Any]]:
    state = TrainingState(network, recipe)
    sampler = make_sampler(recipe, kind, 2, trial.seed, training)
    began, losses = time.monotonic(), []
    pace = Pace(RunLength(steps=trial.steps), Clock())
    for result in train_steps(state, sampler, recipe, pace):
        losses.append(result.loss)
    tenth = max(1, len(losses) // 10)
    return state.best_guess(), {
        "seconds": round(time.monotonic() - began, 1),
        "losses": [
            round(sum(losses[at : at + tenth]) / len(losses[at : at + tenth]), 4)
            for at in range(0, len(losses), tenth)
        ],
    }
