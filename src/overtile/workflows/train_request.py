"""What a user asks of a training run, and whether one that goes on is asked for the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from overtile.config import Recipe, read_recipe
from overtile.errors import ConfigError
from overtile.model.device import choose_device
from overtile.model.file import MODEL_NAME
from overtile.training.own_settings import own_settings
from overtile.training.run import RunRecord
from overtile.training.schedule import RunLength
from overtile.workflows.annotated import Source
from overtile.workflows.hold_out import HoldOut


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What a user asks for; None where they leave it to the recipe."""

    source: Source
    out: Path
    recipe: str | None = None
    """`auto` by default."""

    class_names: tuple[str, ...] | None = None
    """Of labels of kind `classes`, the background first; those of the recipe by default."""

    class_colours: tuple[str, ...] | None = None
    """Of the classes behind the background, as ``#e69f00``; those of the recipe by default."""

    minutes: float | None = None
    steps: int | None = None
    hold_out: HoldOut = field(default_factory=HoldOut)
    device: str | None = None
    """`auto` by default."""

    seed: int | None = None
    """0 by default."""

    start: Path | None = None
    """A model whose weights training starts from; random ones by default."""

    resume: bool = False

    def with_classes(self, recipe: Recipe) -> Recipe:
        """Give the recipe with the names and colours of classes that the user asks for."""
        asked = {"class_names": self.class_names, "class_colours": self.class_colours}
        return recipe.model_copy(
            update={key: value for key, value in asked.items() if value is not None}
        )


def run_length(request: TrainRequest, recipe: Recipe) -> RunLength:
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


def refuse_other_settings(request: TrainRequest, record: RunRecord) -> None:
    """Refuse to go on with a run under settings that it did not start with."""
    asked: dict[str, tuple[object, object]] = {
        "--minutes": (request.minutes, record.minutes),
        "--steps": (request.steps, record.steps),
        "--seed": (request.seed, record.seed),
        "--class-names": (request.class_names, record.class_names),
        "--class-colours": (request.class_colours, record.recipe.class_colours),
        "--labels": (request.source.label_kind, record.label_kind),
        "--axes": (request.source.axes, record.axes),
        "--ignore": (request.source.partial.ignore, record.partial.ignore),
        "--sparse": (request.source.partial.sparse or None, record.partial.sparse),
        "--from": (_start_path(request.start, record), record.start and record.start.path),
        "IMAGES": (whole_path_or_none(request.source.images), record.images),
        "LABELS": (whole_path_or_none(request.source.labels), record.labels),
        "--validation-images": (
            whole_path_or_none(request.hold_out.images),
            record.validation_images,
        ),
        "--validation-labels": (
            whole_path_or_none(request.hold_out.labels),
            record.validation_labels,
        ),
    }
    if request.device is not None:
        asked["--device"] = (str(choose_device(request.device)), record.device)
    if request.recipe is not None:
        given = request.with_classes(read_recipe(request.recipe))
        asked["--recipe"] = (given.name, record.recipe.name)
        if given.name == record.recipe.name and not _is_recipe_of(record, request.recipe, given):
            asked["--recipe"] = ("with other settings", record.recipe.name)
    for option, (now, then) in asked.items():
        if now is not None and now != then:
            raise ConfigError(
                f"the run started with {option} {then}, not {now}",
                remedy="resume with the same command, or start a new run in another --out",
                path=request.out,
            )


def _is_recipe_of(record: RunRecord, name: str, given: Recipe) -> bool:
    """Say whether a run followed a recipe: as it stands, or in all that was not planned."""
    own, used = own_settings(name), record.recipe
    if record.start is not None:
        handed_on = {"network": used.network}
        for key in ("class_names", "class_colours"):
            handed_on[key] = getattr(given, key) or getattr(used, key)
        given = given.model_copy(update=handed_on)
        own = own.without_network() if own else None
    return (given if own is None else own.keep(used)) == used


def whole_path(path: str) -> str:
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


def whole_path_or_none(path: str | None) -> str | None:
    """Give the whole path, if there is one."""
    return None if path is None else whole_path(path)


def _start_path(start: Path | None, record: RunRecord) -> str | None:
    """Give the path of the model that is meant by a file or a folder; it need not be there."""
    if start is None:
        return None
    meant = [whole_path(str(path)) for path in (start, start / MODEL_NAME)]
    return record.start.path if record.start and record.start.path in meant else meant[0]
