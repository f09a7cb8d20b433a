"""Demo: the whole job on images that are generated, judged on images that were never seen."""

from __future__ import annotations

import shlex
from io import BytesIO
from pathlib import Path

import numpy as np
import tifffile

from overtile.config import Settings
from overtile.data.synthetic import Scene, generate
from overtile.errors import OutputError
from overtile.progress import Progress, Silence, StopRequest, never
from overtile.storage import make_folder, write_bytes
from overtile.workflows.annotated import Source
from overtile.workflows.evaluate import EvaluateRequest, evaluate
from overtile.workflows.predict import predict
from overtile.workflows.results import PredictRequest
from overtile.workflows.train import train
from overtile.workflows.train_request import TrainRequest

SCENE: Scene = "cells"
SIDE_PX = 256
ANNOTATED, FRESH = 16, 6
MINUTES = 4.0
SEED = 2015
GOOD_AVERAGE_PRECISION = 0.8
"""What fresh images must reach, or something is broken."""


class DemoResult(Settings):
    """What the demo leaves, and how good it is on fresh images; serialises to JSON."""

    annotated: str
    """Folder of generated images and labels that were trained on."""

    report: str
    results: str
    """Folder of predictions of the fresh images."""

    average_precision_50: float
    """On fresh images; `docs/reference` says what it means."""

    commands: tuple[str, ...]
    """What was run, as a person would type it."""


def demo(
    out: Path, progress: Progress | None = None, should_stop: StopRequest = never
) -> DemoResult:
    """Generate images of touching cells, train, predict fresh ones, and score them.

    Raises
    ------
    OutputError
        If `out` holds anything: the demo overwrites nothing.
    StoppedError
        If `should_stop` gave an exit code.
    """
    progress = progress or Silence()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError("holds other work", remedy="remove it, or choose another --out", path=out)
    annotated, fresh = out / "annotated", out / "fresh"
    rng = np.random.default_rng(SEED)
    _generate(annotated, ANNOTATED, rng)
    _generate(fresh, FRESH, rng)
    run, results = out / "run", out / "results"
    images, labels = str(annotated / "images"), str(annotated / "labels")
    commands = (
        _command("train", images, labels, "--out", run, "--minutes", f"{MINUTES:g}"),
        _command("predict", run, fresh / "images", "--out", results),
        _command("evaluate", results, fresh / "labels", "--task", "instances"),
    )
    progress.say(f"$ {commands[0]}")
    source = Source(images=images, labels=labels)
    trained = train(TrainRequest(source=source, out=run, minutes=MINUTES), progress, should_stop)
    progress.say(f"$ {commands[1]}")
    predict(
        PredictRequest(model=run, inputs=[str(fresh / "images")], out=results),
        progress,
        should_stop,
    )
    progress.say(f"$ {commands[2]}")
    scores = evaluate(
        EvaluateRequest(predicted=str(results), truth=str(fresh / "labels"), task="instances")
    )
    return DemoResult(
        annotated=str(annotated),
        report=trained.report,
        results=str(results),
        average_precision_50=scores.summary["average_precision_50"],
        commands=commands,
    )


def _command(*words: str | Path) -> str:
    return shlex.join(["overtile", *map(str, words)])


def _generate(folder: Path, count: int, rng: np.random.Generator) -> None:
    images, labels = make_folder(folder / "images"), make_folder(folder / "labels")
    for number in range(count):
        pixels, ids = generate(SCENE, (SIDE_PX, SIDE_PX), rng)
        _write(images / f"cells{number:02d}.tif", pixels)
        _write(labels / f"cells{number:02d}.tif", ids.astype(np.uint16))


def _write(path: Path, array: np.ndarray) -> None:
    buffer = BytesIO()
    tifffile.imwrite(buffer, array, photometric="minisblack", compression="zlib")
    write_bytes(path, buffer.getvalue())
