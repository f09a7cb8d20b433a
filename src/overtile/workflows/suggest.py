"""Suggest: which regions to annotate next, so that few stand for all that the images show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

    failed: tuple[str, ...]
    """One line for each image that could not be looked at."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidate:
    """A region, without its pixels: all those of many images would not fit into memory."""

    path: Path
    page: int
    name: str
    region: Region
    looks: NDArray[np.float64]


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
    files = {path.resolve() for path in annotated}
    images = [path for path in _find(request.inputs) if path.resolve() not in files]
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
    ranked = rank([one.looks for one in candidates], request.count, known)
    chosen = [candidates[number] for number in ranked]
    shown: dict[int, tuple[Suggestion, SuggestedRegion]] = {}
    paths = list(dict.fromkeys(one.path for one in chosen))
    for number, path in enumerate(paths):
        heed(should_stop, f"stopped after showing {number} of {len(paths)} images", "start again")
        progress.advance("showing", number, len(paths), path.name)
        shown |= _show(path, chosen, request.axes, predictor)
    return _write(request, [shown[number] for number in range(len(chosen))], failed)


def _find(places: Sequence[str]) -> list[Path]:
    return [path for place in places for path in find_images(place)]


def _refuse_occupied(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError("holds other work", remedy="choose a new folder for --out", path=out)


def _pages(path: Path, axes: str | None) -> Iterator[tuple[str, Floats]]:
    """Give the name and the normalised pixels of each page, one after the other."""
    image = read_image(path, axes=axes)
    for name, pixels in zip(page_names(path, image.pages), image.pixels, strict=True):
        yield name, normalise(pixels)


def _candidates(path: Path, request: SuggestRequest, predictor: Predictor) -> list[_Candidate]:
    found = []
    for page, (name, pixels) in enumerate(_pages(path, request.axes)):
        probabilities = predictor.probabilities(pixels)
        for region in cut_regions((pixels.shape[1], pixels.shape[2]), request.side_px):
            part = (region.rows, region.columns)
            described = looks(pixels[:, *part], probabilities[:, *part])
            found.append(
                _Candidate(path=path, page=page, name=name, region=region, looks=described)
            )
    return found


def _show(
    path: Path, chosen: Sequence[_Candidate], axes: str | None, predictor: Predictor
) -> dict[int, tuple[Suggestion, SuggestedRegion]]:
    """Tell where the network contradicts itself in the chosen regions of one file."""
    shown = {}
    for page, (_, pixels) in enumerate(_pages(path, axes)):
        inside = [n for n, one in enumerate(chosen) if (one.path, one.page) == (path, page)]
        if not inside:
            continue
        doubt, _ = disagreement(predictor, pixels)
        for number in inside:
            shown[number] = _shown(number, chosen[number], pixels, doubt)
    return shown


def _shown(
    number: int, one: _Candidate, pixels: Floats, doubt: Floats
) -> tuple[Suggestion, SuggestedRegion]:
    part = (one.region.rows, one.region.columns)
    suggestion = _suggestion(one, doubt[part])
    name = f"{number + 1}. {one.name}, row {suggestion.row}, column {suggestion.column}"
    return suggestion, SuggestedRegion(
        name=name, pixels=pixels[:, *part].copy(), disagreement=doubt[part].copy()
    )


def _suggestion(one: _Candidate, doubt: Floats) -> Suggestion:
    height, width = one.region.shape
    return Suggestion(
        image=one.name,
        page=one.page,
        row=one.region.rows.start,
        column=one.region.columns.start,
        height=height,
        width=width,
        disagreement=round(float(doubt.mean()), 6),
    )


def _write(
    request: SuggestRequest,
    shown: Sequence[tuple[Suggestion, SuggestedRegion]],
    failed: Sequence[str],
) -> SuggestResult:
    page = make_folder(request.out) / PAGE_NAME
    result = SuggestResult(
        page=str(page),
        suggestions=tuple(suggestion for suggestion, _ in shown),
        failed=tuple(failed),
    )
    regions = tuple(region for _, region in shown)
    story = Suggested(model=str(request.model), version=__version__, regions=regions)
    write_text(page, render_suggestions(story))
    write_json(request.out / LIST_NAME, result.model_dump(mode="json"))
    return result
