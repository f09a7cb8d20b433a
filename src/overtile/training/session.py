"""One training run: train, validate, keep the best, save, stop when asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from overtile.config import Recipe
from overtile.data.sample import Annotated, Sampler
from overtile.data.targets import class_balance, class_map, separate_touching
from overtile.errors import StoppedError
from overtile.inference.predict import Predictor
from overtile.model.file import MODEL_NAME, ModelRecord, save_model
from overtile.model.geometry import context_px, output_size, smallest_input
from overtile.model.unet import UNet
from overtile.progress import Progress, StopRequest
from overtile.training.loop import StepResult, TrainingState, train_steps
from overtile.training.run import LAST_MODEL_NAME, History, RunFolder, RunRecord
from overtile.training.schedule import Clock, RunLength, learning_rate
from overtile.training.validation import Validation, validate

CHECKPOINT_SECONDS = 60.0
"""A killed run loses at most this much work."""

_LOSS_POINTS = 500
_LARGEST_VALIDATION_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class Split:
    """The annotated images of a run."""

    training: Sequence[Annotated]
    validation: Sequence[Annotated]


class _StopAskedError(Exception):
    """The stop flag was seen; `code` is the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Session:
    """A run in progress.

    Parameters
    ----------
    folder : RunFolder
        Started, with its record.
    record : RunRecord
    split : Split
    device : torch.device
    progress : Progress
    """

    def __init__(
        self,
        folder: RunFolder,
        record: RunRecord,
        split: Split,
        *,
        device: torch.device,
        progress: Progress,
    ) -> None:
        self.folder, self.record, self.split = folder, record, split
        self.progress = progress
        self.recipe = record.recipe
        self.length = RunLength(steps=record.steps, minutes=record.minutes)
        torch.manual_seed(record.seed)
        network = UNet(record.in_channels, len(record.class_names), self.recipe.network)
        self.state = TrainingState(network.to(device), self.recipe)
        self.history = History()
        self.clock = Clock()

    def resume(self) -> None:
        """Go back to the last checkpoint, and say from where the run goes on."""
        self.history = self.folder.load_checkpoint(self.state)
        self.clock = Clock(before=self.history.seconds)
        self.progress.say(
            f"resuming at step {self.state.step}, {self.history.seconds:.0f} s into {self.length}"
        )

    def run(self, should_stop: StopRequest) -> History:
        """Train to the end, or until asked to stop.

        Returns
        -------
        history : History
            With `finished` set.

        Raises
        ------
        StoppedError
            After everything has been saved, if `should_stop` gave an exit code.
        DivergedError
            If the loss is no longer a number; the last checkpoint stays.
        """
        try:
            self._train(should_stop)
        except _StopAskedError as stop:
            self._save_stopped()
            raise StoppedError(
                f"stopped at step {self.state.step}; {self.folder.path} holds a usable model",
                remedy="go on with the same command and --resume",
                exit_code=stop.code,
            ) from None
        self._change(finished=True)
        self._save_model(LAST_MODEL_NAME, {})
        if self.history.best is None:
            self._save_model(MODEL_NAME, {})
        self.folder.save_checkpoint(self.state, self.history)
        return self.history

    def _train(self, should_stop: StopRequest) -> None:
        if self.state.step == 0:
            self._checkpoint()  # so that a run killed at once can be resumed
        elif self._owes_validation():
            self._validate(should_stop)
        losses: list[float] = []
        last_fraction = self.length.fraction(self.state.step, self.clock.seconds())
        saved = validated = self.clock.seconds()
        cost = 0.0
        sampler = make_sampler(self.recipe, self.record, self.split.training)
        for result in train_steps(self.state, sampler, self.recipe, self.length, self.clock):
            losses.append(result.loss)
            if _crossed(last_fraction, result.fraction, _LOSS_POINTS):
                self._note_loss(result, losses)
            self._show(result)
            _heed(should_stop)
            patient = self.record.steps is not None or result.seconds - validated >= cost
            if _crossed(last_fraction, result.fraction, self._validations) and patient:
                began = time.monotonic()
                self._validate(should_stop)
                cost = (time.monotonic() - began) / _LARGEST_VALIDATION_SHARE
                validated = self.clock.seconds()
                last_fraction = self.length.fraction(self.state.step, validated)
            else:
                last_fraction = result.fraction
            if self.clock.seconds() - saved >= CHECKPOINT_SECONDS:
                self._checkpoint()
                saved = self.clock.seconds()
        if not self.history.validations or self.history.validations[-1]["step"] < self.state.step:
            self._validate(should_stop)

    def _owes_validation(self) -> bool:
        """Say whether the run was stopped between a step and the validation that follows it.

        Only a run by steps owes one: there the best model must be that of an uninterrupted run.
        """
        step = self.state.step
        if self.record.steps is None or any(e["step"] == step for e in self.history.validations):
            return False
        before, now = (self.length.fraction(number, 0.0) for number in (step - 1, step))
        return _crossed(before, now, self._validations)

    @property
    def _validations(self) -> int:
        return self.recipe.training.validations

    def _note_loss(self, result: StepResult, losses: list[float]) -> None:
        rate = learning_rate(self.recipe.optimiser, result.fraction)
        entry = (result.step, round(result.seconds, 2), float(np.mean(losses)), rate)
        self._change(losses=(*self.history.losses, entry))
        losses.clear()

    def _show(self, result: StepResult) -> None:
        note = f"step {result.step}, loss {result.loss:.3f}"
        if self.history.validations:
            name, value = _headline(self.history.validations[-1])
            note += f", {name} {value:.3f}"
        total = 60 * self.record.minutes if self.record.minutes else float(self.record.steps or 1)
        self.progress.advance("training", min(1.0, result.fraction) * total, total, note)

    def _validate(self, should_stop: StopRequest) -> None:
        if not self.split.validation:
            return
        validation = validate(
            self._predictor(),
            _heeding(self.split.validation, should_stop),
            self.record.label_kind,
            self.recipe.prediction,
            self.record.class_names,
        )
        self._keep(validation)

    def _keep(self, validation: Validation) -> None:
        scores = validation.scores
        when = {"step": float(self.state.step), "seconds": round(self.clock.seconds(), 2)}
        entry = scores.summary | when
        self._change(validations=(*self.history.validations, entry))
        name, value = scores.headline, scores.summary[scores.headline]
        # Of equals the later one: it has learnt for longer.
        better = self.history.best is None or validation.headline >= self.history.best
        self.progress.say(
            f"step {self.state.step}, {self.clock.seconds():.0f} s: {name} {value:.4f} on "
            f"{len(self.split.validation)} validation images{', the best so far' if better else ''}"
        )
        if better:
            self._change(best=validation.headline, best_step=self.state.step)
            self._save_model(MODEL_NAME, scores.summary)

    def _predictor(self) -> Predictor:
        return Predictor(
            network=self.state.best_guess().eval(),
            tile_output=tile_output_size(self.recipe),
            precision=self.recipe.training.precision,
        )

    def _save_stopped(self) -> None:
        self._checkpoint()
        self._save_model(LAST_MODEL_NAME, {})
        if self.history.best is None:
            self._save_model(MODEL_NAME, {})

    def _checkpoint(self) -> None:
        self._change()
        self.folder.save_checkpoint(self.state, self.history)

    def _save_model(self, name: str, scores: dict[str, float]) -> None:
        record = ModelRecord(
            version=self.record.version,
            in_channels=self.record.in_channels,
            class_names=self.record.class_names,
            label_kind=self.record.label_kind,
            network=self.recipe.network,
            prediction=self.recipe.prediction,
            precision=self.recipe.training.precision,
            tile_output=tile_output_size(self.recipe),
            pixel_size_um=self.record.pixel_size_um,
            recipe=self.recipe.name,
            step=self.state.step,
            seconds=round(self.clock.seconds(), 2),
            scores=scores,
        )
        save_model(self.folder.path / name, self.state.best_guess(), record)

    def _change(self, **changes: object) -> None:
        now = {
            "step": self.state.step,
            "seconds": round(self.clock.seconds(), 2),
            "peak_memory_mb": peak_memory_mb(),
        }
        self.history = self.history.model_copy(update={**now, **changes})


def tile_output_size(recipe: Recipe) -> int:
    """Give the legal output side of the recipe's training tile in pixels."""
    depth = recipe.network.depth
    return output_size(smallest_input(recipe.training.tile_output, depth), depth)


def make_sampler(recipe: Recipe, record: RunRecord, images: Sequence[Annotated]) -> Sampler:
    """Build the source of training tiles, with class weights of the whole training set."""
    kind, output = record.label_kind, tile_output_size(recipe)
    maps = (
        class_map(image.labels if kind == "classes" else separate_touching(image.labels), kind)
        for image in images
    )
    return Sampler(
        images=images,
        kind=kind,
        input_size=output + 2 * context_px(recipe.network.depth),
        output_size=output,
        class_weights=class_balance(maps, len(record.class_names), recipe.loss.class_balance),
        augmentation=recipe.augmentation,
        loss=recipe.loss,
        seed=record.seed,
    )


def peak_memory_mb() -> float:
    """Give the largest resident memory of this process so far, in MB (10^6 bytes); 0 on Windows."""
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def _crossed(before: float, now: float, parts: int) -> bool:
    """Say whether a boundary between equal parts of the run lies between two moments."""
    return int(before * parts) < int(min(now, 1.0) * parts)


def _headline(entry: dict[str, float]) -> tuple[str, float]:
    return next(iter(entry.items()))


def _heed(should_stop: StopRequest) -> None:
    code = should_stop()
    if code is not None:
        raise _StopAskedError(code)


def _heeding(images: Sequence[Annotated], should_stop: StopRequest) -> Iterator[Annotated]:
    for image in images:
        _heed(should_stop)
        yield image
