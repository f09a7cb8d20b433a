"""The commands of the main job; torch is imported inside them, so that help is quick."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from overtile.choices import Task, TestTimeAugmentation
from overtile.cli.app import (
    Axes,
    Device,
    Ignore,
    Images,
    Json,
    Kind,
    LabelFiles,
    Sparse,
    Start,
    app,
)
from overtile.cli.output import emit, numbers, table
from overtile.errors import ConfigError
from overtile.wording import counted

LARGEST_SEED = (1 << 63) - 1


@app.command("check")
def check_command(
    images: Images,
    labels: LabelFiles,
    kind: Kind = None,
    axes: Axes = None,
    ignore: Ignore = None,
    sparse: Sparse = False,
    json_target: Json = None,
) -> int:
    """Look for the faults in a training set that cost days, and say what to do."""
    from overtile.data.partial import PartialLabels
    from overtile.workflows.annotated import Source
    from overtile.workflows.check import check

    partial = PartialLabels(ignore=ignore, sparse=sparse)
    result = check(
        Source(images=images, labels=labels, axes=axes, label_kind=kind, partial=partial)
    )
    lines = table(result.facts)
    lines += [f"note: {note}" for note in result.notes]
    lines += [f"FAULT: {fault}" for fault in result.faults]
    lines.append(
        f"{counted(len(result.faults), 'fault')}; mend them before training"
        if result.faults
        else "no fault was found"
    )
    emit(lines, result.model_dump(mode="json"), json_target)
    return 2 if result.faults else 0


@app.command("train")
def train_command(
    images: Images,
    labels: LabelFiles,
    out: Annotated[Path, typer.Option(metavar="RUN", help="The run folder to make.")],
    recipe: Annotated[
        str | None, typer.Option(metavar="R", help="auto, paper or a TOML file.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="M", help="Wall-clock time to train.")
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Steps to train.")] = None,
    kind: Kind = None,
    class_names: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Of the classes, as background,nucleus,cell."),
    ] = None,
    class_colours: Annotated[
        str | None,
        typer.Option(
            metavar="COLOURS", help="Of all classes but the background, as #56b4e9,#e69f00."
        ),
    ] = None,
    axes: Axes = None,
    ignore: Ignore = None,
    sparse: Sparse = False,
    validation: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of images to hold out.")
    ] = None,
    validation_pages: Annotated[
        str | None, typer.Option(metavar="3,9", help="Pages to hold out, from 0.")
    ] = None,
    validation_images: Annotated[
        str | None, typer.Option(metavar="DIR", help="Images to validate on.")
    ] = None,
    validation_labels: Annotated[
        str | None, typer.Option(metavar="DIR", help="Their labels.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(metavar="K", help="Judge every image, by K networks in turn.")
    ] = None,
    learning_curve: Annotated[
        bool,
        typer.Option("--learning-curve", help="Tell whether more annotation would help."),
    ] = False,
    device: Device = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="S", min=0, max=LARGEST_SEED, help="Same seed, same model."),
    ] = None,
    start: Start = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run.")] = False,
    json_target: Json = None,
) -> None:
    """Train a U-Net on annotated images; leaves a model and a page to look at."""
    from overtile.cli.console import ShownProgress
    from overtile.cli.signals import stop_on_signals
    from overtile.data.partial import PartialLabels
    from overtile.workflows.annotated import Source
    from overtile.workflows.hold_out import HoldOut
    from overtile.workflows.train import train
    from overtile.workflows.train_request import TrainRequest

    request = TrainRequest(
        source=Source(
            images=images,
            labels=labels,
            axes=axes,
            label_kind=kind,
            partial=PartialLabels(ignore=ignore, sparse=sparse),
        ),
        out=out,
        recipe=recipe,
        class_names=_names(class_names),
        class_colours=_names(class_colours),
        minutes=minutes,
        steps=steps,
        hold_out=HoldOut(
            fraction=validation,
            pages=_pages(validation_pages, "--validation-pages"),
            images=validation_images,
            labels=validation_labels,
        ),
        device=device,
        seed=seed,
        start=start,
        resume=resume,
    )
    should_stop = stop_on_signals()
    if folds is not None or learning_curve:
        from overtile.cli.several import train_several

        with ShownProgress() as progress:
            lines, several = train_several(
                request, folds, progress, should_stop, learning_curve=learning_curve
            )
        emit(lines, several.model_dump(mode="json"), json_target)
        return
    with ShownProgress() as progress:
        result = train(request, progress, should_stop)
    facts = [
        ("model", result.model),
        ("report", result.report),
        ("trained", f"{result.steps} steps in {result.seconds / 60:.1f} minutes"),
        ("best step", str(result.best_step or "the last; nothing was held out")),
    ]
    lines = table([*facts, *numbers(result.scores)])
    lines.append(f"next: overtile predict {shlex.quote(str(out))} IMAGES --out DIR")
    emit(lines, result.model_dump(mode="json"), json_target)


@app.command("predict")
def predict_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A run folder or model file.")],
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files or folders.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where results go.")],
    save: Annotated[
        str,
        typer.Option(
            metavar="KINDS", help="Of labels,foreground,probabilities,uncertainty,overlay."
        ),
    ] = "labels,foreground,overlay",
    tta: Annotated[
        TestTimeAugmentation, typer.Option(help="Average over turned or flipped versions.")
    ] = "none",
    device: Device = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compute in 32 bits even where 16 agree and are faster.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Compute in 8 bits where they agree; needs OpenVINO.")
    ] = False,
    memory: Annotated[
        str | None, typer.Option(metavar="2GB", help="What the process may take at most.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say how, in what memory and time, before starting.")
    ] = False,
    axes: Axes = None,
    suffix: Annotated[
        str | None, typer.Option(metavar="S", help="End of result names, such as _cp_masks.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results made with other settings.")
    ] = False,
    json_target: Json = None,
) -> int:
    """Predict images of any size; each result is on disk as soon as it is ready."""
    from overtile.cli.console import ShownProgress
    from overtile.cli.result_kinds import parse_kinds
    from overtile.cli.signals import stop_on_signals
    from overtile.workflows.memory import parse_memory
    from overtile.workflows.predict import predict
    from overtile.workflows.results import PredictRequest

    request = PredictRequest(
        model=model,
        inputs=inputs,
        out=out,
        save=parse_kinds(save),
        test_time=tta,
        device=device or "auto",
        exact=exact,
        fast=fast,
        memory_bytes=None if memory is None else parse_memory(memory),
        explain=explain,
        axes=axes,
        suffix=suffix,
        overwrite=overwrite,
    )
    should_stop = stop_on_signals()
    with ShownProgress() as progress:
        result = predict(request, progress, should_stop)
    lines = table((name, f"{count} found") for name, count in result.objects.items())
    lines += [f"LEFT OUT: {line}" for line in result.failed]
    lines.append(
        f"{counted(len(result.written), 'image')} written to {out}, "
        f"{len(result.kept)} were there already, {len(result.failed)} left out"
    )
    emit(lines, result.model_dump(mode="json"), json_target)
    return 2 if result.failed else 0


@app.command("evaluate")
def evaluate_command(
    predicted: Annotated[str, typer.Argument(metavar="PREDICTED", help="Results of any tool.")],
    truth: Annotated[str, typer.Argument(metavar="TRUTH", help="Their true labels.")],
    task: Annotated[Task | None, typer.Option(help="What is scored, and how.")] = None,
    pages: Annotated[
        str | None, typer.Option(metavar="3,9", help="Score only these pages, from 0.")
    ] = None,
    ignore: Annotated[
        int | None, typer.Option(metavar="V", help="Truth value of pixels that count nowhere.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="A page that shows the mistakes.")
    ] = None,
    images: Annotated[
        str | None, typer.Option(metavar="IMAGES", help="Raw images, to show on the page.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="All numbers of every image.")
    ] = None,
    json_target: Json = None,
) -> None:
    """Score predictions against the truth, and name the convention of every number."""
    from overtile.cli.console import ShownProgress
    from overtile.cli.score_lines import check_targets, score_lines
    from overtile.report.score_table import scores_csv
    from overtile.storage import write_text
    from overtile.workflows.evaluate import EvaluateRequest, evaluate
    from overtile.workflows.evaluation_page import raw_images, write_evaluation_page

    request = EvaluateRequest(
        predicted=predicted,
        truth=truth,
        task=task,
        pages=_pages(pages, "--pages"),
        ignore=ignore,
    )
    check_targets(page, csv, images)
    raw = raw_images(images, request) if images else {}
    with ShownProgress() as progress:
        scores = evaluate(request, progress)
    if csv:
        write_text(csv, scores_csv(scores))
    if page:
        with ShownProgress() as progress:
            write_evaluation_page(page, request, scores, raw, progress)
    emit(score_lines(scores), scores.model_dump(mode="json"), json_target)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(","))


def _pages(text: str | None, option: str) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"{option} {text!r} is not a list of pages", remedy="give numbers, such as 3,9"
        ) from error
