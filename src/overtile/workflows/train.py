"""Train: from annotated images to a run folder with a model, or on from where a run was stopped."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch

from overtile import __version__
from overtile.config import Recipe, Settings, read_recipe
from overtile.errors import ConfigError, OutputError, StoppedError
from overtile.model.device import choose_device, describe_device
from overtile.model.file import MODEL_NAME
from overtile.progress import Progress, Silence, StopRequest, never
from overtile.training.history import History
from overtile.training.plan import DataFacts, plan, small_object_px
from overtile.training.run import RunFolder, RunRecord
from overtile.training.schedule import RunLength
from overtile.training.session import Session
from overtile.workflows.annotated import Source
from overtile.workflows.report import write_report
from overtile.workflows.run_data import HoldOut, RunData, gather, gather_again

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What a user asks for; None where they leave it to the recipe."""

    source: Source
    out: Path
    recipe: str | None = None
    """`auto` by default."""

    minutes: float | None = None
    steps: int | None = None
    hold_out: HoldOut = field(default_factory=HoldOut)
    device: str | None = None
    """`auto` by default."""

    seed: int | None = None
    """0 by default."""

    resume: bool = False


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
        _refuse_other_settings(request, record)
        with folder.held():
            data = gather_again(record, request.hold_out, should_stop)
            return _go(folder, record, data, progress, should_stop, resume=True)
    folder.refuse_occupied()
    record, data = _start(request, progress, should_stop)
    with folder.held():
        return _go(folder, record, data, progress, should_stop, resume=False)


def _go(
    folder: RunFolder,
    record: RunRecord,
    data: RunData,
    progress: Progress,
    should_stop: StopRequest,
    *,
    resume: bool,
) -> TrainResult:
    torch.set_num_threads(record.threads)
    session = Session(
        folder, record, data.split, device=torch.device(record.device), progress=progress
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
    return _result(folder, record, history, report)


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


def _start(
    request: TrainRequest, progress: Progress, should_stop: StopRequest
) -> tuple[RunRecord, RunData]:
    """Read, decide and say everything before the first step."""
    name, source = request.recipe or AUTO, request.source
    recipe = read_recipe(name)
    _refuse_volumes(recipe)
    length = _length(request, recipe)
    device = choose_device(request.device or "auto")
    data = gather(source, request.hold_out, recipe.training.validation, should_stop)
    for fact, value in data.source.facts:
        progress.say(f"{fact}: {value}")
    for finding in data.source.findings:
        progress.say(f"note: {finding}")
    split, reading = data.split, data.reading
    progress.say(
        f"split: {len(split.training)} images to train on, {len(split.validation)} held out"
    )
    class_names = _class_names(recipe, reading.classes, classes=reading.kind == "classes")
    decisions: tuple[str, ...] = (f"recipe: {recipe.name}, as it stands",)
    if name == AUTO:
        progress.say("measuring how fast this machine trains")
        planned = plan(
            recipe,
            DataFacts(
                sizes=tuple(image.labels.shape for image in split.training),
                channels=len(split.training[0].pixels),
                classes=len(class_names),
                label_kind=reading.kind,
                small_object_px=0 if source.partial.sparse else small_object_px(split.training),
            ),
            device,
            length,
        )
        recipe, decisions = planned.recipe, planned.decisions
    for decision in decisions:
        progress.say(decision)
    record = RunRecord(
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        images=_place(source.images),
        labels=_place(source.labels),
        axes=source.axes,
        label_kind=reading.kind,
        partial=source.partial,
        class_names=class_names,
        in_channels=len(split.training[0].pixels),
        training=tuple(data.training),
        validation=tuple(data.validation),
        validation_images=_absolute(request.hold_out.images),
        validation_labels=_absolute(request.hold_out.labels),
        facts=data.source.facts,
        decisions=decisions,
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


def _refuse_volumes(recipe: Recipe) -> None:
    if recipe.network.dimensions != 2:
        raise ConfigError(
            "`network.dimensions`: training on volumes is not there yet",
            remedy="use 2: the slices of a volume are trained on as pages",
        )


def _length(request: TrainRequest, recipe: Recipe) -> RunLength:
    """Take the length that the user gives, else the recipe's."""
    if request.minutes is not None and request.steps is not None:
        raise ConfigError("a run ends by --minutes or by --steps", remedy="give one of them")
    for option, value in (("--minutes", request.minutes), ("--steps", request.steps)):
        if value is not None and not 0 < value < math.inf:
            raise ConfigError(
                f"{option} must be positive, got {value:g}",
                remedy=f"give a number such as {option} 20",
            )
    if request.steps is not None:
        return RunLength(steps=request.steps)
    if request.minutes is not None:
        return RunLength(minutes=request.minutes)
    if recipe.training.steps is not None:
        return RunLength(steps=recipe.training.steps)
    if recipe.training.minutes is not None:
        return RunLength(minutes=recipe.training.minutes)
    raise ConfigError(
        f"recipe {recipe.name} does not say how long to train", remedy="give --minutes or --steps"
    )


def _class_names(recipe: Recipe, count: int, *, classes: bool) -> tuple[str, ...]:
    if not classes:
        return ("background", "object")
    if not recipe.class_names:
        return ("background", *(f"class {number}" for number in range(1, count)))
    if len(recipe.class_names) != count:
        raise ConfigError(
            f"`class_names` are {len(recipe.class_names)} names for {count} classes",
            remedy="name every class index, the background first",
        )
    return recipe.class_names


def _refuse_other_settings(request: TrainRequest, record: RunRecord) -> None:
    """Refuse to go on with a run under settings that it did not start with."""
    asked: dict[str, tuple[object, object]] = {
        "--minutes": (request.minutes, record.minutes),
        "--steps": (request.steps, record.steps),
        "--seed": (request.seed, record.seed),
        "--labels": (request.source.label_kind, record.label_kind),
        "--axes": (request.source.axes, record.axes),
        "--ignore": (request.source.partial.ignore, record.partial.ignore),
        "--sparse": (request.source.partial.sparse or None, record.partial.sparse),
        "IMAGES": (_absolute(request.source.images), record.images),
        "LABELS": (_absolute(request.source.labels), record.labels),
        "--validation-images": (_absolute(request.hold_out.images), record.validation_images),
        "--validation-labels": (_absolute(request.hold_out.labels), record.validation_labels),
    }
    if request.device is not None:
        asked["--device"] = (str(choose_device(request.device)), record.device)
    if request.recipe is not None:
        given = read_recipe(request.recipe)
        asked["--recipe"] = (given.name, record.recipe.name)
        if given.name == record.recipe.name != AUTO and given != record.recipe:
            asked["--recipe"] = ("with other settings", record.recipe.name)
    for option, (now, then) in asked.items():
        if now is not None and now != then:
            raise ConfigError(
                f"the run started with {option} {then}, not {now}",
                remedy="resume with the same command, or start a new run in another --out",
                path=request.out,
            )


def _place(path: str) -> str:
    """Give the whole path, as the record of the run keeps it."""
    place = str(Path(path).absolute())
    try:
        place.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            "has a name that is no text in this locale",
            remedy="set LC_ALL=C.UTF-8, or rename the folder",
            path=place,
        ) from error
    return place


def _absolute(path: str | None) -> str | None:
    return None if path is None else _place(path)


def _result(folder: RunFolder, record: RunRecord, history: History, report: Path) -> TrainResult:
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
        training_images=len(record.training),
        validation_images=len(record.validation),
        decisions=(*record.decisions, *history.late_decisions),
    )
