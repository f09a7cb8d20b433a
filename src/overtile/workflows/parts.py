"""Several trainings for one question: each a run folder of its own, in the time for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overtile.config import read_recipe
from overtile.errors import RecordError
from overtile.model.file import load_model, model_path
from overtile.progress import StopRequest
from overtile.storage import make_folder
from overtile.training.own_settings import AUTO
from overtile.training.run import RECORD_NAME, RunFolder
from overtile.training.validation import Validation
from overtile.workflows.hold_out import HoldOut
from overtile.workflows.judge import judge
from overtile.workflows.run_data import gather_again
from overtile.workflows.train_request import TrainRequest, run_length

ALL_NAME = "all"
"""Below the folder: the run that learns from all images that it may."""

FOLD = "fold"
"""Below the folder: how the names of the runs of a cross-validation begin."""

FOLDS_NAME = "folds.json"
"""What a cross-validation came to; there when all of it is finished."""


def plan_parts(request: TrainRequest, hold_outs: dict[str, HoldOut]) -> list[TrainRequest]:
    """Give a request for each part, whose minutes together are those of the whole.

    Parameters
    ----------
    request : TrainRequest
        Of the whole. Parts that have begun go on if it resumes.
    hold_outs : dict
        What each part keeps from training, by the name of its folder.

    Raises
    ------
    ConfigError
        If it is not said how long to train.
    OutputError
        If the folder holds other work, or cannot be made.
    RecordError
        If the request resumes, and no part has begun.
    """
    length = run_length(request, read_recipe(request.recipe or AUTO))
    minutes = None if length.minutes is None else length.minutes / len(hold_outs)
    if not request.resume:
        RunFolder(request.out).refuse_occupied()
    elif not any((request.out / name / RECORD_NAME).exists() for name in hold_outs):
        raise RecordError(
            "holds none of the trainings that --resume is to go on with",
            remedy="give the --out folder in which they began, or leave --resume out",
            path=request.out,
        )
    make_folder(request.out)
    return [
        _part(request, request.out / name, minutes, hold_out)
        for name, hold_out in hold_outs.items()
    ]


def _part(
    request: TrainRequest, out: Path, minutes: float | None, hold_out: HoldOut
) -> TrainRequest:
    begun = request.resume and (out / RECORD_NAME).exists()
    return replace(request, out=out, minutes=minutes, hold_out=hold_out, resume=begun)


def judge_part(out: Path, should_stop: StopRequest) -> Validation:
    """Score the images that a part held out, as its best model reads them."""
    record = RunFolder(out).record()
    network, model = load_model(out)
    images = gather_again(record, should_stop=should_stop).split.validation
    return judge(network, model, record, images)


def model_files(path: Path) -> list[Path]:
    """Find the model that is meant by a file or a run folder, or all of a cross-validation.

    Returns
    -------
    files : list of path
        The one that learnt from all images first.

    Raises
    ------
    ModelError
        If there is none.
    """
    if not (path / FOLDS_NAME).exists():
        return [model_path(path)]
    folds = sorted(path.glob(f"{FOLD}-[0-9]*"), key=lambda fold: int(fold.name.partition("-")[2]))
    return [model_path(part) for part in (path / ALL_NAME, *folds)]
