"""Whether more annotation would help: the same training on a quarter, on half and on all images."""

from __future__ import annotations

import numpy as np

from overtile.config import read_recipe
from overtile.errors import ConfigError
from overtile.evaluation.scores import Spread, spread_of
from overtile.model.file import MODEL_NAME
from overtile.progress import Progress, Silence, StopRequest, never
from overtile.records import write_record
from overtile.training.own_settings import AUTO
from overtile.training.split import spread
from overtile.training.validation import headline_of
from overtile.workflows.annotated import read_annotated
from overtile.workflows.hold_out import HoldOut, choose_held_out
from overtile.workflows.learning_record import CURVE_NAME, LearningCurve, LearningPoint
from overtile.workflows.parts import ALL_NAME, judge_part, plan_parts
from overtile.workflows.report import report_run
from overtile.workflows.train import train
from overtile.workflows.train_request import TrainRequest

SHARES = (4, 2, 1)
"""The images are divided by these."""

FEWEST = 4
"""Images to learn from, so that a quarter of them is one."""

HARDLY = 0.01
"""Of the headline: a gain that is surely smaller is not worth annotating for."""


def train_learning_curve(
    request: TrainRequest, progress: Progress | None = None, should_stop: StopRequest = never
) -> LearningCurve:
    """Train on a quarter, on half and on all images, and judge each by the same held-out ones.

    Parameters
    ----------
    request : TrainRequest
        `minutes` are for all trainings together; `steps` for each.
    progress : Progress, optional
    should_stop : callable, optional

    Raises
    ------
    ConfigError
        If there are too few images.
    ImageError, LabelError, PairError, OutputError, ModelError, StoppedError
        As `train`.
    """
    progress = progress or Silence()
    parts = plan_parts(request, _hold_outs(request, should_stop))
    judged = []
    for part in parts:
        progress.say(f"{part.out.name}: in {part.out}")
        images = train(part, progress, should_stop).training_images
        judged.append((images, part.out, judge_part(part.out, should_stop).scores))
    name = judged[-1][2].headline
    half, whole = (
        {row["image"]: float(row[name]) for row in one.per_image} for *_, one in judged[1:]
    )
    gained = np.array([whole[image] - half[image] for image in whole])
    gain = spread_of(-gained if headline_of(judged[-1][2].task)[1] else gained, lowest=-1.0)
    curve = LearningCurve(
        out=str(request.out),
        model=str(parts[-1].out / MODEL_NAME),
        headline=name,
        points=tuple(
            LearningPoint(
                images=images, run=str(out), value=scores.summary[name], spread=scores.spread
            )
            for images, out, scores in judged
        ),
        gain=gain,
        verdict=verdict(name, judged[1][0], judged[2][0], gain),
    )
    write_record(request.out / CURVE_NAME, curve)
    report_run(parts[-1].out)  # Once more, now that the curve can be drawn in it.
    return curve


def verdict(name: str, few: int, many: int, gain: Spread) -> str:
    """Say whether more annotation would help, as far as the held-out images tell.

    Parameters
    ----------
    name : str
        Of the score.
    few, many : int
        Images that were trained on, before and after the last doubling.
    gain : Spread
        Of the score, image by image; more is better.
    """
    told = (
        f"from {few} to {many} images {name} became better by {gain.mean:.3f} "
        f"({gain.low:.3f} to {gain.high:.3f} with 95 % confidence)"
    )
    if gain.low > 0:
        return f"more annotation would help: {told}"
    if gain.high < HARDLY:
        return f"more images like these would hardly help: {told}"
    return f"whether more annotation would help cannot be told: {told}"


def _hold_outs(request: TrainRequest, should_stop: StopRequest) -> dict[str, HoldOut]:
    """Name the parts, and what each keeps from training."""
    asked = request.hold_out
    if asked.images is not None:
        raise ConfigError(
            "--learning-curve holds out images of its own set",
            remedy="leave out --validation-images",
        )
    found = read_annotated(request.source, should_stop)
    found.demand()
    share = read_recipe(request.recipe or AUTO).training.validation
    places = choose_held_out(found, asked, share)
    held_out = [found.numbers[place] for place in places]
    rest = [number for number in found.numbers if number not in held_out]
    if len(rest) < FEWEST or not held_out:
        raise ConfigError(
            f"--learning-curve needs {FEWEST} images to learn from and one that judges; there are "
            f"{len(rest)} and {len(held_out)}",
            remedy="annotate a few more, or train without it",
        )
    parts = {}
    for share_of in SHARES:
        kept = spread(rest, len(rest) // share_of)
        name = ALL_NAME if share_of == 1 else f"{len(kept)}-images"
        left_out = tuple(number for number in rest if number not in kept)
        parts[name] = HoldOut(pages=tuple(held_out), left_out=left_out)
    return parts
