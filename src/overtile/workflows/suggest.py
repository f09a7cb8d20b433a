"""Suggest: which regions to annotate next, so that few stand for all that the images show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from overtile import __version__
from overtile.arrays import Floats
from overtile.config import Settings
from overtile.data.normalise import normalise
from overtile.errors import ConfigError, ImageError, OutputError
from overtile.inference.predict import Predictor
from overtile.inference.region_labels import Region
from overtile.inference.suggest import cut_regions, disagreement, looks, rank
from overtile.io import find_images, read_image
from overtile.model.device import choose_device
from overtile.model.file import load_model, model_path
from overtile.progress import Progress, Silence, StopRequest, heed, never
from overtile.report import Suggested, SuggestedRegion, render_suggestions
from overtile.storage import make_folder, write_json, write_text
from overtile.workflows.annotated import page_names

PAGE_NAME = "suggestions.html"
LIST_NAME = "suggestions.json"
SIDE_PX = 256


@dataclass(frozen=True, kw_only=True)
class SuggestRequest:
    """Among what to choose, and how much."""

    model: Path
    """A model file, or a run folder."""

    inputs: Sequence[str]
    """Images that are not annotated: files, folders or patterns."""

    out: Path
    annotated: Sequence[str] = ()
    """Images whose looks are known already, of which nothing is suggested."""

    count: int = 10
    """How many regions to suggest."""

    side_px: int = SIDE_PX
    """Side of a region, about."""

    axes: str | None = None
    device: str = "auto"


class Suggestion(Settings):
    """One region to annotate."""

    image: str
    page: int
    """From 0."""

    row: int
    column: int
    """First pixel."""

    height: int
    width: int
    disagreement: float
    """Mean over its pixels, in bits."""


class SuggestResult(Settings):
    """What to annotate; serialises to JSON."""

    page: str
    """To look at."""

    suggestions: tuple[Suggestion, ...]
    """The first to annotate first."""

    images: tuple[tuple[str, float], ...]
    """All images by their mean disagreement, the largest first."""

    failed: tuple[str, ...]
    """One line for each image that could not be looked at."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidate:
    suggestion: Suggestion
    looks: NDArray[np.float64]
    pixels: Floats
    doubt: Floats


def suggest(
    request: SuggestRequest, progress: Progress | None = None, should_stop: StopRequest = never
) -> SuggestResult:
    """Look at all images, choose regions, and write a list and a page.

    Raises
    ------
    ModelError, ImageError, PairError, ConfigError
        If the model, the inputs or the numbers cannot be used, no image can be looked at, or all
        of them are annotated.
    OutputError
        If the folder holds anything, or cannot be written to.
    StoppedError
        If `should_stop` gave an exit code; nothing is written then.
    """
    progress = progress or Silence()
    for option, value in (("--count", request.count), ("--side", request.side_px)):
        if value < 1:
            raise ConfigError(f"{option} must be positive, got {value}", remedy="give 1 or more")
    _refuse_occupied(request.out)
    annotated = _find(request.annotated)
    images = [path for path in _find(request.inputs) if path not in annotated]
    if not images:
        raise ImageError("all images are annotated already", remedy="give others")
    network, model = load_model(model_path(request.model))
    predictor = Predictor(
        network=network.to(choose_device(request.device)), label_offset_px=model.label_offset_px
    )
    candidates: list[_Candidate] = []
    known: list[NDArray[np.float64]] = []
    failed: list[str] = []
    all_images = [*images, *annotated]
    for number, path in enumerate(all_images):
        heed(should_stop, f"stopped after {number} of {len(all_images)} images", "start again")
        progress.advance("looking", number, len(all_images), path.name)
        try:
            found = _candidates(path, request, predictor)
        except ImageError as error:
            if len(all_images) == 1:
                raise
            failed.append(str(error))
            continue
        if number < len(images):
            candidates += found
        else:
            known += [one.looks for one in found]
    if not candidates:
        raise ImageError("no image can be looked at: " + failed[0], remedy="give others")
    chosen = rank([one.looks for one in candidates], request.count, known)
    return _write(request, [candidates[number] for number in chosen], candidates, failed)


def _find(places: Sequence[str]) -> list[Path]:
    return [path for place in places for path in find_images(place)]


def _refuse_occupied(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError("holds other work", remedy="choose a new folder for --out", path=out)


def _candidates(path: Path, request: SuggestRequest, predictor: Predictor) -> list[_Candidate]:
    image = read_image(path, axes=request.axes)
    found = []
    for number, (name, pixels) in enumerate(
        zip(page_names(path, image.pages), image.pixels, strict=True)
    ):
        normal = normalise(pixels)
        doubt, probabilities = disagreement(predictor, normal)
        for region in cut_regions(image.size, request.side_px):
            part = (region.rows, region.columns)
            found.append(
                _Candidate(
                    suggestion=_suggestion(name, number, region, doubt),
                    looks=looks(normal[:, *part], probabilities[:, *part]),
                    pixels=normal[:, *part],
                    doubt=doubt[part],
                )
            )
    return found


def _suggestion(name: str, page: int, region: Region, doubt: Floats) -> Suggestion:
    height, width = region.shape
    return Suggestion(
        image=name,
        page=page,
        row=region.rows.start,
        column=region.columns.start,
        height=height,
        width=width,
        disagreement=round(float(doubt[region.rows, region.columns].mean()), 6),
    )


def _write(
    request: SuggestRequest,
    chosen: Sequence[_Candidate],
    candidates: Sequence[_Candidate],
    failed: Sequence[str],
) -> SuggestResult:
    by_image: dict[str, list[float]] = {}
    for one in candidates:
        by_image.setdefault(one.suggestion.image, []).append(one.suggestion.disagreement)
    means = {name: round(float(np.mean(values)), 6) for name, values in by_image.items()}
    images = tuple(sorted(means.items(), key=lambda entry: -entry[1]))
    page = make_folder(request.out) / PAGE_NAME
    result = SuggestResult(
        page=str(page),
        suggestions=tuple(one.suggestion for one in chosen),
        images=images,
        failed=tuple(failed),
    )
    regions = tuple(
        SuggestedRegion(
            name=f"{number}. {one.suggestion.image}, row {one.suggestion.row}, column "
            f"{one.suggestion.column}",
            pixels=one.pixels,
            disagreement=one.doubt,
        )
        for number, one in enumerate(chosen, 1)
    )
    story = Suggested(model=str(request.model), version=__version__, regions=regions, images=images)
    write_text(page, render_suggestions(story))
    write_json(request.out / LIST_NAME, result.model_dump(mode="json"))
    return result
