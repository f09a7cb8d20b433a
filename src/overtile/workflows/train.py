"""Train: from annotated images to a run folder with a model, or on from where a run was stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from overtile import __version__
from overtile.config import Recipe, Settings, read_recipe
from overtile.errors import ConfigError, OutputError, StoppedError
from overtile.model.device import choose_device, describe_device
from overtile.model.file import MODEL_NAME
from overtile.model.geometry import context_px
from overtile.progress import Progress, Silence, StopRequest, never
from overtile.training.fingerprint import fingerprint
from overtile.training.history import History
from overtile.training.own_settings import AUTO, own_settings
from overtile.training.plan import plan
from overtile.training.run import RunFolder, RunRecord, StartRecord
from overtile.training.session import Session
from overtile.training.split import Split
from overtile.wording import counted
from overtile.workflows.hold_out import HoldOut
from overtile.workflows.name_classes import name_classes
from overtile.workflows.report import write_report
from overtile.workflows.run_data import RunData, gather, gather_again, narrow_gap
from overtile.workflows.start_from import Seen, Start, read_start, refuse_misfit
from overtile.workflows.train_request import (
    TrainRequest,
    refuse_other_settings,
    run_length,
    whole_path,
    whole_path_or_none,
)

_MOST_FOLDS = 5  # that are proposed


class TrainResult(Settings):
    """What came of a run; serialises to JSON."""

    out: str
    model: str
    """The best model, to predict with."""

    report: str
    recipe: str
    steps: int
    seconds: float
    scores: dict[str, float]
    """Validation scores of the best model; empty if nothing was held out."""

    best_step: int | None
    training_images: int
    validation_images: int
    decisions: tuple[str, ...]


def train(
    request: TrainRequest,
    progress: Progress | None = None,
    should_stop: StopRequest = never,
) -> TrainResult:
    """Train a network on annotated images.

    Raises
    ------
    ImageError, LabelError, PairError, ConfigError
        If the images or the request cannot be used; no run folder is made then.
    OutputError
        If the folder holds other work, or cannot be written to.
    ModelError
        If there is nothing to resume.
    StoppedError
        If `should_stop` gave an exit code, after all has been saved, or if the disk failed on the
        way (exit code 3) and an earlier checkpoint is there to go on from.
    """
    progress = progress or Silence()
    folder = RunFolder(request.out)
    if request.resume:
        record = folder.record()
        refuse_other_settings(request, record)
        with folder.held():
            data = gather_again(record, request.hold_out, should_stop)
            # Once there is a checkpoint, the model that it started from may be gone.
            needed = record.start is not None and not folder.has_history()
            start = _start_again(record) if needed else None
            return _go(folder, record, data, start, progress, should_stop, resume=True)
    folder.refuse_occupied()
    start = read_start(request.start) if request.start else None
    record, data = _decide(request, start, progress, should_stop)
    with folder.held():
        return _go(folder, record, data, start, progress, should_stop, resume=False)


def _go(
    folder: RunFolder,
    record: RunRecord,
    data: RunData,
    start: Start | None,
    progress: Progress,
    should_stop: StopRequest,
    *,
    resume: bool,
) -> TrainResult:
    torch.set_num_threads(record.threads)
    session = Session(
        folder,
        record,
        data.split,
        device=torch.device(record.device),
        progress=progress,
        start=start.network if start else None,
    )
    if resume:
        for change in _changes(record):
            progress.say(f"warning: {change}; the end will not be the same bit for bit")
        session.resume()
    else:
        session.keeper.demand_room(session.state)
        folder.start(record)
    history = _run(session, folder, should_stop)
    report = write_report(folder, record, history, data)
    return _result(folder, record, data.split, history, report)


def _changes(record: RunRecord) -> list[str]:
    """Name what differs from when the run started, and may round otherwise."""
    now = {"overtile": __version__, "torch": torch.__version__}
    then = {"overtile": record.version, "torch": record.torch}
    now["device"], then["device"] = describe_device(torch.device(record.device)), record.device_name
    return [f"{what} is {now[what]}, was {then[what]}" for what in now if now[what] != then[what]]


def _run(session: Session, folder: RunFolder, should_stop: StopRequest) -> History:
    try:
        return session.run(should_stop)
    except OutputError as error:
        if not folder.has_history():
            raise
        raise StoppedError(
            f"{error}; an earlier checkpoint is whole",
            remedy="mend that, then go on with the same command and --resume",
            exit_code=3,
        ) from error


def _start_again(record: RunRecord) -> Start | None:
    return (
        read_start(Path(record.start.path), record.start.weights_sha256) if record.start else None
    )


def _decide(
    request: TrainRequest, start: Start | None, progress: Progress, should_stop: StopRequest
) -> tuple[RunRecord, RunData]:
    """Read, decide and say everything before the first step."""
    name, source = request.recipe or AUTO, request.source
    recipe = read_recipe(name)
    _refuse_volumes(recipe)
    length = run_length(request, recipe)
    device = choose_device(request.device or "auto")
    seen = Seen()
    if start is not None:
        seen = start.seen
        source = replace(source, label_kind=source.label_kind or start.model.label_kind)
        recipe = start.hand_on(recipe, of_classes=source.label_kind == "classes")
    gap_px = context_px(recipe.network.depth, recipe.network.binning)
    share = recipe.training.validation
    data = gather(source, request.hold_out, share, gap_px, seen, should_stop)
    for fact, value in data.source.facts:
        progress.say(f"{fact}: {value}")
    for finding in data.source.findings:
        progress.say(f"note: {finding}")
    split, reading = data.split, data.reading
    recipe = request.with_classes(recipe)
    class_names = name_classes(recipe, reading)
    decisions: tuple[str, ...] = (f"recipe: {recipe.name}, as it stands",)
    if start is not None:
        refuse_misfit(start, len(split.training[0].pixels), class_names)
    own = own_settings(name)
    if own is not None:
        own = own if start is None else own.without_network()
        facts = fingerprint(
            split.training, reading.kind, len(class_names), whole=not source.partial.sparse
        )
        planned = plan(
            recipe,
            facts,
            device,
            length,
            own=own,
            network_given=start is not None,
            gap_px=data.cut.gap_px if data.cut else None,
        )
        recipe, decisions = planned.recipe, planned.decisions
        data = narrow_gap(data, context_px(recipe.network.depth, recipe.network.binning))
    decisions += (_judged_by(data, request.hold_out), *_beginnings(start, data))
    for decision in decisions:
        progress.say(decision)
    record = RunRecord(
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        images=whole_path(source.images),
        labels=whole_path(source.labels),
        axes=source.axes,
        label_kind=reading.kind,
        partial=source.partial,
        class_names=class_names,
        in_channels=len(split.training[0].pixels),
        training=tuple(data.training),
        validation=tuple(data.validation),
        left_out=tuple(data.left_out),
        cut=data.cut,
        validation_images=whole_path_or_none(request.hold_out.images),
        validation_labels=whole_path_or_none(request.hold_out.labels),
        facts=data.source.facts,
        decisions=decisions,
        start=_start_record(start),
        recipe=recipe,
        steps=length.steps,
        minutes=length.minutes,
        seed=request.seed or 0,
        device=str(device),
        device_name=describe_device(device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        pixel_size_um=data.source.pixel_size_um,
    )
    return record, data


def _start_record(start: Start | None) -> StartRecord | None:
    if start is None:
        return None
    return StartRecord(
        path=str(start.path),
        weights_sha256=start.weights_sha256,
        learnt=tuple(sorted(start.seen.learnt)),
    )


def _judged_by(data: RunData, hold_out: HoldOut) -> str:
    """Say what judges the network, and why."""
    learnt, judged = len(data.split.training), len(data.split.validation)
    if data.cut is not None:
        return (
            f"split: judged by the last {100 * data.cut.share:g} % of the longer side of each "
            f"image, behind {data.cut.gap_px} px that are neither learnt nor judged, because "
            f"{learnt} {'image is' if learnt == 1 else 'images are'} too few to hold out whole ones"
        )
    split = f"split: {counted(learnt, 'image')} to train on, {judged} held out"
    if data.unlearnt_classes:
        indices = ", ".join(map(str, data.unlearnt_classes))
        split += f"; none to train on shows class {indices}, which will never be predicted"
    if judged == 0:
        split += ", so no score of this model exists; score it on others by `overtile evaluate`"
        if learnt > 1 and hold_out == HoldOut():
            folds = min(learnt, _MOST_FOLDS)
            split += f", or have every image judged in turn by `train --folds {folds}`"
    return split


def _beginnings(start: Start | None, data: RunData) -> tuple[str, ...]:
    """Say what training starts from, and whether that has seen what is to judge it."""
    if start is None:
        return ()
    seen = sum(page.image_sha256 in start.seen.learnt for page in data.validation)
    warning = f"; it was trained on {seen} of the validation images, which flatters scores"
    return (
        f"start: the weights of {start.path.name} after {start.model.step} steps, and its network"
        + warning * bool(seen),
    )


def _refuse_volumes(recipe: Recipe) -> None:
    if recipe.network.dimensions != 2:
        raise ConfigError(
            "`network.dimensions`: training on volumes is not there yet",
            remedy="use 2: the slices of a volume are trained on as pages",
        )


def _result(
    folder: RunFolder, record: RunRecord, split: Split, history: History, report: Path
) -> TrainResult:
    best = next((entry for entry in history.validations if entry["step"] == history.best_step), {})
    return TrainResult(
        out=str(folder.path),
        model=str(folder.path / MODEL_NAME),
        report=str(report),
        recipe=record.recipe.name,
        steps=history.step,
        seconds=history.seconds,
        scores={key: value for key, value in best.items() if key not in ("step", "seconds")},
        best_step=history.best_step,
        training_images=len(split.training),
        validation_images=len(split.validation),
        decisions=(*record.decisions, *history.late_decisions),
    )
