"""Reproduce: train a model once more from its own record, and compare the weights bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from overtile import __version__
from overtile.config import Settings
from overtile.data.check import Page
from overtile.data.partial import PartialLabels
from overtile.data.sample import Annotated
from overtile.errors import ImageError, ModelError
from overtile.model.device import choose_device
from overtile.model.file import ModelRecord, load_model, model_path, weights_digest
from overtile.model.origin import Origin
from overtile.model.unet import UNet
from overtile.progress import Progress, Silence, StopRequest, heed, never
from overtile.training.cut import Cut, cut_images
from overtile.training.loop import first_state, train_steps
from overtile.training.sampling import make_sampler
from overtile.training.schedule import Clock, Pace, Point, RunLength
from overtile.workflows.annotated import Source, data_digest, read_annotated
from overtile.workflows.start_from import read_start


@dataclass(frozen=True, kw_only=True)
class ReproduceRequest:
    """Which model, and the annotated images that it was trained on."""

    model: Path
    """A model file, or a run folder."""

    images: str
    labels: str
    start: Path | None = None
    """The model that it started from, if it did."""


class ReproduceResult(Settings):
    """Whether the same images give the same model; serialises to JSON."""

    model: str
    steps: int
    equal: bool
    """Whether all weights are equal bit by bit."""

    weights_sha256: str
    """Of the weights in the file."""

    reproduced_sha256: str
    """Of the weights that were trained now."""

    largest_difference: float
    """Between two weights."""

    differences: tuple[str, ...]
    """What is not as it was when the model was trained, such as the release of torch."""


def reproduce(
    request: ReproduceRequest,
    progress: Progress | None = None,
    should_stop: StopRequest = never,
) -> ReproduceResult:
    """Train from the record inside a model file, and compare.

    Raises
    ------
    ModelError
        If the file does not say how it was trained, or not from the model given.
    ImageError
        If images that it was trained on are not among those given.
    StoppedError
        If `should_stop` gave an exit code; nothing is written in any case.
    """
    progress = progress or Silence()
    path = model_path(request.model)
    network, record = load_model(path)
    origin = _origin(record, path)
    start = _started_from(request.start, origin, path)
    images = _trained_on(request, record, origin, should_stop)
    differences = _differences(record, origin)
    for difference in differences:
        progress.say(f"note: {difference}")
    torch.set_num_threads(origin.threads)
    again = _train_again(record, origin, start, images, progress, should_stop)
    theirs, ours = weights_digest(network), weights_digest(again)
    return ReproduceResult(
        model=str(path),
        steps=record.step,
        equal=theirs == ours,
        weights_sha256=theirs,
        reproduced_sha256=ours,
        largest_difference=_largest_difference(network, again),
        differences=differences,
    )


def _origin(record: ModelRecord, path: Path) -> Origin:
    if record.origin is None or not record.origin.pages:
        raise ModelError(
            "does not say what it was trained on",
            remedy="only models of `overtile train` do, and of at most thousands of images",
            path=path,
        )
    return record.origin


def _started_from(start: Path | None, origin: Origin, path: Path) -> UNet | None:
    if origin.start is None:
        return None
    if start is None:
        raise ModelError(
            "was trained from another model",
            remedy="give that one, too, by --from MODEL",
            path=path,
        )
    return read_start(start, origin.start).network


def _trained_on(
    request: ReproduceRequest, record: ModelRecord, origin: Origin, should_stop: StopRequest
) -> list[Annotated]:
    """Find the images of the training by what they hold, whatever their names and order."""
    source = Source(
        images=request.images,
        labels=request.labels,
        axes=origin.axes,
        label_kind=record.label_kind,
        partial=PartialLabels(ignore=origin.ignore, sparse=origin.sparse),
    )
    found = read_annotated(source, should_stop)
    numbers = {_digest(page): number for number, page in enumerate(found.pages)}
    missing = [digest for digest in origin.pages if digest not in numbers]
    if missing:
        raise ImageError(
            f"{len(missing)} of the {len(origin.pages)} images that the model was trained on are "
            "not here, or have changed",
            remedy="give all images of the training, unchanged; others may be among them",
            path=request.images,
        )
    annotated = found.annotated()
    images = [annotated[numbers[digest]] for digest in origin.pages]
    if origin.cut is None:
        return images
    share, gap_px = origin.cut
    return cut_images(images, Cut(share=share, gap_px=gap_px))[0]


def _digest(page: Page) -> str:
    return data_digest([page])


def _differences(record: ModelRecord, origin: Origin) -> tuple[str, ...]:
    device = choose_device(origin.device)
    pairs = (
        ("overtile", record.version, __version__),
        ("torch", origin.torch, torch.__version__),
        ("the device", origin.device, str(device)),
    )
    return tuple(f"{what} was {then} and is {now}" for what, then, now in pairs if then != now)


def _train_again(
    record: ModelRecord,
    origin: Origin,
    start: UNet | None,
    images: Sequence[Annotated],
    progress: Progress,
    should_stop: StopRequest,
) -> UNet:
    recipe, classes = origin.recipe, len(record.class_names)
    device = choose_device(origin.device)
    state = first_state(recipe, record.in_channels, classes, origin.seed, device, start)
    sampler = make_sampler(recipe, record.label_kind, classes, origin.seed, images)
    for result in train_steps(state, sampler, recipe, _pace(record, origin)):
        note = f"step {result.step}, loss {result.loss:.3f}"
        progress.advance("training again", result.step, record.step, note)
        heed(should_stop, f"stopped at step {result.step} of {record.step}", "start again")
        if result.step == record.step:
            break
    return state.best_guess().eval().cpu()


def _pace(record: ModelRecord, origin: Origin) -> Pace:
    """Go as the run went: by its steps, or by the readings of its clock."""
    if origin.steps is not None:
        return Pace(RunLength(steps=origin.steps), Clock())
    readings = [Point(*reading) for reading in origin.schedule]
    readings.append(Point(record.step + 1, max(1.0, readings[-1].fraction)))
    return Pace(RunLength(), Clock(), readings)


def _largest_difference(one: UNet, other: UNet) -> float:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return max(float((a.double() - b.double()).abs().max()) for a, b in pairs)
