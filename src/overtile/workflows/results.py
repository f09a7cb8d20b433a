"""A folder of results: what it was made with, which are complete, and what must not be touched."""

from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field

from overtile.choices import InferencePrecision, TestTimeAugmentation
from overtile.config import Settings
from overtile.errors import ImageError, OutputError, RecordError
from overtile.inference.openvino_engine import Ranges
from overtile.io import result_path
from overtile.progress import Progress
from overtile.records import read_record, write_record
from overtile.seal import file_digest
from overtile.storage import sweep

ResultKind: TypeAlias = Literal["labels", "foreground", "probabilities", "uncertainty", "overlay"]
RECORD_NAME = "predictions.json"
_SECONDS_BETWEEN_NOTES = 2.0


@dataclass(frozen=True, kw_only=True)
class PredictRequest:
    """What to predict, with what, and where to."""

    model: Path
    """A model file, or a run folder."""

    inputs: Sequence[str]
    """Files, folders or patterns."""

    out: Path
    save: tuple[ResultKind, ...] = ("labels", "foreground", "overlay")
    test_time: TestTimeAugmentation = "none"
    device: str = "auto"
    exact: bool = False
    """Compute in fp32 even where a faster arithmetic passes its gate."""

    fast: bool = False
    """Compute in 8-bit integers, by OpenVINO, where they pass their gate."""

    memory_bytes: int | None = None
    """What the process may take; most of what is free by default."""

    explain: bool = False
    """Say of each image how, in what memory and time it will be predicted."""

    axes: str | None = None
    suffix: str | None = None
    """End of the names of results instead of `_labels` and its like, if one kind is saved."""

    overwrite: bool = False


class FinishedImage(Settings):
    """An image whose results are complete."""

    image_sha256: str
    results: dict[str, str]
    """SHA-256 of each file of results, by its name."""

    def changed_results(self, folder: Path) -> list[str]:
        """Name the files that are not in the folder as they were left there."""
        return [
            name
            for name, digest in self.results.items()
            if digest_if_there(folder / name) != digest
        ]


class PredictionRecord(Settings):
    """What a folder of results was made with, and what it must hold to be complete.

    A second call goes on only with the same settings.
    """

    format: Literal[2] = 2
    model_sha256: str
    save: tuple[ResultKind, ...]
    test_time: TestTimeAugmentation
    axes: str | None
    suffix: str | None
    precision: InferencePrecision | None = None
    """Arithmetic of the network, chosen by the first image that was predicted."""

    ranges: Ranges = ()
    """What the convolutions see on that image, for arithmetic in 8 bits."""

    begun: tuple[str, ...] = ()
    """Names of images whose results are ours to write."""

    finished: dict[str, FinishedImage] = Field(default_factory=dict)
    """By the names of the images."""


class ResultFolder:
    """A folder of results and its record, to be used while the folder is held.

    Parameters
    ----------
    request : PredictRequest
    model_sha256 : str
        Of what is predicted with.
    """

    def __init__(self, request: PredictRequest, model_sha256: str) -> None:
        self.request = request
        self.path = request.out / RECORD_NAME
        self._claimed = False
        self._noted = -math.inf
        self.record = PredictionRecord(
            model_sha256=model_sha256,
            save=request.save,
            test_time=request.test_time,
            axes=request.axes,
            suffix=request.suffix,
            precision="fp32" if request.exact else None,
        )

    def open(self, images: Sequence[Path]) -> None:
        """Take up earlier work of the same kind, and refuse other work."""
        sweep(self.request.out)
        ours = self._earlier()
        self._refuse_results(images, ours)
        if not self.request.overwrite:
            for path in images:
                if stem(path) not in ours:
                    self._refuse_taken(path)
        begun = tuple(sorted({*ours, *(stem(path) for path in images if _is_text(path.name))}))
        self.record = self.record.model_copy(update={"begun": begun})

    def settle(self, precision: InferencePrecision, ranges: Ranges) -> None:
        """Keep the arithmetic that was chosen: results of one folder are all made with it."""
        self.record = self.record.model_copy(update={"precision": precision, "ranges": ranges})

    def claim(self) -> None:
        """Note, before the first result is written, which are ours to write and to replace."""
        if not self._claimed:
            write_record(self.path, self.record)
            self._claimed = True

    def has(self, path: Path, progress: Progress) -> bool:
        """Say whether the results of this very image are complete; tell if they no longer are."""
        finished = self._finished(path)
        if finished is None:
            return False
        changed = finished.changed_results(self.request.out)
        gone = [name for name in changed if not _is_there(self.request.out / name)]
        if digest_if_there(path) != finished.image_sha256:
            progress.say(f"{path.name} is not as it was: it is predicted again")
        elif gone:
            progress.say(f"{', '.join(gone)}: gone; {path.name} is predicted again")
        else:
            return not changed
        return False

    def refuse_changed(self, path: Path) -> None:
        """Refuse to replace a result that is not as it was written: it may be corrected by hand.

        Raises
        ------
        RecordError
            Naming the result.
        """
        finished = self._finished(path)
        changed = finished.changed_results(self.request.out) if finished else []
        kept = [name for name in changed if _is_there(self.request.out / name)]
        if kept:
            raise RecordError(
                f"its result {kept[0]} is not as it was written: damaged, or corrected by hand",
                remedy="move it to another folder to keep it, else remove it; then predict again",
            )

    def _finished(self, path: Path) -> FinishedImage | None:
        return None if self.request.overwrite else self.record.finished.get(stem(path))

    def refuse_name(self, path: Path) -> None:
        """Refuse an image whose results cannot be named after it.

        Raises
        ------
        ImageError
            If its name is not text, or too long once a result is named after it.
        """
        if not _is_text(path.name):
            raise ImageError("has a name that is not UTF-8", remedy="rename it", path=path)
        for kind in self.request.save:
            try:
                self.target(path, kind).lstat()
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    raise ImageError(
                        f"has too long a name for its {kind}", remedy="shorten it", path=path
                    ) from error

    def target(self, path: Path, kind: ResultKind) -> Path:
        """Give the file that a result of an image is written to; of a Zarr it is a Zarr."""
        found = result_path(self.request.out, path, kind, self.request.suffix)
        as_zarr = path.suffix == ".zarr" and kind != "overlay"
        return found.with_suffix(".zarr") if as_zarr else found

    def finish(self, path: Path, image_sha256: str) -> None:
        """Note that all results of an image are on disk."""
        targets = [self.target(path, kind) for kind in self.request.save]
        results = {target.name: file_digest(target) for target in targets}
        image = FinishedImage(image_sha256=image_sha256, results=results)
        finished = self.record.finished | {stem(path): image}
        self.record = self.record.model_copy(update={"finished": finished})
        # That of thousands takes a while; what a killed call did not note is predicted again.
        if time.monotonic() - self._noted > _SECONDS_BETWEEN_NOTES:
            self.note()

    def note(self) -> None:
        """Write the record; to be called when no image will follow."""
        write_record(self.path, self.record)
        self._noted = time.monotonic()

    def _earlier(self) -> set[str]:
        if not self.path.exists():
            return set()
        try:
            earlier = read_record(self.path, PredictionRecord)
        except RecordError as error:
            if self.request.overwrite:
                return set()
            raise RecordError(
                error.fault, remedy="choose another --out, or say --overwrite", path=self.path
            ) from error
        difference = _difference(earlier, self.record)
        if difference is None:
            precision = earlier.precision or self.record.precision
            kept = {
                "finished": earlier.finished,
                "precision": precision,
                "ranges": earlier.ranges,
            }
            self.record = self.record.model_copy(update=kept)
            return set(earlier.begun)
        if self.request.overwrite:
            return set()
        raise OutputError(
            f"holds results made with {difference}",
            remedy="choose another --out, or say --overwrite",
            path=self.request.out,
        )

    def _refuse_results(self, images: Sequence[Path], ours: set[str]) -> None:
        """Refuse to predict results, and with that to write over an image, even if asked to."""
        names = {*ours, *(stem(path) for path in images)}
        results = {
            os.path.realpath(self.target(Path(f"{name}.tif"), kind))
            for name in names
            for kind in self.request.save
        }
        for path in images:
            if os.path.realpath(path) in {*results, os.path.realpath(self.path)}:
                raise OutputError(
                    "is an image to predict, and would be a result too",
                    remedy="choose an --out apart from the images",
                    path=path,
                )

    def _refuse_taken(self, path: Path) -> None:
        for kind in self.request.save:
            target = self.target(path, kind)
            if _is_there(target):
                raise OutputError(
                    "is there already, and not from this model",
                    remedy="choose another --out, or say --overwrite",
                    path=target,
                )


def _difference(earlier: PredictionRecord, now: PredictionRecord) -> str | None:
    """Name the first setting that differs, in the user's words."""
    if earlier.model_sha256 != now.model_sha256:
        return "another model"
    if now.precision is not None and earlier.precision not in (None, now.precision):
        return f"arithmetic in {earlier.precision}, without --exact"
    options = {"save": "--save", "test_time": "--tta", "axes": "--axes", "suffix": "--suffix"}
    for field, option in options.items():
        before = getattr(earlier, field)
        if before != getattr(now, field):
            shown = ",".join(before) if isinstance(before, tuple) else before
            return f"{option} {shown or 'left out'}"
    return None


def image_digest(path: Path) -> str:
    """Give the SHA-256 of an image file.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    try:
        return file_digest(path)
    except OSError as error:
        raise ImageError(
            f"cannot be read ({error.strerror or error})",
            remedy="give the path of an image file",
            path=path,
        ) from error


def digest_if_there(path: Path) -> str | None:
    """Give the SHA-256 of a file; None if there is no file that can be read."""
    with suppress(OSError):
        return file_digest(path)
    return None


def _is_there(path: Path) -> bool:
    """Say whether a name is taken; one that is too long is not."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _is_text(name: str) -> bool:
    """Say whether a file's name is text: on Linux it may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def stem(path: Path) -> str:
    """Give the part of an image's name that its results bear too."""
    return path.stem.removesuffix(".ome")
