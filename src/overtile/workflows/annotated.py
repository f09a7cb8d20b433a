"""From the paths that a user gives to annotated pages, and what was understood on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.choices import LabelKind
from overtile.data.check import Finding, Page, check_page, check_set, fault, note
from overtile.data.kinds import LabelReading, understand_labels
from overtile.data.normalise import normalise
from overtile.data.partial import PartialLabels, what_is_missing
from overtile.data.sample import Annotated
from overtile.data.targets import object_ids
from overtile.errors import LabelError, OvertileError, PairError, printable
from overtile.io import Image, Pair, count_others, match_files, read_image, read_labels
from overtile.progress import StopRequest, heed, never
from overtile.training.split import shown_classes
from overtile.wording import counted

Facts = tuple[tuple[str, str], ...]
"""What was understood: (name, value) for people."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where annotated images are, as the user says it."""

    images: str
    labels: str
    axes: str | None = None
    """Axes of the image files, if the user names them."""

    label_kind: LabelKind | None = None
    """What the labels mean, if the user says it."""

    partial: PartialLabels = field(default_factory=PartialLabels)
    """Which label values say nothing about their pixels."""


@dataclass(frozen=True, kw_only=True)
class AnnotatedSet:
    """All pages of a source, and what was found."""

    pages: Sequence[Page]
    """Readable pages with labels of the same size, which tell of some of their pixels."""

    numbers: Sequence[int]
    """Of each of these pages, counted from 0 over all files with those of which nothing is told."""

    reading: LabelReading | None
    """How the labels are meant; None where faults hide it."""

    findings: Sequence[Finding]
    facts: Facts
    pixel_size_um: tuple[float, float] | None

    @property
    def faults(self) -> list[Finding]:
        """What must be mended before training."""
        return [finding for finding in self.findings if finding.level == "fault"]

    def demand(self) -> LabelReading:
        """Give the reading of the labels, or refuse the set.

        Raises
        ------
        LabelError
            Naming the first fault, and how many more there are.
        """
        if self.faults or self.reading is None:
            first, others = self.faults[0], len(self.faults) - 1
            more = f" (and {others} more faults: `overtile check` lists them)" if others else ""
            raise LabelError(first.what + more, remedy=first.remedy, path=first.where)
        return self.reading

    def annotated(self) -> list[Annotated]:
        """Normalise the pages of a set without faults, each by its own grey values."""
        reading = self.demand()
        return [
            Annotated(
                name=page.name,
                pixels=normalise(page.pixels),
                labels=object_ids(page.labels, reading.kind),
                ignore=page.ignore,
            )
            for page in self.pages
        ]


def read_annotated(source: Source, should_stop: StopRequest = never) -> AnnotatedSet:
    """Read, pair and understand all images of a source.

    A file that cannot be used, or has no partner, becomes a fault in `AnnotatedSet.findings`, so
    that it does not hide the next.

    Raises
    ------
    ImageError, PairError
        If there is nothing at a place, or only images, or only labels.
    ConfigError
        If the background is to be ignored.
    StoppedError
        If `should_stop` gave an exit code.
    """
    source.partial.refuse_contradictions()
    pages: list[Page] = []
    images: list[Image] = []
    labels: list[Image] = []
    pairing = match_files(source.images, source.labels)
    findings = [fault(error, source.images) for error in pairing.faults]
    for pair in pairing.pairs:
        heed(should_stop, "stopped while the images were read", "give the same command again")
        try:
            image, partner = _read_pair(pair, source.axes)
        except OvertileError as error:
            findings.append(fault(error, str(pair.image)))
            continue
        images.append(image)
        labels.append(partner)
        for page in _pages(image, partner, source.partial):
            faults = check_page(page)
            findings += faults
            if not faults:
                pages.append(page)
    reading = None
    if pages:
        try:
            reading = _understand(pages, source)
            findings += check_set(pages, reading.kind)
        except OvertileError as error:
            findings.append(fault(error, source.labels))
        findings += _unlabelled(pages)
    numbers = [n for n, page in enumerate(pages) if page.ignore is None or not page.ignore.all()]
    pages = [pages[number] for number in numbers]
    findings += [*_notes_on(images, "images"), *_notes_on(labels, "label files")]
    return AnnotatedSet(
        pages=pages,
        numbers=numbers,
        reading=reading,
        findings=sorted(findings, key=lambda finding: finding.level == "note"),
        facts=_facts(source, images, pages, reading),
        pixel_size_um=next((image.pixel_size_um for image in images if image.pixel_size_um), None),
    )


def missing_classes(found: AnnotatedSet, labels: str) -> LabelError | None:
    """Tell that some of the class indices are in none of the label images, if so.

    Only a set to learn from must show them all: one to judge by may be small.
    """
    reading = found.reading
    if reading is None or reading.kind != "classes":
        return None
    shown = frozenset[int]().union(*(shown_classes(page.labels) for page in found.pages))
    missing = [str(index) for index in range(1, reading.classes) if index not in shown]
    if not missing:
        return None
    return LabelError(
        f"no image shows {'class' if len(missing) == 1 else 'classes'} {', '.join(missing)} of "
        f"0…{reading.classes - 1}, which cannot be learnt then",
        remedy="annotate some of it, or number the classes without gaps",
        path=labels,
    )


def data_digest(pages: Sequence[Page]) -> str:
    """Give the SHA-256 over all pixels and labels, in order; file names do not matter."""
    arrays = [array for page in pages for array in (page.pixels, page.labels, page.ignore)]
    return _digest(array for array in arrays if array is not None)


def image_digest(page: Page) -> str:
    """Give the SHA-256 over the pixels alone: it stays while labels grow."""
    return _digest([page.pixels])


def _digest(arrays: Iterable[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def page_names(path: Path, pages: int) -> list[str]:
    """Name the pages of a file; the file's name alone where it has one page. Pages count from 0."""
    file = printable(path.name)  # A file's name may hold what is no text, and records hold text.
    if pages == 1:
        return [file]
    return [f"{file} page {page}" for page in range(pages)]


def _read_pair(pair: Pair, axes: str | None) -> tuple[Image, Image]:
    image = read_image(pair.image, axes=axes)
    labels = _read_partner(pair, image, axes)
    if image.pages != labels.pages:
        raise PairError(
            f"has {image.pages} pages, its labels {pair.labels.name} have {labels.pages}",
            remedy="give as many label pages as image pages; if pages are channels, say --axes CYX",
            path=pair.image,
        )
    return image, labels


def _understand(pages: Sequence[Page], source: Source) -> LabelReading:
    labels = [page.labels for page in pages]
    missing = what_is_missing(labels, [page.ignore for page in pages], source.partial)
    if missing is not None:
        raise LabelError(missing[0], remedy=missing[1])
    return understand_labels(labels, source.label_kind)


def _unlabelled(pages: Sequence[Page]) -> list[Finding]:
    names = [page.name for page in pages if page.ignore is not None and page.ignore.all()]
    return [note(names, "left out, because none of their pixels is labelled:")] if names else []


def _pages(image: Image, labels: Image, partial: PartialLabels) -> list[Page]:
    names = page_names(image.path, image.pages)
    pages = []
    for name, pixels, stored in zip(names, image.pixels, labels.pixels, strict=True):
        page_labels, ignore = partial.read(stored[0])
        pages.append(Page(name=name, pixels=pixels, labels=page_labels, ignore=ignore))
    return pages


def _notes_on(files: Sequence[Image], of: str) -> list[Finding]:
    """Tell what was left out or guessed in reading, each thing once."""
    names: dict[str, list[str]] = {}
    for file in files:
        for text in file.notes:
            names.setdefault(text, []).append(printable(file.path.name))
    return [note(named, f"{text}, in", of) for text, named in names.items()]


def _read_partner(pair: Pair, image: Image, axes: str | None) -> Image:
    """Read the labels of an image; the axes that a user names are the image's, channels apart."""
    if axes is None:
        return read_labels(pair.labels)
    without_channels = "".join(letter for letter in axes.upper() if letter not in "CS")
    try:
        return read_labels(pair.labels, axes=without_channels)
    except LabelError:
        raise
    except OvertileError:
        # Their own metadata may still tell, such as a plain mask beside a T-stack of one frame.
        labels = read_labels(pair.labels)
        if labels.pages != image.pages:
            raise
        return labels


def _facts(
    source: Source,
    images: Sequence[Image],
    pages: Sequence[Page],
    reading: LabelReading | None,
) -> Facts:
    if not pages:
        return ()
    sizes = sorted({page.pixels.shape[1:] for page in pages})
    channels = sorted({len(page.pixels) for page in pages})
    readings = sorted({image.reading.split(", ", 1)[0] for image in images})
    facts = [
        ("images", f"{counted(len(pages), 'page')} in {counted(len(images), 'file')}"),
        ("size", _range([f"{height}x{width} px" for height, width in sizes])),
        ("axes", _range([text.removeprefix("axes ") for text in readings])),
        ("channels", _range([str(count) for count in channels])),
        ("grey values", _grey_values(pages)),
        ("pixel size", _range(_each_once(images, _pixel_size)) or "not told by the files"),
        *_ignored(source),
    ]
    if any(page.ignore is not None for page in pages):
        share = sum(_told(page).size for page in pages) / sum(page.labels.size for page in pages)
        facts.append(("labelled", f"{100 * share:.3g} % of the pixels; the others teach nothing"))
    if reading is not None:
        facts.append(("labels", reading.sentence))
        if reading.kind == "classes":
            return (*facts, ("classes", str(reading.classes)))
        counts = [int(object_ids(page.labels, reading.kind).max()) for page in pages]
        if reading.kind == "instances":
            counts = [np.unique(page.labels[page.labels > 0]).size for page in pages]
        inside = np.mean([np.mean(_told(page) > 0) for page in pages])
        facts.append(("objects", f"{sum(counts)}, from {min(counts)} to {max(counts)} an image"))
        facts.append(("foreground", f"{100 * inside:.0f} % of the pixels"))
    return tuple(facts)


def _told(page: Page) -> Labels:
    """Give the labels that say something, in no order."""
    return page.labels if page.ignore is None else page.labels[~page.ignore]


def _ignored(source: Source) -> Facts:
    files, folders = count_others(source.images, source.labels)
    counts = [(files, "other file"), (folders, "inner folder")]
    told = ", ".join(counted(count, what) for count, what in counts if count)
    return (("ignored", told),) if told else ()


def _grey_values(pages: Sequence[Page]) -> str:
    dtypes = "/".join(sorted({str(page.pixels.dtype) for page in pages}))
    low = min(page.pixels.min() for page in pages)
    high = max(page.pixels.max() for page in pages)
    return f"{dtypes}, {low:g} to {high:g}; normalised image by image"


def _each_once(images: Sequence[Image], tell: Callable[[Image], str]) -> list[str]:
    return sorted({text for image in images if (text := tell(image))})


def _pixel_size(image: Image) -> str:
    if image.pixel_size_um is None:
        return ""
    y, x = image.pixel_size_um
    return f"{y:g} x {x:g} um (y, x)"


def _range(texts: Sequence[str]) -> str:
    if len(texts) <= 3:
        return ", ".join(texts)
    return f"{texts[0]} to {texts[-1]} ({len(texts)} different)"
