"""Cross-validation: every image judged by a network that never learnt from it, then one for all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from overtile.config import Settings
from overtile.errors import ConfigError
from overtile.evaluation.scores import Row, TaskScores, task_scores
from overtile.model.file import MODEL_NAME, load_model, save_model
from overtile.progress import Progress, Silence, StopRequest, never
from overtile.records import write_record
from overtile.training.run import RunFolder, RunRecord
from overtile.training.settle import choose
from overtile.training.validation import (
    Predicted,
    headline_of,
    read_anew,
    score_predicted,
)
from overtile.wording import counted
from overtile.workflows.annotated import read_annotated
from overtile.workflows.hold_out import HoldOut
from overtile.workflows.parts import ALL_NAME, FOLD, FOLDS_NAME, judge_part, plan_parts
from overtile.workflows.train import train
from overtile.workflows.train_request import TrainRequest


class FoldsResult(Settings):
    """What cross-validation came to; serialises to JSON."""

    out: str
    model: str
    """Trained on all images, to predict with."""

    folds: int
    scores: TaskScores
    """Means over images, each judged by a network that never learnt from it; rows tell the fold."""

    decisions: tuple[str, ...]
    """How the model of all images reads its probabilities, chosen by all folds."""


def train_in_folds(
    request: TrainRequest,
    folds: int,
    progress: Progress | None = None,
    should_stop: StopRequest = never,
) -> FoldsResult:
    """Train once for each fold, without its images, and once on all images.

    Parameters
    ----------
    request : TrainRequest
        `minutes` are for all trainings together; `steps` for each.
    folds : int
        At least 2, and at most as many as there are images.
    progress : Progress, optional
    should_stop : callable, optional

    Raises
    ------
    ConfigError
        If the folds do not suit the images or the other options.
    ImageError, LabelError, PairError, OutputError, ModelError, StoppedError
        As `train`.
    """
    progress = progress or Silence()
    *parts, whole = plan_parts(request, _hold_outs(request, folds, should_stop))
    judged = []
    for number, part in enumerate((*parts, whole), start=1):
        what = "all images" if part is whole else f"fold {number} of {folds}"
        progress.say(f"{what}: in {part.out}")
        train(part, progress, should_stop)
        if part is not whole:
            judged.append(judge_part(part.out, should_stop).predicted)
    record = RunFolder(whole.out).record()
    settled = choose([one for fold in judged for one in fold], record, should_stop)
    for decision in settled.decisions:
        progress.say(decision)
    model = whole.out / MODEL_NAME
    network, described = load_model(model)
    save_model(model, network, described.model_copy(update={"prediction": settled.prediction}))
    result = FoldsResult(
        out=str(request.out),
        model=str(model),
        folds=folds,
        scores=_scores(judged, record, should_stop),
        decisions=settled.decisions,
    )
    write_record(request.out / FOLDS_NAME, result)
    return result


def _hold_outs(request: TrainRequest, folds: int, should_stop: StopRequest) -> dict[str, HoldOut]:
    """Name the folds, and the training on all images, with what each keeps from training."""
    found = read_annotated(request.source, should_stop)
    found.demand()
    images = len(found.pages)
    if not 2 <= folds <= images:
        raise ConfigError(
            f"--folds {folds} does not suit {counted(images, 'image')}",
            remedy="give a number from 2 to that of the images",
        )
    if request.hold_out != HoldOut():
        raise ConfigError(
            "--folds holds out every image in turn", remedy="leave out the options of validation"
        )
    parts = {
        f"{FOLD}-{fold + 1}": HoldOut(pages=tuple(found.numbers[fold::folds]))
        for fold in range(folds)
    }
    return {**parts, ALL_NAME: HoldOut(fraction=0.0)}


def _scores(
    judged: Sequence[list[Predicted]], record: RunRecord, should_stop: StopRequest
) -> TaskScores:
    """Score the images of each fold; thresholds that read them are chosen by the other folds."""
    kind, rows, convention = record.label_kind, list[Row](), ""
    for fold, predicted in enumerate(judged, start=1):
        others = [one for other in judged if other is not predicted for one in other]
        config = choose(others, record, should_stop).prediction
        scores = score_predicted(
            read_anew(predicted, kind, config), kind, record.class_names, record.task
        )
        convention = scores.convention
        rows += [row | {"fold": fold} for row in scores.per_image]
    headline, lower_is_better = headline_of(record.task)
    shared = [name for name in rows[0] if all(name in row for row in rows)]
    names = [headline, *(name for name in shared if name not in ("image", "fold", headline))]
    summary = {name: float(np.mean([float(row[name]) for row in rows])) for name in names}
    return task_scores(record.task, convention, summary, rows, lower_is_better=lower_is_better)
