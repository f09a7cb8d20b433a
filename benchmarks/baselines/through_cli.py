"""The U-Net of this project, as a user trains it: through the command line."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import tifffile
from assignment import Assignment, keep, predict
from pages import HELD_OUT, IMAGES, LABELS, final_split, read_pages

from overtile.inference.instances import foreground as foreground_of
from overtile.inference.predict import Predictor
from overtile.model.file import load_model

ROOT = Path(__file__).parents[2]


def train_and_predict(recipe: str, assignment: Assignment) -> None:
    """Train by a recipe on the pages of all baselines, without validation: the last model counts.

    Held-out pages would else choose the best model, which no other baseline may.
    """
    folder = assignment.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source, name in ((IMAGES, "images"), (LABELS, "labels")):
        stack = tifffile.imread(assignment.data / source)
        training = [page for number, page in enumerate(stack) if number not in HELD_OUT]
        tifffile.imwrite(folder / f"training-{name}.tif", training, compression="zlib")
        if name == "images":
            tifffile.imwrite(folder / "held-out.tif", stack[list(HELD_OUT)], compression="zlib")
    place = folder.relative_to(ROOT).as_posix()
    commands = [
        f"overtile train {place}/training-images.tif {place}/training-labels.tif --validation 0 "
        f"--out {place}/run --recipe {recipe} --minutes {assignment.minutes:g} "
        f"--seed {assignment.seed} --device cpu",
        f"overtile predict {place}/run {place}/held-out.tif --axes ZYX --out {place}/results "
        "--save foreground --device cpu",
    ]
    core_share, _ = [_call(command) for command in commands]
    foreground = tifffile.imread(folder / "results" / "held-out_foreground.tif")
    keep(
        assignment,
        foreground,
        {"commands": commands, "core_share": core_share, **_told(assignment)},
    )


def _call(command: str) -> float:
    """Run a command, and give its processor time by its wall-clock time."""
    print(f"$ {command}", flush=True)
    began, before = time.monotonic(), os.times()
    subprocess.run([sys.executable, "-m", *shlex.split(command)], check=True, cwd=ROOT)
    now = os.times()
    processor = now.children_user + now.children_system
    processor -= before.children_user + before.children_system
    return processor / (time.monotonic() - began)


def _told(assignment: Assignment) -> dict[str, Any]:
    run = assignment.folder / "run"
    record = json.loads((run / "run.json").read_text())
    history = json.loads((run / "history.json").read_text())
    network, model = load_model(run)
    predictor = Predictor(network=network, precision=model.precision)
    held_out = final_split(read_pages(assignment.data)).watched
    _, prediction = predict(lambda pixels: foreground_of(predictor.probabilities(pixels)), held_out)
    losses = history["losses"]
    kept = losses[:: -(-len(losses) // 200)]
    return {
        "steps": history["step"],
        "training_seconds": history["seconds"],
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "learning_rate": record["recipe"]["optimiser"]["learning_rate"],
        "learning_rates_tried": [],
        "decisions": record["decisions"],
        "recipe": record["recipe"],
        "prediction": prediction,
        "loss_curve": [[step, seconds, loss] for step, seconds, loss, *_ in kept],
        "validation_curve": [],
    }
