"""Report: gather what a run was given, did and reached, and have it told on one page."""

from __future__ import annotations

import shlex
from pathlib import Path

from overtile.colours import class_colours
from overtile.config import recipe_toml
from overtile.data.sample import Sampler, TrainingTile
from overtile.evaluation.calibration import Reliability
from overtile.inference.instances import foreground
from overtile.model.file import MODEL_NAME, ModelRecord, load_model
from overtile.records import read_record
from overtile.report import Example, LearningStory, Prediction, Story, Tile, render
from overtile.storage import write_text
from overtile.training.calibrate import measure_reliability
from overtile.training.history import History
from overtile.training.run import REPORT_NAME, RunFolder, RunRecord
from overtile.training.sampling import make_sampler
from overtile.training.split import Split
from overtile.training.validation import Validation, headline_of
from overtile.workflows.judge import judge
from overtile.workflows.learning_record import CURVE_NAME, LearningCurve
from overtile.workflows.parts import ALL_NAME
from overtile.workflows.run_data import RunData, gather_again

_EXAMPLES = 4
_TILES = 6
_WEIGHED = 3


def report_run(path: Path) -> Path:
    """Write the page of a run folder, from its record, its images and its best model.

    Returns
    -------
    page : path

    Raises
    ------
    ModelError
        If it is no run folder, or holds no model yet.
    ImageError
        If the images are not those that the run started with.
    """
    folder = RunFolder(path)
    record = folder.record()
    return write_report(folder, record, folder.history(), gather_again(record))


def write_report(folder: RunFolder, record: RunRecord, history: History, data: RunData) -> Path:
    """Write the page of a run whose images are at hand; give its path."""
    page = folder.path / REPORT_NAME
    write_text(page, render(_story(folder, record, history, data.split)))
    return page


def _story(folder: RunFolder, record: RunRecord, history: History, split: Split) -> Story:
    network, model = load_model(folder.path / MODEL_NAME)
    validation = None
    if split.validation:
        validation = judge(network, model, record, split.validation)
    classes = len(record.class_names)
    sampler = make_sampler(record.recipe, record.label_kind, classes, record.seed, split.training)
    tiles = _tiles(sampler)
    headline, lower_is_better = headline_of(record.task)
    return Story(
        name=folder.path.name,
        version=record.version,
        created=record.created,
        finished=history.finished,
        device=record.device_name,
        label_kind=record.label_kind,
        class_names=record.class_names,
        class_colours=class_colours(record.recipe.class_colours, classes),
        facts=record.facts,
        decisions=(*record.decisions, *history.late_decisions),
        recipe_toml=recipe_toml(record.recipe),
        training_names=tuple(image.name for image in split.training),
        validation_names=tuple(image.name for image in split.validation),
        commands=_commands(folder, record, history),
        headline=headline,
        lower_is_better=lower_is_better,
        losses=tuple((one.step, one.seconds, one.loss, one.rate) for one in history.losses),
        warnings=history.warnings,
        validations=history.validations,
        best_step=history.best_step,
        learning=_learning(folder),
        scores=validation.scores if validation else None,
        reliability=_reliability(validation, record, model) if validation else None,
        seconds=history.seconds,
        parameters=sum(weights.numel() for weights in network.parameters()),
        peak_memory_mb=history.peak_memory_mb,
        examples=_examples(split),
        weighed=tiles[:_WEIGHED],
        augmented=tiles,
        predictions=_predictions(validation) if validation else (),
    )


def _learning(folder: RunFolder) -> LearningStory | None:
    """Find what fewer images came to, for the last of the trainings that were to tell it."""
    path = folder.path.parent / CURVE_NAME
    if folder.path.name != ALL_NAME or not path.is_file():
        return None
    curve = read_record(path, LearningCurve)
    points = [(one.images, one.value, one.spread.low, one.spread.high) for one in curve.points]
    return LearningStory(points=points, verdict=curve.verdict)


def _reliability(
    validation: Validation, record: RunRecord, model: ModelRecord
) -> tuple[Reliability, Reliability]:
    before, after = (
        measure_reliability(validation.predicted, record.label_kind, temperature)
        for temperature in (1.0, model.prediction.temperature)
    )
    return before, after


def _examples(split: Split) -> list[Example]:
    every = -(-len(split.training) // _EXAMPLES)
    return [
        Example(name=image.name, pixels=image.pixels, labels=image.labels, ignore=image.ignore)
        for image in split.training[::every]
    ]


def _tiles(sampler: Sampler) -> list[Tile]:
    """Draw the very tiles that the first steps saw."""
    return [_tile(sampler.draw(step)) for step in range(_TILES)]


def _tile(drawn: TrainingTile) -> Tile:
    return Tile(pixels=drawn.pixels, classes=drawn.classes, weights=drawn.weights)


def _predictions(validation: Validation) -> list[Prediction]:
    rows = {str(row["image"]): row for row in validation.scores.per_image}
    return [
        Prediction(
            name=one.image.name,
            pixels=one.image.pixels,
            truth=one.image.labels,
            predicted=one.objects,
            foreground=foreground(one.probabilities),
            scores=rows[one.image.name],
            ignore=one.image.ignore,
        )
        for one in validation.predicted
    ]


def _commands(folder: RunFolder, record: RunRecord, history: History) -> list[tuple[str, str]]:
    """List what a person would do next, ready to copy."""
    run = shlex.quote(str(folder.path))
    images, labels = shlex.quote(record.images), shlex.quote(record.labels)
    commands = [
        ("Predict other images", f"overtile predict {run} IMAGES --out DIR"),
        ("Score those predictions against true labels", "overtile evaluate DIR TRUTH"),
        ("See what the model says about itself", f"overtile info {run}"),
    ]
    if not history.finished:
        resume = f"overtile train {images} {labels} --out {run} --resume"
        commands.insert(0, ("Go on with this run, which was stopped", resume))
    return commands
