"""The images of a run: split when it starts, found again unchanged when it goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from overtile.data.check import Page
from overtile.data.kinds import LabelReading
from overtile.data.partial import shows
from overtile.data.sample import Annotated
from overtile.errors import ConfigError, ImageError, LabelError
from overtile.progress import StopRequest, never
from overtile.training.cut import Cut, cut_images, plan_cut
from overtile.training.run import PageRecord, RunRecord
from overtile.training.split import Split, places_of, shown_classes
from overtile.workflows.annotated import (
    AnnotatedSet,
    Source,
    data_digest,
    image_digest,
    missing_classes,
    read_annotated,
)
from overtile.workflows.hold_out import NEW, HoldOut, choose_held_out
from overtile.workflows.start_from import Seen


@dataclass(frozen=True, kw_only=True)
class RunData:
    """Everything that a run learns from and is judged by."""

    source: AnnotatedSet
    """As read from the images that the run was given."""

    split: Split
    training: Sequence[PageRecord]
    """What `split.training` is known by."""

    validation: Sequence[PageRecord]
    """What `split.validation` is known by; empty where it is cut out of the images trained on."""

    cut: Cut | None = None
    """How regions to validate on were cut out; None where whole images are held out, or none."""

    left_out: Sequence[PageRecord] = ()
    """What is neither learnt from nor judged."""

    @property
    def unlearnt_classes(self) -> tuple[int, ...]:
        """Classes that only images show which are not learnt from; of labels of kind `classes`."""
        if self.reading.kind != "classes":
            return ()
        shown = (shown_classes(image.labels) for image in self.split.training)
        learnt = frozenset[int]().union(*shown)
        return tuple(index for index in range(1, self.reading.classes) if index not in learnt)

    @property
    def reading(self) -> LabelReading:
        """How the labels are meant."""
        return self.source.demand()


def gather(
    source: Source,
    hold_out: HoldOut,
    default_fraction: float,
    gap_px: int,
    seen: Seen = NEW,
    should_stop: StopRequest = never,
) -> RunData:
    """Read all images of a new run and split them.

    Parameters
    ----------
    source : Source
    hold_out : HoldOut
    default_fraction : float
        Share to hold out where `hold_out` does not say it.
    gap_px : int
        Between what is learnt and what is judged, where regions are cut out of the images.
    seen : Seen, optional
        By the model that training starts from.
    should_stop : callable, optional

    Raises
    ------
    ImageError, LabelError, PairError
        If something must be mended first; the first fault is named.
    ConfigError
        If the pages to hold out do not exist.
    """
    found = read_annotated(source, should_stop)
    pages = found.annotated()
    missing = missing_classes(found, source.labels)
    if missing is not None:
        raise missing
    if hold_out.images is not None and hold_out.labels is not None:
        return _beside(found, hold_out.images, hold_out.labels, source)
    learnt = seen.learnt and any(image_digest(page) in seen.learnt for page in found.pages)
    # The regions that judged before are where they were, behind a gap.
    may_cut = not learnt or seen.cut_share == default_fraction
    if hold_out.fraction is None and hold_out.pages is None and may_cut:
        cut = plan_cut(pages, default_fraction, gap_px)
        data = _cut(found, pages, cut) if cut is not None else None
        if data is not None and not data.unlearnt_classes:
            return data
    held_out = choose_held_out(found, hold_out, default_fraction, seen)
    kept = {*held_out, *places_of(found.numbers, hold_out.left_out)}
    training = [number for number in range(len(pages)) if number not in kept]
    return _within(found, pages, training, held_out)


def gather_again(
    record: RunRecord, hold_out: HoldOut | None = None, should_stop: StopRequest = never
) -> RunData:
    """Read the images of a run again and split them as they were.

    Raises
    ------
    ImageError
        If they are not those that the run started with.
    ConfigError
        If `hold_out` names others to hold out than the run started with.
    """
    source = Source(
        images=record.images,
        labels=record.labels,
        axes=record.axes,
        label_kind=record.label_kind,
        partial=record.partial,
    )
    found = read_annotated(source, should_stop)
    if record.validation_images is not None and record.validation_labels is not None:
        data = _beside(found, record.validation_images, record.validation_labels, source)
        now = [*data.training, *data.validation]
    else:
        now = [_page_record(page) for page in found.pages]
    difference = _difference([*record.training, *record.validation, *record.left_out], now)
    if difference:
        raise ImageError(
            "the images or labels are not those that the run started with: " + difference,
            remedy="bring them back, or start a new run in another --out",
            path=record.images,
        )
    if record.cut is not None:
        data = _cut(found, found.annotated(), record.cut)
    elif record.validation_images is None:
        learnt, judged = ({page.name for page in of} for of in (record.training, record.validation))
        numbers = range(len(now))
        data = _within(
            found,
            found.annotated(),
            [number for number in numbers if now[number].name in learnt],
            [number for number in numbers if now[number].name in judged],
        )
    if hold_out is not None and not (hold_out.fraction is None and hold_out.pages is None):
        _refuse_other_split(record, data, hold_out)
    return data


def _difference(then: Sequence[PageRecord], now: Sequence[PageRecord]) -> str:
    """Name what was added, removed or changed; nothing if all is as it was."""
    before, after = Counter(then), Counter(now)
    gone, new = [page.name for page in before - after], [page.name for page in after - before]
    changed = [name for name in gone if name in new]
    parts = [
        (changed, "changed"),
        ([name for name in gone if name not in changed], "gone"),
        ([name for name in new if name not in changed], "new"),
    ]
    return ", ".join(f"{_some(names)} {what}" for names, what in parts if names)


def _refuse_other_split(record: RunRecord, data: RunData, hold_out: HoldOut) -> None:
    if hold_out.pages is None and record.start is not None:
        return  # Which share that was depends on a model that may be gone.
    names = [page.name for page in data.source.pages]
    asked = [names[place] for place in choose_held_out(data.source, hold_out, 0.0)]
    started = [page.name for page in record.validation]
    if asked != started:
        raise ConfigError(
            f"the run started with {_some(started)} held out, not {_some(asked)}",
            remedy="resume with the same command, or start a new run in another --out",
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + ", …" * (len(names) > 3) if names else "nothing"


def _beside(found: AnnotatedSet, images: str, labels: str, source: Source) -> RunData:
    """Validate on images of their own, whose labels mean what those of the training set mean."""
    reading = found.demand()
    beside = read_annotated(replace(source, images=images, labels=labels, label_kind=reading.kind))
    if beside.demand().classes > reading.classes:
        raise LabelError(
            f"has {beside.demand().classes} classes, the training labels {reading.classes}",
            remedy="train on images that show every class",
            path=labels,
        )
    if len(beside.pages[0].pixels) != len(found.pages[0].pixels):
        raise ImageError(
            f"has {len(beside.pages[0].pixels)} channels, the training images "
            f"{len(found.pages[0].pixels)}",
            remedy="validate on images like those of the training",
            path=images,
        )
    split = Split(training=found.annotated(), validation=beside.annotated())
    return _run_data(found, split, found.pages, beside.pages)


def _cut(found: AnnotatedSet, pages: Sequence[Annotated], cut: Cut) -> RunData:
    """Validate on regions that are cut out of the images."""
    training, validation = cut_images(pages, cut)
    split = Split(training=training, validation=validation)
    return replace(_run_data(found, split, found.pages, []), cut=cut)


def narrow_gap(data: RunData, gap_px: int) -> RunData:
    """Learn from more of images that were cut for a network that sees further than the chosen one.

    Parameters
    ----------
    data : RunData
    gap_px : int
        What the network sees around a pixel.

    Returns
    -------
    data : RunData
        The same if nothing is cut, or the gap is no wider.
    """
    if data.cut is None or data.cut.gap_px <= gap_px:
        return data
    cut = data.cut.model_copy(update={"gap_px": gap_px})
    return _cut(data.source, data.source.annotated(), cut)


def _within(
    found: AnnotatedSet, pages: Sequence[Annotated], training: list[int], held_out: list[int]
) -> RunData:
    """Validate on some of the images, given by number."""
    split = Split(
        training=[pages[number] for number in training],
        validation=[pages[number] for number in held_out],
    )
    return _run_data(
        found,
        split,
        [found.pages[number] for number in training],
        [found.pages[number] for number in held_out],
    )


def _run_data(
    found: AnnotatedSet, split: Split, training: Sequence[Page], validation: Sequence[Page]
) -> RunData:
    _refuse_empty_training(split.training)
    used = {id(page) for page in (*training, *validation)}
    return RunData(
        source=found,
        split=split,
        training=[_page_record(page) for page in training],
        validation=[_page_record(page) for page in validation],
        left_out=[_page_record(page) for page in found.pages if id(page) not in used],
    )


def _page_record(page: Page) -> PageRecord:
    return PageRecord(name=page.name, sha256=data_digest([page]), image_sha256=image_digest(page))


def _refuse_empty_training(images: Sequence[Annotated]) -> None:
    told = [shows(image.labels, image.ignore) for image in images]
    if not any(foreground for foreground, _ in told):
        raise LabelError(
            "no image that is trained on has any foreground",
            remedy="hold out others, or annotate more",
        )
    if any(image.ignore is not None for image in images) and not any(back for _, back in told):
        raise LabelError(
            "no image that is trained on has any background that is labelled",
            remedy="hold out others, or label more",
        )
