"""What a run puts on disk, and when: checkpoints, history and models."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property

from overtile.config import PredictionConfig
from overtile.errors import ModelError
from overtile.model.file import MODEL_NAME, ModelRecord, load_model, save_model
from overtile.model.origin import LARGEST_PAGES, Origin
from overtile.model.unet import UNet
from overtile.storage import demand_room
from overtile.training.checkpoint import GENERATIONS, CheckpointRecord, Checkpoints, Resumed
from overtile.training.history import History
from overtile.training.loop import TrainingState
from overtile.training.run import RunFolder, RunRecord

CHECKPOINT_SECONDS = 60.0
"""From one checkpoint to the next; longer where saving one takes long."""

LONGEST_CHECKPOINT_SECONDS = 300.0
"""A killed run loses at most this much work, and a step."""

_SLOTS = {"sgd": 1, "adamw": 2}  # numbers that an optimiser keeps for each weight
_MODELS = 2  # the best and the last
LARGEST_SHARE = 0.02
"""Of the time of a run that checkpoints take, as long as no more than that is lost."""


class Keeper:
    """Keeps what a run has reached.

    Parameters
    ----------
    folder : RunFolder
        Started, and held by this process.
    record : RunRecord
    """

    def __init__(self, folder: RunFolder, record: RunRecord) -> None:
        self.folder, self.record = folder, record
        self._interval = CHECKPOINT_SECONDS
        self._last = time.monotonic()

    @cached_property
    def _checkpoints(self) -> Checkpoints:
        return Checkpoints(self.folder.path, self.folder.identity())

    def demand_room(self, state: TrainingState) -> None:
        """Refuse a new run whose checkpoints and models the disk has no room for.

        Raises
        ------
        OutputError
            Telling how many bytes are needed, and how many are free.
        """
        weights = sum(value.nbytes for value in state.network.state_dict().values())
        copies = 1 + (state.averaged is not None) + _SLOTS[self.record.recipe.optimiser.name]
        # While a checkpoint is written, those that it will replace are still there.
        demand_room(self.folder.path, weights * ((GENERATIONS + 1) * copies + _MODELS))

    def load(self, state: TrainingState) -> Resumed | None:
        """Put `state` back to the last checkpoint; None if the run never took a step.

        Raises
        ------
        ModelError
            If there were checkpoints, and none of them can be used.
        """
        self.folder.write_recipe(self.record)
        resumed = self._checkpoints.load(state)
        if resumed is None and self.folder.has_history():
            raise ModelError(
                "its checkpoints are gone",
                remedy="bring them back from a copy, or start anew in another --out",
                path=self.folder.path,
            )
        return resumed

    def is_due(self) -> bool:
        """Say whether it is time for a checkpoint: seldom enough to cost little of the run."""
        return time.monotonic() - self._last >= self._interval

    def checkpoint(
        self, state: TrainingState, history: History, unnoted: Sequence[tuple[float, bool]]
    ) -> None:
        """Write all that is needed to go on, and the history for people."""
        began = time.monotonic()
        record = CheckpointRecord(
            run=self._checkpoints.run,
            step=state.step,
            history=history,
            unnoted=tuple(unnoted),
        )
        self._checkpoints.add(state, record)
        self.folder.write_history(history)
        self._last = time.monotonic()
        wanted = max(CHECKPOINT_SECONDS, (self._last - began) / LARGEST_SHARE)
        self._interval = min(wanted, LONGEST_CHECKPOINT_SECONDS)

    def save_model(
        self, name: str, state: TrainingState, history: History, scores: dict[str, float]
    ) -> None:
        """Write the network as it is now, for prediction."""
        record, recipe = self.record, self.record.recipe
        model = ModelRecord(
            version=record.version,
            in_channels=record.in_channels,
            class_names=record.class_names,
            label_kind=record.label_kind,
            network=recipe.network,
            prediction=history.tuned or recipe.prediction,
            precision=recipe.training.precision,
            pixel_size_um=record.pixel_size_um,
            recipe=recipe.name,
            step=state.step,
            scores=scores,
            origin=self._origin(history),
        )
        save_model(self.folder.path / name, state.best_guess(), model)

    def best_model(self) -> UNet:
        """Read the best model so far, in evaluation mode on the CPU."""
        return load_model(self.folder.path)[0]

    def tune_best(self, prediction: PredictionConfig) -> None:
        """Write the best model once more, with another way from probabilities to objects."""
        network, model = load_model(self.folder.path)
        tuned = model.model_copy(update={"prediction": prediction})
        save_model(self.folder.path / MODEL_NAME, network, tuned)

    def _origin(self, history: History) -> Origin:
        record, start = self.record, self.record.start
        pages = tuple(page.sha256 for page in record.training)
        learnt = {page.image_sha256 for page in record.training}.union(
            start.learnt if start else ()
        )
        judges = tuple(page.image_sha256 for page in record.validation)
        few = len(learnt) + len(judges) <= LARGEST_PAGES
        return Origin(
            recipe=record.recipe,
            seed=record.seed,
            steps=record.steps,
            schedule=history.schedule,
            pages=pages if len(pages) <= LARGEST_PAGES else (),
            learnt=tuple(sorted(learnt)) if few else (),
            judges=judges if few else (),
            axes=record.axes,
            cut=(record.cut.share, record.cut.gap_px) if record.cut else None,
            start=start.weights_sha256 if start else None,
            ignore=record.partial.ignore,
            sparse=record.partial.sparse,
            device=record.device,
            device_name=record.device_name,
            threads=record.threads,
            torch=record.torch,
        )
