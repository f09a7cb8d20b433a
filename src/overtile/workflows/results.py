"""A folder of results: what it was made with, which are complete, and what must not be touched."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from pydantic import Field, ValidationError

from overtile.choices import TestTimeAugmentation
from overtile.config import Settings
from overtile.errors import ConfigError, OutputError
from overtile.io import result_path
from overtile.storage import make_folder, sweep, write_json

ResultKind: TypeAlias = Literal["labels", "foreground", "probabilities", "overlay"]
RECORD_NAME = "predictions.json"


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
    axes: str | None = None
    suffix: str | None = None
    """End of the names of results instead of `_labels` and its like, if one kind is saved."""

    overwrite: bool = False


class PredictionRecord(Settings):
    """What a folder of results was made with; a second call goes on only with the same."""

    format: Literal[1] = 1
    model_sha256: str
    save: tuple[ResultKind, ...]
    test_time: TestTimeAugmentation
    axes: str | None
    suffix: str | None
    begun: tuple[str, ...] = ()
    """Names of images whose results are ours to write."""

    finished: dict[str, str] = Field(default_factory=dict)
    """Names of images whose results are complete, with the SHA-256 of the image file."""


class ResultFolder:
    """A folder of results and its record.

    Parameters
    ----------
    request : PredictRequest
    model_file : path
        The file that is predicted with.
    """

    def __init__(self, request: PredictRequest, model_file: Path) -> None:
        self.request = request
        self.path = request.out / RECORD_NAME
        self._claimed = False
        self.record = PredictionRecord(
            model_sha256=_digest(model_file),
            save=request.save,
            test_time=request.test_time,
            axes=request.axes,
            suffix=request.suffix,
        )

    def open(self, images: Sequence[Path]) -> None:
        """Take up earlier work of the same kind, and refuse other work."""
        make_folder(self.request.out)
        sweep(self.request.out)
        ours = self._earlier()
        self._refuse_results(images, ours)
        if not self.request.overwrite:
            for path in images:
                if stem(path) not in ours:
                    self._refuse_taken(path)
        begun = tuple(sorted({*ours, *(stem(path) for path in images)}))
        self.record = self.record.model_copy(update={"begun": begun})

    def claim(self) -> None:
        """Note, before the first result is written, which are ours to write and to replace."""
        if not self._claimed:
            write_json(self.path, self.record.model_dump(mode="json"))
            self._claimed = True

    def has(self, path: Path) -> bool:
        """Say whether the results of this very image are complete."""
        if self.request.overwrite or stem(path) not in self.record.finished:
            return False
        targets = [self.target(path, kind) for kind in self.request.save]
        same = self.record.finished[stem(path)] == _digest(path)
        return same and all(target.is_file() for target in targets)

    def target(self, path: Path, kind: ResultKind) -> Path:
        """Give the file that a result of an image is written to."""
        return result_path(self.request.out, path, kind, self.request.suffix)

    def finish(self, path: Path) -> None:
        """Note that all results of an image are on disk."""
        finished = self.record.finished | {stem(path): _digest(path)}
        self.record = self.record.model_copy(update={"finished": finished})
        write_json(self.path, self.record.model_dump(mode="json"))

    def _earlier(self) -> set[str]:
        if not self.path.exists():
            return set()
        try:
            earlier = PredictionRecord.model_validate_json(self.path.read_bytes())
        except (OSError, ValidationError) as error:
            if self.request.overwrite:
                return set()
            raise OutputError(
                "is no record of predictions that is understood",
                remedy="choose another --out, or say --overwrite",
                path=self.path,
            ) from error
        difference = _difference(earlier, self.record)
        if difference is None:
            self.record = self.record.model_copy(update={"finished": earlier.finished})
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
            self.target(Path(f"{name}.tif"), kind).resolve()
            for name in names
            for kind in self.request.save
        }
        for path in images:
            if path.resolve() in results:
                raise OutputError(
                    "is an image to predict, and would be a result too",
                    remedy="choose an --out apart from the images",
                    path=path,
                )

    def _refuse_taken(self, path: Path) -> None:
        for kind in self.request.save:
            target = self.target(path, kind)
            if target.exists():
                raise OutputError(
                    "is there already, and not from this model",
                    remedy="choose another --out, or say --overwrite",
                    path=target,
                )


def _difference(earlier: PredictionRecord, now: PredictionRecord) -> str | None:
    """Name the first setting that differs, in the user's words."""
    if earlier.model_sha256 != now.model_sha256:
        return "another model"
    options = {"save": "--save", "test_time": "--tta", "axes": "--axes", "suffix": "--suffix"}
    for field, option in options.items():
        before = getattr(earlier, field)
        if before != getattr(now, field):
            shown = ",".join(before) if isinstance(before, tuple) else before
            return f"{option} {shown or 'left out'}"
    return None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stem(path: Path) -> str:
    """Give the part of an image's name that its results bear too."""
    return path.stem.removesuffix(".ome")


def parse_kinds(text: str) -> tuple[ResultKind, ...]:
    """Read a list such as ``labels,overlay``.

    Raises
    ------
    ConfigError
        If it is empty or holds an unknown kind.
    """
    known: tuple[ResultKind, ...] = get_args(ResultKind)
    asked = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [part for part in asked if part not in known]
    if unknown or not asked:
        raise ConfigError(
            f"`--save` {text!r} is not a list of results", remedy=f"use any of {', '.join(known)}"
        )
    return tuple(kind for kind in known if kind in asked)
