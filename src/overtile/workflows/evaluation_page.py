"""The page of an evaluation: the worst images are read once more, and their mistakes drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from overtile import __version__
from overtile.arrays import Floats
from overtile.data.normalise import normalise
from overtile.errors import OvertileError
from overtile.evaluation import Page, TaskScores
from overtile.io import Pair, pair_predictions, read_image
from overtile.io.matching import find_raw_images
from overtile.progress import Progress, Silence
from overtile.report import Evaluation, ScoredImage, render_evaluation
from overtile.report.evaluation_page import MOST_MAPS
from overtile.storage import make_folder, write_text
from overtile.workflows.annotated import page_names
from overtile.workflows.evaluate import EvaluateRequest, find_pages
from overtile.workflows.scored_pages import ScoredPages


def write_evaluation_page(
    path: Path,
    request: EvaluateRequest,
    scores: TaskScores,
    raw: Mapping[Path, Path] | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a page that shows what was scored.

    Parameters
    ----------
    path : path
        The HTML file; an existing one is replaced.
    request : EvaluateRequest
        What was scored.
    scores : TaskScores
        What `evaluate` gave for it.
    raw : mapping of path, optional
        Raw images by truth file, to draw above them. One that does not fit is done without, and
        that is said.
    progress : Progress, optional
        A listener.

    Raises
    ------
    ImageError, PairError
        If the files of `request` are no longer as they were.
    OutputError
        If the page cannot be written.
    """
    progress = progress or Silence()
    pages = find_pages(replace(request, task=scores.task), Silence())
    evaluation = Evaluation(
        predicted=request.predicted,
        truth=request.truth,
        version=__version__,
        scores=scores,
        images=_worst(pages, scores, raw or {}, progress),
    )
    page = render_evaluation(evaluation)
    make_folder(path.parent)
    write_text(path, page)


def raw_images(images: str, request: EvaluateRequest) -> dict[Path, Path]:
    """Find the raw images of a request, by truth file.

    Raises
    ------
    ImageError, PairError
        If there is no image at the place, or none with the name of a truth file.
    """
    pairs = pair_predictions(request.predicted, request.truth, "labels").pairs
    return find_raw_images(images, [pair.labels for pair in pairs])


def _worst(
    pages: ScoredPages, scores: TaskScores, raw: Mapping[Path, Path], progress: Progress
) -> Iterator[ScoredImage]:
    names = [str(row["image"]) for row in scores.per_image[:MOST_MAPS]]
    done = 0
    for pair in pages.pairs:
        for page in pages.named(names, pair):
            progress.advance("drawn", done, len(names), page.name)
            yield ScoredImage(page=page, below=_below(page, pair, raw.get(pair.labels), progress))
            done += 1


def _below(page: Page, pair: Pair, path: Path | None, progress: Progress) -> Floats | None:
    """Read the image below a page; a fault in it must not cost the page."""
    if path is None:
        return None
    try:
        image = read_image(path)
    except OvertileError as error:
        progress.say(f"{page.name} is drawn without its image: {error}")
        return None
    names = page_names(pair.image, image.pages)
    if page.name in names and image.size == page.truth.shape:
        return normalise(image.pixels[names.index(page.name)])
    progress.say(f"{page.name} is drawn without {path}, which has another size")
    return None
