"""One training run: train, validate, keep the best, save, stop when asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from overtile.data.sample import Annotated
from overtile.errors import StoppedError
from overtile.inference.predict import Predictor
from overtile.model.file import MODEL_NAME
from overtile.model.unet import UNet
from overtile.progress import Progress, StopRequest
from overtile.training.history import History, LossEntry, peak_memory_mb
from overtile.training.keeper import Keeper
from overtile.training.loop import StepResult, first_state, train_steps
from overtile.training.run import LAST_MODEL_NAME, RunFolder, RunRecord
from overtile.training.sampling import make_sampler
from overtile.training.schedule import Clock, Pace, RunLength, crossed, learning_rate
from overtile.training.settle import Settled, choose, what_views_give
from overtile.training.split import Split
from overtile.training.validation import Validation, validate, worth
from overtile.training.watch import warnings
from overtile.wording import counted

_LOSS_POINTS = 500
_LARGEST_VALIDATION_SHARE = 0.1


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
    start : UNet, optional
        Whose weights training starts from; random ones by default.
    """

    def __init__(
        self,
        folder: RunFolder,
        record: RunRecord,
        split: Split,
        *,
        device: torch.device,
        progress: Progress,
        start: UNet | None = None,
    ) -> None:
        self.folder, self.record, self.split = folder, record, split
        self.progress = progress
        self.recipe = record.recipe
        self.length = RunLength(steps=record.steps, minutes=record.minutes)
        self.state = first_state(
            self.recipe, record.in_channels, self._classes, record.seed, device, start
        )
        self.history = History()
        self.pace = Pace(self.length, Clock())
        self.keeper = Keeper(folder, record)
        self.unnoted: list[tuple[float, bool]] = []
        self.judged: Validation | None = None  # What it is since the last step, if that is known.

    def resume(self) -> None:
        """Go back to the last checkpoint, and say from where the run goes on.

        Raises
        ------
        ModelError
            If there were checkpoints, and none of them can be used.
        """
        resumed = self.keeper.load(self.state)
        if resumed is None:
            self.progress.say("the run was stopped before its first step: it starts at step 0")
            return
        for line in resumed.damaged:
            self.progress.say(f"warning: {line}; going on from step {resumed.record.step}")
        self.history = resumed.record.history
        self.unnoted = list(resumed.record.unnoted)
        self.pace = Pace(self.length, Clock(self.history.seconds), self.history.schedule)
        if self.history.finished:
            self.progress.say(f"the run is finished, at step {self.state.step}: nothing is trained")
            # It may have been stopped between its last checkpoint and the history for people.
            self.folder.write_history(self.history)
            return
        self.progress.say(
            f"resuming at step {self.state.step}, {self.history.seconds:.0f} s into {self.length}"
        )
        if self.history.best_step == self.state.step:
            # It may have been stopped between the checkpoint and the model that goes with it.
            self._save_model(MODEL_NAME, self._best_scores())

    def run(self, should_stop: StopRequest) -> History:
        """Train to the end, or until asked to stop.

        Returns
        -------
        history : History
            With `finished` set.

        Raises
        ------
        StoppedError
            After everything has been saved, if `should_stop` gave an exit code, or if no tiles come
            any more (exit code 3).
        DivergedError
            If anything is no longer a number; the last checkpoint stays.
        """
        if self.history.finished:
            return self.history
        try:
            self._train(should_stop)
            self._settle(should_stop)
        except _StopAskedError as stop:
            self._save_stopped()
            raise StoppedError(
                f"stopped at step {self.state.step}; {self.folder.path} holds a usable model",
                remedy="go on with the same command and --resume",
                exit_code=stop.code,
            ) from None
        except StoppedError:
            self._save_stopped()
            raise
        self._save_model(LAST_MODEL_NAME, {})
        if self.history.best is None:
            self._save_model(MODEL_NAME, {})
        self._change(finished=True)
        self._checkpoint()
        return self.history

    def _train(self, should_stop: StopRequest) -> None:
        if self.state.step == 0:
            self._checkpoint()  # so that a run killed at once can be resumed
        elif self._owes_validation():
            self._validate(should_stop)
        last_fraction = self.pace.fraction(self.state.step)
        validated = self._seconds()
        cost = 0.0
        sampler = make_sampler(
            self.recipe,
            self.record.label_kind,
            self._classes,
            self.record.seed,
            self.split.training,
        )
        for result in train_steps(self.state, sampler, self.recipe, self.pace):
            self.judged = None
            self.unnoted.append((result.loss, result.single))
            if crossed(last_fraction, result.fraction, _LOSS_POINTS):
                self._note_losses(result)
            self._show(result)
            _heed(should_stop)
            patient = self.record.steps is not None or result.seconds - validated >= cost
            if crossed(last_fraction, result.fraction, self._validations) and patient:
                began = time.monotonic()
                self._validate(should_stop)
                cost = (time.monotonic() - began) / _LARGEST_VALIDATION_SHARE
                validated = self._seconds()
                last_fraction = self.pace.fraction(self.state.step)
            else:
                last_fraction = result.fraction
            if self.keeper.is_due():
                self._checkpoint()
        if not self.history.validations or self.history.validations[-1]["step"] < self.state.step:
            self._validate(should_stop)

    def _settle(self, should_stop: StopRequest) -> None:
        """Choose by the validation images how the best model's probabilities are read."""
        if self.history.best is None:
            return
        device = next(self.state.network.parameters()).device
        predictor = self._predictor(self.keeper.best_model().to(device))
        is_last = self.history.best_step == self.state.step
        chosen = self._choose(predictor, self.judged if is_last else None, should_stop)
        if chosen.found is not None and not is_last:
            # Which of two is better may change with the way they are read.
            last = self._predictor(self.state.best_guess().eval())
            other = self._choose(last, self.judged, should_stop)
            if other.found is not None and other.found > chosen.found:
                self._prefer_last(chosen.found, other.found)
                predictor, chosen = last, other
        views = what_views_give(
            predictor, self.split.validation, chosen.prediction, self.record, should_stop
        )
        for decision in (*chosen.decisions, views):
            self._decide(decision)
        self._change(tuned=chosen.prediction)
        self.keeper.tune_best(chosen.prediction)

    def _choose(
        self, predictor: Predictor, judged: Validation | None, should_stop: StopRequest
    ) -> Settled:
        judged = judged or self._judge(predictor, should_stop)
        return choose(judged.predicted, self.record, should_stop)

    def _prefer_last(self, best: float, last: float) -> None:
        """Make the last model the best one."""
        self._decide(
            f"model: that of the last step instead of step {self.history.best_step}, because the "
            f"mean of AP 0.5 and 0.75 is {last:.3f} instead of {best:.3f} once objects are tuned"
        )
        self._change(best=worth(self.history.validations[-1]), best_step=self.state.step)
        self._checkpoint()
        self._save_model(MODEL_NAME, self._best_scores())

    def _decide(self, decision: str) -> None:
        self.progress.say(decision)
        self._change(late_decisions=(*self.history.late_decisions, decision))

    @property
    def _classes(self) -> int:
        return len(self.record.class_names)

    def _seconds(self) -> float:
        return self.pace.clock.seconds()

    def _owes_validation(self) -> bool:
        """Say whether the run was stopped between a step and the validation that follows it.

        Only a run by steps owes one: there the best model must be that of an uninterrupted run.
        """
        step = self.state.step
        if self.record.steps is None or any(e["step"] == step for e in self.history.validations):
            return False
        before, now = (self.pace.fraction(number) for number in (step - 1, step))
        return crossed(before, now, self._validations)

    @property
    def _validations(self) -> int:
        return self.recipe.training.validations

    def _note_losses(self, result: StepResult) -> None:
        loss, single = np.mean(self.unnoted, axis=0)
        entry = LossEntry(
            step=result.step,
            seconds=round(result.seconds, 2),
            loss=float(loss),
            rate=learning_rate(self.recipe.optimiser, result.fraction),
            single=float(single),
        )
        self._change(losses=(*self.history.losses, entry))
        self.unnoted.clear()
        told = warnings(
            self.history.losses, result.fraction, from_model=self.record.start is not None
        )
        for warning in told:
            if warning not in self.history.warnings:
                self._change(warnings=(*self.history.warnings, warning))
                self.progress.say(f"warning: step {result.step}: {warning}")

    def _show(self, result: StepResult) -> None:
        note = f"step {result.step}, loss {result.loss:.3f}"
        if self.history.validations:
            name, value = next(iter(self.history.validations[-1].items()))
            note += f", {name} {value:.3f}"
        total = 60 * self.record.minutes if self.record.minutes else float(self.record.steps or 1)
        self.progress.advance("training", min(1.0, result.fraction) * total, total, note)

    def _validate(self, should_stop: StopRequest) -> None:
        if not self.split.validation:
            return
        predictor = self._predictor(self.state.best_guess().eval())
        self.judged = self._judge(predictor, should_stop)
        self._keep(self.judged)

    def _judge(self, predictor: Predictor, should_stop: StopRequest) -> Validation:
        return validate(
            predictor,
            _heeding(self.split.validation, should_stop),
            self.record.label_kind,
            self.recipe.prediction,
            self.record.class_names,
            self.record.task,
        )

    def _keep(self, validation: Validation) -> None:
        summary, step, seconds = validation.scores.summary, self.state.step, self._seconds()
        entry = summary | {"step": float(step), "seconds": round(seconds, 2)}
        self._change(validations=(*self.history.validations, entry))
        # Of equals the later one: it has learnt for longer.
        better = self.history.best is None or validation.worth >= self.history.best
        self.progress.say(
            f"step {step}, {seconds:.0f} s: {validation} on "
            f"{counted(len(self.split.validation), 'validation image')}"
            f"{', the best so far' * better}"
        )
        if better:
            self._change(best=validation.worth, best_step=step)
            # First the checkpoint: a run that is killed now writes this very model on going on.
            self._checkpoint()
            self._save_model(MODEL_NAME, self._best_scores())

    def _best_scores(self) -> dict[str, float]:
        best = next(e for e in self.history.validations if e["step"] == self.history.best_step)
        return {name: value for name, value in best.items() if name not in ("step", "seconds")}

    def _predictor(self, network: UNet) -> Predictor:
        return Predictor(network=network, precision=self.recipe.training.precision)

    def _save_stopped(self) -> None:
        self._checkpoint()
        self._save_model(LAST_MODEL_NAME, {})
        if self.history.best is None:
            self._save_model(MODEL_NAME, {})

    def _checkpoint(self) -> None:
        self._change()
        self.keeper.checkpoint(self.state, self.history, self.unnoted)

    def _save_model(self, name: str, scores: dict[str, float]) -> None:
        self.keeper.save_model(name, self.state, self.history, scores)

    def _change(self, **changes: object) -> None:
        now = {
            "step": self.state.step,
            "seconds": round(self._seconds(), 2),
            "schedule": tuple(self.pace.readings),
            "peak_memory_mb": peak_memory_mb(),
        }
        self.history = self.history.model_copy(update={**now, **changes})


def _heed(should_stop: StopRequest) -> None:
    code = should_stop()
    if code is not None:
        raise _StopAskedError(code)


def _heeding(images: Sequence[Annotated], should_stop: StopRequest) -> Iterator[Annotated]:
    for image in images:
        _heed(should_stop)
        yield image
